//! Building contexts in JavaScript and TypeScript: an npm package is bundled, and becomes a component with an engine in it. What does that is the SDK's
//! (`sdk/tools/build.js`), run by Node; here it is installed, run, and its component kept.

mod engine;
mod npm;
mod package;
mod workspaces;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

pub(super) use package::Package;

use super::lock::{Lock, OF_THE_CONTEXT};
use super::program::{Made, told};
use super::{Error, Options, Source};

/// What builds a component, below the folder of what is installed.
const BUILDER: &str = "innkeeper-sdk/tools/build.js";

/// Finds what builds it: Node, and npm, which installs the rest.
pub(super) async fn find() -> Result<String, Error> {
    let version = npm::version().await?;
    let asking = Command::new("npm").arg("--version").output().await;
    asking.map_err(cannot_run("npm"))?;
    Ok(format!("Node.js {version}"))
}

/// Builds the component of a context. Each line that is said of that is told.
pub(super) async fn build(
    package: &Package,
    options: &Options,
    line: impl Fn(&str) + Send + Sync,
) -> Result<Made, Error> {
    npm::install(&package.workspace, &line).await?;
    let target = options.target(&package.workspace);
    let tools = package.engine.install(package, &target, &line).await?;
    let directory = package.work(&target);
    let lock = Lock::of(directory.join("lock"), OF_THE_CONTEXT, &line).await?;
    let builder = package.installed(BUILDER);
    let mut command = Command::new("node");
    command
        .arg(builder)
        .arg(&package.directory)
        .arg(package.name.as_str())
        .arg(&directory)
        .arg(package.engine.name())
        .args(tools)
        .current_dir(&package.workspace);
    let output = told(&mut command, "node", &line, cannot_run("node")).await?;
    match output {
        None => Ok(Made::new(directory.join("component.wasm"), lock)),
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

fn cannot_run(program: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Node { program, source }
}

/// The files that the component of a context was found to be made of, when it was built last.
pub(super) fn noted_dependencies(work: &Path) -> PathBuf {
    work.join("component.d")
}
