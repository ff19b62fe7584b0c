//! What builds and tests contexts in Python, installed by pip into an environment in the folder of their workspace: never for all of the machine, and only when such a
//! context is there.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{REQUIREMENTS, cannot_run};
use crate::build::Error;
use crate::build::lock::Lock;
use crate::build::program::told;

/// The oldest version of Python that the tools run with.
const OLDEST: (u32, u32) = (3, 11);
/// The environment, below the workspace.
const ENVIRONMENT: &str = "target/venv";
/// Notes for what it was installed last, below the environment.
const NOTED: &str = ".innkeeper";
/// Who holds its lock installs.
const LOCK: &str = "target/venv.lock";

/// Installs what the workspace names, unless that was done; answers the Python that has it.
pub(super) async fn install(
    workspace: &Path,
    line: impl Fn(&str) + Send + Sync,
) -> Result<PathBuf, Error> {
    let environment = workspace.join(ENVIRONMENT);
    let python = environment.join("bin/python");
    let requirements = workspace.join(REQUIREMENTS);
    if is_installed(&requirements, &environment).await? {
        return Ok(python);
    }
    is_new_enough().await?;
    let _lock = Lock::of(workspace.join(LOCK), &line).await?;
    // Whoever was waited for may have done it.
    if is_installed(&requirements, &environment).await? {
        return Ok(python);
    }
    line("installing what builds Python, by pip");
    let mut making = Command::new("python3");
    making.args(["-m", "venv", "--clear"]).arg(&environment);
    if let Some(output) = told(
        &mut making,
        "python3",
        |_| (),
        cannot_run(Path::new("python3")),
    )
    .await?
    {
        return Err(Error::Environment {
            path: environment,
            output,
        });
    }
    let mut installing = Command::new(&python);
    installing
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--no-input", "--progress-bar", "off"])
        // Nothing of what is installed is run for that, and each file is the one that was tried.
        .args(["--only-binary", ":all:", "--require-hashes"])
        .arg("--requirement")
        .arg(&requirements)
        // Its lines are to come when they are said.
        .env("PYTHONUNBUFFERED", "1")
        .current_dir(workspace);
    let of_note = |said: &str| {
        let said = said.trim();
        if said.starts_with("Downloading") || said.starts_with("Installing") {
            line(said);
        }
    };
    if let Some(output) = told(&mut installing, "pip", of_note, cannot_run(&python)).await? {
        return Err(Error::Pip { output });
    }
    let noted = environment.join(NOTED);
    let wanted = wanted(&requirements).await?;
    tokio::fs::write(&noted, wanted)
        .await
        .map_err(Error::file(&noted))?;
    Ok(python)
}

async fn is_installed(requirements: &Path, environment: &Path) -> Result<bool, Error> {
    let wanted = wanted(requirements).await?;
    let noted = tokio::fs::read_to_string(environment.join(NOTED)).await;
    // The Python that it was made of may have been removed since.
    let is_there = tokio::fs::try_exists(environment.join("bin/python")).await;
    Ok(noted.is_ok_and(|noted| noted == wanted) && is_there.unwrap_or(false))
}

/// A checksum of what says what is to be installed.
async fn wanted(requirements: &Path) -> Result<String, Error> {
    let text = tokio::fs::read(requirements)
        .await
        .map_err(Error::file(requirements))?;
    Ok(hex::encode(Sha256::digest(text)))
}

/// Whether there is a Python that the tools run with.
async fn is_new_enough() -> Result<(), Error> {
    let output = Command::new("python3")
        .arg("--version")
        .kill_on_drop(true)
        .output()
        .await
        .map_err(cannot_run(Path::new("python3")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match number(&version) {
        Some(number) if number >= OLDEST => Ok(()),
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
    async fn what_is_installed_is_known_by_what_was_asked_for_and_by_being_there() {
        let home = tempfile::tempdir().unwrap();
        let requirements = home.path().join(REQUIREMENTS);
        let environment = home.path().join("venv");
        let is_there = || is_installed(&requirements, &environment);
        assert!(is_there().await.is_err(), "nobody says what is wanted");
        std::fs::write(&requirements, "one==1\n").unwrap();
        std::fs::create_dir_all(environment.join("bin")).unwrap();
        std::fs::write(environment.join("bin/python"), "").unwrap();
        assert!(!is_there().await.unwrap());
        let noted = wanted(&requirements).await.unwrap();
        std::fs::write(environment.join(NOTED), noted).unwrap();
        assert!(is_there().await.unwrap());
        std::fs::write(&requirements, "one==2\n").unwrap();
        assert!(!is_there().await.unwrap(), "something else is wanted");
        std::fs::write(&requirements, "one==1\n").unwrap();
        std::fs::remove_file(environment.join("bin/python")).unwrap();
        assert!(!is_there().await.unwrap(), "its Python is gone");
    }
}
