//! Building contexts in JavaScript and TypeScript: an npm package is bundled, and becomes a component with the engine in it. What does that is the SDK's
//! (`sdk/tools/build.js`), run by Node; here it is installed, run, and its component kept.

mod lock;
mod npm;
mod package;
mod workspaces;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

pub(super) use package::Package;

use self::lock::Lock;
use super::{Error, Options, Source};
use crate::core::human_duration;

/// How long what is installed, and the component of a context, may take: a registry may take a connection and never answer.
const LONGEST: Duration = Duration::from_secs(600);
/// What builds a component, below the folder of what is installed.
const BUILDER: &str = "innkeeper-sdk/tools/build.js";

/// A component that was made. Nobody else makes another one in its place while this is there.
#[derive(Debug)]
pub(super) struct Made {
    /// The file that it is in.
    pub(super) file: PathBuf,
    _lock: Lock,
}

/// Builds the component of a context. Each line that is said of that is told.
pub(super) async fn build(
    package: &Package,
    options: &Options,
    line: impl Fn(&str) + Send + Sync,
) -> Result<Made, Error> {
    npm::install(&package.workspace, &line).await?;
    let directory = package.work(&options.target(&package.workspace));
    let lock = Lock::of(directory.join("lock"), &line).await?;
    let builder = package.installed(BUILDER);
    let mut command = Command::new("node");
    command
        .arg(builder)
        .arg(&package.directory)
        .arg(&package.name)
        .arg(&directory)
        .current_dir(&package.workspace);
    let output = told(&mut command, "node", &line).await?;
    match output {
        None => Ok(Made {
            file: directory.join("component.wasm"),
            _lock: lock,
        }),
        Some(output) => Err(Error::Compile { output }),
    }
}

/// Runs the tests of a context, with what its package says: the script `test`. Each line that is said of what has to be installed for them is told.
pub(super) async fn test(source: &Source, line: impl Fn(&str) + Send + Sync) -> Result<(), Error> {
    let package = Package::read(source)?;
    npm::install(&package.workspace, line).await?;
    let status = Command::new("npm")
        .args(["run", "test", "--silent", "--if-present"])
        .current_dir(&package.directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(cannot_run("npm"))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::Tests),
    }
}

/// Runs a program, and tells each line that it prints; answers what it says is wrong, if it does. One that does not end in time is ended.
async fn told(
    command: &mut Command,
    program: &'static str,
    line: impl Fn(&str) + Send + Sync,
) -> Result<Option<String>, Error> {
    told_within(LONGEST, command, program, line).await
}

async fn told_within(
    longest: Duration,
    command: &mut Command,
    program: &'static str,
    line: impl Fn(&str) + Send + Sync,
) -> Result<Option<String>, Error> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot_run(program))?;
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
            let status = status.map_err(cannot_run(program))?;
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

fn cannot_run(program: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Node { program, source }
}

/// The files that the component of a context was found to be made of, when it was built last.
pub(super) fn noted_dependencies(work: &Path) -> PathBuf {
    work.join("component.d")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    async fn shell(script: &str, longest: Duration) -> (Option<String>, Vec<String>) {
        let lines = Mutex::new(Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let line = |text: &str| lines.lock().unwrap().push(text.to_owned());
        let wrong = told_within(longest, &mut command, "sh", line).await;
        (wrong.unwrap(), lines.into_inner().unwrap())
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
        let missing = told(&mut missing, "node", |_| ()).await;
        assert!(matches!(missing, Err(Error::Node { .. })), "{missing:?}");
    }
}
