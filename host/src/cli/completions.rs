//! `innkeeper completions`

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::command::Arguments;
use super::failure::Failure;
use super::output;

/// Print what completes commands and flags in a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper completions bash > ~/.local/share/bash-completion/completions/innkeeper
  innkeeper completions zsh > \"${fpath[1]}/_innkeeper\"
  innkeeper completions fish > ~/.config/fish/completions/innkeeper.fish")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Known,
}

/// The shells whose completion is tried.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "innkeeper", &mut script);
        Ok(output::own(&script)?)
    }
}
