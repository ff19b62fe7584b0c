//! Building contexts in Python: a project becomes a component with the interpreter in it. What does that is the SDK's (`sdk/tools/build.py`); here what it needs is
//! installed, and it is run, and its component kept.

mod pip;
mod project;
mod requirements;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

pub(super) use project::Project;
pub(super) use requirements::lists;

use super::lock::{Lock, OF_THE_CONTEXT};
use super::program::{Made, told};
use super::{Error, Options, Source};

/// What builds a component, below the workspace.
const BUILDER: &str = "sdk/tools/build.py";
/// How pytest says that it has found no tests.
const NO_TESTS: i32 = 5;

/// Finds what builds it: Python, with what makes environments for the rest.
pub(super) async fn find() -> Result<String, Error> {
    let version = pip::version().await?;
    let system = Path::new("python3");
    let mut asking = python(system);
    asking.args(["-I", "-c", "import ensurepip, venv"]);
    match told(&mut asking, "python3", |_| (), cannot_run(system)).await? {
        None => Ok(version),
        Some(output) => Err(Error::Environment {
            path: "target/venv".into(),
            output,
        }),
    }
}

/// Builds the component of a context. Each line that is said of that is told.
pub(super) async fn build(
    project: &Project,
    options: &Options,
    line: impl Fn(&str) + Send + Sync,
) -> Result<Made, Error> {
    let installed = pip::install(&project.workspace, &line).await?;
    let directory = project.work(&options.target(&project.workspace));
    let lock = Lock::of(directory.join("lock"), OF_THE_CONTEXT, &line).await?;
    let mut command = python(&installed);
    command
        .args(["-I", "-B"])
        .arg(project.workspace.join(BUILDER))
        .arg(&project.directory)
        .arg(project.name.as_str())
        .arg(&directory)
        .current_dir(&project.workspace);
    let output = told(&mut command, "python", &line, cannot_run(&installed)).await?;
    match output {
        None => Ok(Made::new(directory.join("component.wasm"), lock)),
        Some(output) => Err(Error::Compile { output }),
    }
}

/// Runs the tests of a context with pytest. Each line that is said of what has to be installed for them is told.
pub(super) async fn test(source: &Source, line: impl Fn(&str) + Send + Sync) -> Result<(), Error> {
    let project = Project::read(source)?;
    let installed = pip::install(&project.workspace, line).await?;
    let status = python(&installed)
        .args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .current_dir(&project.directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(cannot_run(&installed))?;
    match status.code() {
        Some(0 | NO_TESTS) => Ok(()),
        _ => Err(Error::Tests),
    }
}

/// A Python that imports what is installed for it, and nothing that the environment of whoever builds names: that would be in no digest.
fn python(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .env("PYTHONNOUSERSITE", "1");
    command
}

fn cannot_run(program: &Path) -> impl Fn(std::io::Error) -> Error {
    let program = program.display().to_string();
    move |source| Error::Python {
        program: program.clone(),
        source,
    }
}

/// The files that the component of a context was found to be made of, when it was built last.
pub(super) fn noted_dependencies(work: &Path) -> PathBuf {
    work.join("component.d")
}
