//! `innkeeper man`

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};

use super::command::Arguments;
use super::failure::Failure;

/// Write manual pages: one for innkeeper, and one for each command
///
/// `man innkeeper` and `man innkeeper-deploy` find them in a folder man1 of the MANPATH.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper man --to ~/.local/share/man/man1")]
pub(super) struct Man {
    /// The folder, which is made where it is not there
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Man {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { to } = self;
        let writing = tokio::task::spawn_blocking(move || write(&to));
        writing.await.map_err(|_| Failure::Interrupted)?
    }
}

/// Blocks.
fn write(to: &Path) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(to)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), to));
    written.map_err(|source| Failure::File {
        file: to.to_owned(),
        source,
    })
}
