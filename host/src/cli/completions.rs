//! `innkeeper completions`

use std::env;
use std::process::ExitCode;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::env::{Bash, EnvCompleter, Fish, Shells, Zsh};

use super::command::Arguments;
use super::failure::Failure;
use super::output;

/// The program, as shells find it.
const PROGRAM: &str = "innkeeper";
/// The variable by which the scripts ask it what a line is completed by; it says the shell.
const VARIABLE: &str = "INNKEEPER_COMPLETE";
/// The shells whose completion is tried.
const SHELLS: Shells<'static> = Shells(&[&Bash, &Zsh, &Fish]);

/// Answers a script that asks what a line is completed by; none when nothing is to be completed. To be called before anything else is done: it changes the environment.
pub(super) fn answer() -> Option<ExitCode> {
    let completing = CompleteEnv::with_factory(Arguments::command);
    let completing = completing.var(VARIABLE).bin(PROGRAM).shells(SHELLS);
    let here = env::current_dir().ok();
    match completing.try_complete(env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        // Nobody reads what is said while a line is typed.
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// Print what completes commands, flags, and the names of contexts in a shell
///
/// The script asks the `innkeeper` that the shell finds, so it stays good for newer ones. The contexts are those of the manifest here, or of the one that --app names.
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

/// The shells by their names.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        let shell: &dyn EnvCompleter = match self.shell {
            Known::Bash => &Bash,
            Known::Zsh => &Zsh,
            Known::Fish => &Fish,
        };
        let mut script = Vec::new();
        shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
        Ok(output::own(&script)?)
    }
}
