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
  innkeeper new night-desk --in stay  a context of the app in ./stay
  innkeeper new library --contexts catalog,members,loans")]
pub(super) struct New {
    /// The context's name: lower-case letters, digits and dashes
    name: String,
    /// The directory of the app, or where to make it
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Make a new app of that name instead, with these contexts, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    contexts: Vec<String>,
}

impl New {
    pub async fn run(self) -> Result<(), Failure> {
        let Self {
            name,
            directory,
            contexts,
        } = self;
        let making = tokio::task::spawn_blocking(move || match contexts.is_empty() {
            true => build::new_context(&directory, &name).map(|created| vec![created]),
            false => build::new_app(&directory, &name, &contexts),
        });
        let created = making.await.map_err(|_| Failure::Interrupted)??;
        tell(&created)
    }
}

fn tell(created: &[Created]) -> Result<(), Failure> {
    for Created { package, .. } in created {
        output::line(format_args!("made {}", package.display()))?;
    }
    let Some(Created { app, .. }) = created.first() else {
        return Ok(());
    };
    let enter = match app == Path::new(".") {
        true => String::new(),
        false => format!("cd {} && ", app.display()),
    };
    output::note(format_args!("Next: {enter}innkeeper up --watch"));
    Ok(())
}
