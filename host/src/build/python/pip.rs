//! What builds and tests contexts in Python, installed by pip into an environment in the folder of their workspace: never for all of the machine, and only when such a
//! context is there. Each list of what is to be installed has an environment of its own, so that one which cannot be installed takes nothing from those that were, and
//! none is changed while somebody builds with it.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::requirements::{REQUIREMENTS, checksum};
use super::{cannot_run, python};
use crate::build::Error;
use crate::build::lock::Lock;
use crate::build::program::{last_lines, told};

/// The oldest version of Python that the tools run with.
const OLDEST: (u32, u32) = (3, 11);
/// The environments, below the workspace.
const ENVIRONMENTS: &str = "target/venv";
/// How much of the checksum of its list an environment is named by.
const NAME: usize = 16;
/// Notes for what it was installed last, below the environment.
const NOTED: &str = ".innkeeper";
/// Who holds its lock installs.
const LOCK: &str = "target/venv.lock";
/// By what pip is told to install elsewhere.
const ELSEWHERE: [&str; 4] = ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER"];
/// What pip says where its index does not answer.
const UNANSWERED: [&str; 4] = [
    "from versions: none",
    "Could not fetch URL",
    "Retrying (Retry",
    "has not ended in",
];

/// Installs what the workspace names, unless that was done; answers the Python that has it.
pub(super) async fn install(
    workspace: &Path,
    line: impl Fn(&str) + Send + Sync,
) -> Result<PathBuf, Error> {
    let wanted = wanted(workspace).await?;
    let name: String = wanted.chars().take(NAME).collect();
    let environment = workspace.join(ENVIRONMENTS).join(name);
    let installed = environment.join("bin/python");
    if is_installed(&environment, &wanted).await {
        return Ok(installed);
    }
    version().await?;
    let lock = workspace.join(LOCK);
    let _lock = Lock::of(lock, "another installation of what builds Python", &line).await?;
    // Whoever was waited for may have done it.
    if is_installed(&environment, &wanted).await {
        return Ok(installed);
    }
    line("installing what builds Python, by pip");
    let system = Path::new("python3");
    let mut making = python(system);
    making.args(["-I", "-m", "venv", "--clear"]);
    making.arg(&environment);
    if let Some(output) = told(&mut making, "python3", |_| (), cannot_run(system)).await? {
        return Err(Error::Environment {
            path: environment,
            output: last_lines(&output),
        });
    }
    let mut installing = pip_install(workspace, &installed);
    let of_note = |said: &str| {
        let said = said.trim();
        if said.starts_with("Downloading") || said.starts_with("Installing") {
            line(said);
        }
    };
    let wrong = told(&mut installing, "pip", of_note, cannot_run(&installed)).await?;
    let wrong = match wrong {
        Some(output) => Some(output),
        // Its settings may have led it elsewhere.
        None => not_usable(&installed).await?,
    };
    if let Some(output) = wrong {
        return Err(Error::Pip {
            list: workspace.join(REQUIREMENTS),
            hint: hint(&output),
            output: last_lines(&output),
        });
    }
    // What was changed meanwhile may be installed or not.
    if self::wanted(workspace).await? == wanted {
        let noted = environment.join(NOTED);
        tokio::fs::write(&noted, wanted)
            .await
            .map_err(Error::file(&noted))?;
    }
    Ok(installed)
}

/// What installs what the workspace names with the Python of an environment.
fn pip_install(workspace: &Path, installed: &Path) -> Command {
    let mut installing = python(installed);
    installing
        // Its lines are to come when they are said.
        .args(["-I", "-u", "-m", "pip", "install"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(["--progress-bar", "off"])
        // Nothing of what is installed is run for that, and each file is the one that was tried.
        .args(["--only-binary", ":all:", "--require-hashes"])
        .arg("--requirement")
        .arg(workspace.join(REQUIREMENTS))
        .current_dir(workspace);
    for name in ELSEWHERE {
        installing.env_remove(name);
    }
    installing
}

/// What else may be done where pip has failed.
fn hint(output: &str) -> &'static str {
    match UNANSWERED.iter().any(|said| output.contains(said)) {
        true => "; can it reach its index?",
        false => "",
    }
}

async fn is_installed(environment: &Path, wanted: &str) -> bool {
    let noted = tokio::fs::read_to_string(environment.join(NOTED)).await;
    let python = environment.join("bin/python");
    if !noted.is_ok_and(|noted| noted == wanted) {
        return false;
    }
    // The Python that it was made of may have been removed since, or have become another one.
    let is_there = tokio::fs::try_exists(&python).await.unwrap_or(false);
    // What could not be tried, or not in time, is left as it is: others may build with it.
    is_there && !matches!(not_usable(&python).await, Ok(Some(_)))
}

/// Why a Python cannot build: it may have become another one since, which looks for what is installed elsewhere.
async fn not_usable(python: &Path) -> Result<Option<String>, Error> {
    let mut asking = super::python(python);
    asking.args(["-I", "-B", "-c", "import componentize_py"]);
    told(&mut asking, "python", |_| (), cannot_run(python)).await
}

/// A checksum of all that says what is to be installed.
async fn wanted(workspace: &Path) -> Result<String, Error> {
    let directory = workspace.to_owned();
    let reading = tokio::task::spawn_blocking(move || checksum(&directory));
    let read = reading.await.map_err(|error| Error::File {
        path: workspace.into(),
        source: std::io::Error::other(error),
    });
    read?
}

/// The Python that the tools run with, as it says what it is.
pub(super) async fn version() -> Result<String, Error> {
    let output = Command::new("python3")
        .arg("--version")
        .kill_on_drop(true)
        .output()
        .await
        .map_err(cannot_run(Path::new("python3")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match number(&version) {
        Some(number) if number >= OLDEST => Ok(version),
        _ => Err(Error::OldPython { version }),
    }
}

/// The major and the minor version of what Python says of itself: `Python 3.11.7`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("Python ")?.split('.');
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_python_is_read() {
        assert_eq!(number("Python 3.11.7"), Some((3, 11)));
        assert_eq!(number("Python 3.14.0rc1"), Some((3, 14)));
        assert_eq!(number("Python 2.7"), Some((2, 7)));
        assert_eq!(number(""), None);
    }

    #[tokio::test]
    async fn what_is_installed_is_known_by_what_was_asked_for_and_by_what_works() {
        let home = tempfile::tempdir().unwrap();
        let environment = home.path().join("venv");
        let python = environment.join("bin/python");
        std::fs::create_dir_all(environment.join("bin")).unwrap();
        // One that can import whatever it is asked to, and one that can import nothing.
        let becomes = |program: &str| {
            let _missing = std::fs::remove_file(&python);
            std::os::unix::fs::symlink(program, &python).unwrap();
        };
        let is_there = async |wanted: &str| is_installed(&environment, wanted).await;
        becomes("/usr/bin/true");
        assert!(!is_there("one").await, "nobody has noted it");
        std::fs::write(environment.join(NOTED), "one").unwrap();
        assert!(is_there("one").await);
        assert!(!is_there("two").await, "something else is wanted");
        becomes("/usr/bin/false");
        assert!(!is_there("one").await, "its Python is another one");
        becomes("/nonexistent/python3");
        assert!(!is_there("one").await, "its Python is gone");
    }

    #[test]
    fn pip_installs_here_whatever_else_it_was_told() {
        let command = pip_install(Path::new("/app/python"), Path::new("/app/python3"));
        let removed: Vec<_> = command
            .as_std()
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .filter_map(|(name, _)| name.to_str())
            .collect();
        for name in ["PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PYTHONPATH"] {
            assert!(removed.contains(&name), "{name}: {removed:?}");
        }
    }

    #[test]
    fn the_index_is_spoken_of_where_it_may_be_the_reason() {
        let missing = "ERROR: Could not find a version that satisfies the requirement componentize-py==0.25.1 (from versions: none)";
        assert_eq!(hint(missing), "; can it reach its index?");
        let other = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.";
        assert_eq!(hint(other), "");
    }
}
