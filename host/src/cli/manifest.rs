//! `innkeeper manifest`

use std::path::{Path, PathBuf};

use clap::Args;

use super::app_flags::AppFlags;
use super::failure::Failure;
use super::output;
use crate::manifest::reference;

/// Check the manifest, or print what it may say
///
/// Without flags, says whether the manifest can be read, with the variables of the environment, and what would be wrong.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper manifest
  innkeeper manifest --reference
  innkeeper manifest --reference --write docs/manifest.md")]
pub(super) struct Manifest {
    /// Print every key with its type, its default, whether it is read live, and what it is, in Markdown
    #[arg(long)]
    reference: bool,
    /// Write that to a file instead
    #[arg(long, value_name = "FILE", requires = "reference")]
    write: Option<PathBuf>,
    #[command(flatten)]
    app: AppFlags,
}

impl Manifest {
    pub async fn run(self) -> Result<(), Failure> {
        match (self.reference, self.write) {
            (false, _) => {
                let manifest = self.app.load()?;
                let contexts = manifest.contexts.len();
                let s = if contexts == 1 { "" } else { "s" };
                let name = &manifest.app.name;
                Ok(output::line(format_args!(
                    "{}: {name}, with {contexts} context{s}",
                    self.app.manifest.display()
                ))?)
            }
            (true, None) => {
                for line in reference().lines() {
                    output::line(line)?;
                }
                Ok(())
            }
            (true, Some(file)) => write(&file).await,
        }
    }
}

async fn write(file: &Path) -> Result<(), Failure> {
    let written = tokio::fs::write(file, reference()).await;
    written.map_err(|source| Failure::File {
        file: file.to_owned(),
        source,
    })
}
