//! Programs that build contexts in other languages: what they print is told as it comes, and none is waited for without end.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::Error;
use super::lock::Lock;
use crate::core::{counted, human_duration};

/// How long what is installed, and the component of a context, may take: a registry may take a connection and never answer.
const LONGEST: Duration = Duration::from_secs(600);

/// How many lines of what a program says went wrong are shown: the last ones say it, and installers may print hundreds.
const SHOWN: usize = 20;

/// A component that was made. Nobody else makes another one in its place while this is there.
#[derive(Debug)]
pub(super) struct Made {
    /// The file that it is in.
    pub(super) file: PathBuf,
    _lock: Lock,
}

impl Made {
    /// One that was made under a lock.
    pub(super) fn new(file: PathBuf, lock: Lock) -> Self {
        Self { file, _lock: lock }
    }
}

/// The last lines of what a program has printed, and how many there are before them.
pub(super) fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.trim_end().lines().collect();
    match lines.split_at_checked(lines.len().saturating_sub(SHOWN)) {
        Some((before, last)) if !before.is_empty() => {
            let before = counted(before.len(), "line");
            format!("({before} before these)\n{}", last.join("\n"))
        }
        _ => lines.join("\n"),
    }
}

/// Runs a program, and tells each line that it prints; answers what it says is wrong, if it does. One that does not end in time is ended. `missing` says what is to be
/// done where it cannot be run.
pub(super) async fn told(
    command: &mut Command,
    program: &str,
    line: impl Fn(&str) + Send + Sync,
    missing: impl Fn(std::io::Error) -> Error,
) -> Result<Option<String>, Error> {
    told_within(LONGEST, command, program, line, missing).await
}

async fn told_within(
    longest: Duration,
    command: &mut Command,
    program: &str,
    line: impl Fn(&str) + Send + Sync,
    missing: impl Fn(std::io::Error) -> Error,
) -> Result<Option<String>, Error> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(&missing)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let telling = async {
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(text)) = lines.next_line().await {
                line(&text);
            }
        }
    };
    let gathering = async {
        let mut output = String::new();
        if let Some(stderr) = stderr {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(text)) = lines.next_line().await {
                output.push_str(&text);
                output.push('\n');
            }
        }
        output
    };
    let ending = async {
        let ((), output, status) = tokio::join!(telling, gathering, child.wait());
        (output, status)
    };
    match tokio::time::timeout(longest, ending).await {
        Ok((output, status)) => {
            let status = status.map_err(&missing)?;
            Ok((!status.success()).then(|| output.trim_end().to_owned()))
        }
        Err(_) => {
            let longest = human_duration(longest);
            Ok(Some(format!(
                "{program} has not ended in {longest}, and was ended"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn cannot_run(source: std::io::Error) -> Error {
        let program = "node";
        Error::Node { program, source }
    }

    async fn shell(script: &str, longest: Duration) -> (Option<String>, Vec<String>) {
        let lines = Mutex::new(Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let line = |text: &str| lines.lock().unwrap().push(text.to_owned());
        let wrong = told_within(longest, &mut command, "sh", line, cannot_run).await;
        (wrong.unwrap(), lines.into_inner().unwrap())
    }

    #[test]
    fn of_what_is_long_the_last_lines_are_shown() {
        let said = |count: usize| {
            (1..=count)
                .map(|number| format!("{number}\n"))
                .collect::<String>()
        };
        assert_eq!(last_lines(&said(2)), "1\n2");
        assert_eq!(last_lines(&said(SHOWN)).lines().count(), SHOWN);
        let last = last_lines(&said(SHOWN + 1));
        assert!(last.starts_with("(1 line before these)\n2\n"), "{last}");
        assert!(
            last.ends_with("\n21") && last.lines().count() == SHOWN + 1,
            "{last}"
        );
    }

    #[tokio::test]
    async fn what_a_program_says_is_told_and_one_that_does_not_end_is_ended() {
        let (wrong, lines) = shell("echo one; echo two", LONGEST).await;
        assert_eq!((wrong, lines.join(" ")), (None, "one two".to_owned()));
        let (wrong, _) = shell("echo no >&2; exit 1", LONGEST).await;
        assert_eq!(wrong.as_deref(), Some("no"));
        // Something that holds its output open, and says nothing.
        let (wrong, _) = shell("exec sleep 600", Duration::from_millis(50)).await;
        assert!(wrong.is_some_and(|wrong| wrong.contains("has not ended in")));
        let mut missing = Command::new("/nonexistent/node");
        let missing = told(&mut missing, "node", |_| (), cannot_run).await;
        assert!(matches!(missing, Err(Error::Node { .. })), "{missing:?}");
    }
}
