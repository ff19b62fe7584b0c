//! Building contexts in JavaScript and TypeScript: an npm package is bundled, and becomes a component with the engine in it. What does that is the SDK's
//! (`sdk/tools/build.js`), run by Node; here it is installed, run, and its component kept.

mod npm;
mod package;

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

pub(super) use package::Package;

use super::{Error, Options, Source};

/// What builds a component, below the folder of what is installed.
const BUILDER: &str = "innkeeper-sdk/tools/build.js";

/// Builds the component of a context; answers the file that it is in. Each line that is said of that is told.
pub(super) async fn build(
    package: &Package,
    options: &Options,
    line: impl Fn(&str) + Send + Sync,
) -> Result<std::path::PathBuf, Error> {
    npm::install(&package.workspace, &line).await?;
    let directory = package.work(&options.target(&package.workspace));
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
        None => Ok(directory.join("component.wasm")),
        Some(output) => Err(Error::Compile { output }),
    }
}

/// Runs the tests of a context, with what its package says: the script `test`.
pub(super) async fn test(source: &Source) -> Result<(), Error> {
    let package = Package::read(source)?;
    npm::install(&package.workspace, |_| {}).await?;
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

/// Runs a program, and tells each line that it prints; answers what it says is wrong, if it does.
async fn told(
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
    let ((), output) = tokio::join!(telling, gathering);
    let status = child.wait().await.map_err(cannot_run(program))?;
    Ok((!status.success()).then(|| output.trim_end().to_owned()))
}

fn cannot_run(program: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Node { program, source }
}

/// The files that the component of a context was found to be made of, when it was built last.
pub(super) fn noted_dependencies(work: &Path) -> std::path::PathBuf {
    work.join("component.d")
}
