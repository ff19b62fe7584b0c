//! `innkeeper new`

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::output;
use crate::build::{self, Created};

/// Make a context that builds, runs and is tested
///
/// In a directory with an innkeeper.toml the context is added to that app; elsewhere a new app is made in a directory of that name.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper new lobby                 a new app in ./lobby, or a context of the app here
  innkeeper new night-desk --in stay  a context of the app in ./stay")]
pub(super) struct New {
    /// The context's name: lower-case letters, digits and dashes
    name: String,
    /// The directory of the app, or where to make it
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

impl New {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { name, directory } = self;
        let making = tokio::task::spawn_blocking(move || build::new_context(&directory, &name));
        let created = making.await.map_err(|_| Failure::Interrupted)??;
        tell(&created)
    }
}

fn tell(created: &Created) -> Result<(), Failure> {
    output::line(format_args!("made {}", created.package.display()))?;
    let enter = match created.app == Path::new(".") {
        true => String::new(),
        false => format!("cd {} && ", created.app.display()),
    };
    output::note(format_args!("Next: {enter}innkeeper up"));
    Ok(())
}
