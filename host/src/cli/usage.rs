//! What a command line that cannot be understood is answered with: one line.

use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::command::Arguments;
use super::output;

/// Prints the help that was asked for, or what is wrong.
pub(super) fn answer(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone wanted no more help.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            let arguments = std::env::args_os().skip(1);
            let command = command(arguments.map(|text| text.to_string_lossy().into_owned()));
            output::note(explain(&error.to_string(), &command));
            ExitCode::from(2)
        }
    }
}

/// Clap's explanation in one line: what is wrong, its tips, and where help is.
fn explain(text: &str, command: &str) -> String {
    let lines = text.lines().map(str::trim);
    let said = lines.filter(|line| {
        !(line.is_empty()
            || line.starts_with("Usage: ")
            || line.starts_with("For more information"))
    });
    let said: Vec<&str> = said
        .map(|line| line.strip_prefix("tip: ").unwrap_or(line))
        .collect();
    let said = said.join("; ").replace(":; ", ": ");
    format!("{said}; see `{command} --help`")
}

/// The command that these arguments name, as far as there is one.
fn command(arguments: impl IntoIterator<Item = String>) -> String {
    let mut name = "innkeeper".to_owned();
    let mut known = Arguments::command();
    for argument in arguments {
        let Some(found) = known.find_subcommand(&argument) else {
            break;
        };
        name = format!("{name} {argument}");
        known = found.clone();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_is_one_line() {
        let said = "error: unexpected argument '--ap' found\n\n  tip: a similar argument exists: '--app'\n\nUsage: innkeeper serve --app <FILE>\n\nFor more information, try '--help'.\n";
        assert_eq!(
            explain(said, "innkeeper serve"),
            "error: unexpected argument '--ap' found; a similar argument exists: '--app'; see `innkeeper serve --help`"
        );
        let said = "error: the following required arguments were not provided:\n  <ID>\n\nUsage: innkeeper story <ID>\n\nFor more information, try '--help'.\n";
        assert_eq!(
            explain(said, "innkeeper story"),
            "error: the following required arguments were not provided: <ID>; see `innkeeper story --help`"
        );
    }

    #[test]
    fn help_is_named_where_it_helps() {
        let named = |arguments: &[&str]| command(arguments.iter().map(|text| (*text).to_owned()));
        assert_eq!(named(&["serve", "--ap"]), "innkeeper serve");
        assert_eq!(
            named(&["dead-letters", "retry", "room"]),
            "innkeeper dead-letters retry"
        );
        assert_eq!(named(&["--verbose", "serve"]), "innkeeper");
        assert_eq!(named(&["srve"]), "innkeeper");
    }
}
