//! What builds contexts in JavaScript, installed by npm into a folder of their workspace: never for all of the machine, and only when such a context is there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{cannot_run, workspaces};
use crate::build::Error;
use crate::build::lock::Lock;
use crate::build::program::{last_lines, told};

/// The oldest version of Node that the tools run with.
const OLDEST: u32 = 20;
/// Notes for what it was installed last, below the workspace.
const NOTED: &str = "node_modules/.innkeeper";
/// What npm writes into it.
const PACKAGE_LOCK: &str = "package-lock.json";
/// Who holds its lock installs.
const LOCK: &str = "target/javascript/install.lock";

/// Installs what the workspace's packages name, unless that was done.
pub(super) async fn install(
    workspace: &Path,
    line: impl Fn(&str) + Send + Sync,
) -> Result<(), Error> {
    let lock = workspace.join(LOCK);
    install_in(workspace, "what builds JavaScript", lock, line).await
}

/// Installs what the package.json of a directory names, unless that was done. `what` that is, is said; who holds the `lock` installs.
pub(super) async fn install_in(
    directory: &Path,
    what: &'static str,
    lock: PathBuf,
    line: impl Fn(&str) + Send + Sync,
) -> Result<(), Error> {
    let noted = directory.join(NOTED);
    if is_installed(directory, &noted).await? {
        return Ok(());
    }
    version().await?;
    let whom = format!("another installation of {what}");
    let _lock = Lock::of(lock, &whom, &line).await?;
    // Whoever was waited for may have done it.
    if is_installed(directory, &noted).await? {
        return Ok(());
    }
    line(&format!("installing {what}, by npm"));
    let before = Written::read(directory.join(PACKAGE_LOCK)).await;
    let mut command = Command::new("npm");
    // Nothing of what is installed is run for that.
    command
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
        // The lock says what it is, to the byte: what was downloaded once need not be asked for again.
        .args(["--prefer-offline", "--loglevel", "error"])
        .current_dir(directory);
    if let Some(output) = told(&mut command, "npm", line, cannot_run("npm")).await? {
        let output = last_lines(&output);
        return Err(Error::Npm { what, output });
    }
    if let Some(before) = before {
        before.restore_time().await;
    }
    // npm may have written its lock.
    let wanted = wanted(directory.to_owned()).await?;
    tokio::fs::write(&noted, wanted)
        .await
        .map_err(Error::file(&noted))
}

async fn is_installed(directory: &Path, noted: &Path) -> Result<bool, Error> {
    let wanted = wanted(directory.to_owned()).await?;
    let noted = tokio::fs::read_to_string(noted).await;
    Ok(noted.is_ok_and(|noted| noted == wanted))
}

/// A checksum of all that says what is to be installed.
async fn wanted(workspace: PathBuf) -> Result<String, Error> {
    let directory = workspace.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mut files = workspaces::manifests(&workspace);
        files.extend(["package.json", PACKAGE_LOCK].map(|name| workspace.join(name)));
        let mut sum = Sha256::new();
        for file in files {
            // There may be no lock yet.
            if let Ok(text) = std::fs::read(&file) {
                let path = file.strip_prefix(&workspace).unwrap_or(&file);
                sum.update(path.as_os_str().as_encoded_bytes());
                sum.update([0]);
                sum.update(text);
                sum.update([0]);
            }
        }
        hex::encode(sum.finalize())
    });
    reading.await.map_err(|error| Error::File {
        path: directory,
        source: std::io::Error::other(error),
    })
}

/// What a file held, and when it was written.
struct Written {
    file: PathBuf,
    text: Vec<u8>,
    time: SystemTime,
}

impl Written {
    async fn read(file: PathBuf) -> Option<Self> {
        let text = tokio::fs::read(&file).await.ok()?;
        let time = tokio::fs::metadata(&file).await.ok()?.modified().ok()?;
        Some(Self { file, text, time })
    }

    /// npm writes its lock also where it stays the same; whoever goes by its time, as cargo does, would build again.
    async fn restore_time(self) {
        let Self { file, text, time } = self;
        let restoring = tokio::task::spawn_blocking(move || {
            if std::fs::read(&file)? == text {
                File::options()
                    .write(true)
                    .open(&file)?
                    .set_modified(time)?;
            }
            io::Result::Ok(())
        });
        // Where it cannot be, something is built once more.
        let _ = restoring.await;
    }
}

/// The version of the Node that the tools run with.
pub(super) async fn version() -> Result<String, Error> {
    let output = Command::new("node")
        .arg("--version")
        .kill_on_drop(true)
        .output()
        .await
        .map_err(cannot_run("node"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major(&version) {
        Some(major) if major >= OLDEST => Ok(version),
        _ => Err(Error::OldNode { version }),
    }
}

/// The major version of what Node says of itself: `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_version_of_node_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8.0.0-rc.1"), Some(8));
        assert_eq!(major(""), None);
    }

    #[tokio::test]
    async fn a_lock_that_is_written_anew_and_stays_the_same_keeps_its_time() {
        let home = tempfile::tempdir().unwrap();
        let lock = home.path().join(PACKAGE_LOCK);
        let modified = || std::fs::metadata(&lock).unwrap().modified().unwrap();
        std::fs::write(&lock, "{}").unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let opened = File::options().write(true).open(&lock).unwrap();
        opened.set_modified(long_ago).unwrap();
        for (text, is_restored) in [("{}", true), ("{ }", false)] {
            let before = Written::read(lock.clone()).await.unwrap();
            std::fs::write(&lock, text).unwrap();
            before.restore_time().await;
            assert_eq!(modified() == long_ago, is_restored, "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_to_be_installed_is_known_by_all_that_name_it() {
        let home = tempfile::tempdir().unwrap();
        let sum = || wanted(home.path().to_owned());
        let manifest = home.path().join("package.json");
        std::fs::write(&manifest, r#"{"workspaces": ["contexts/*"]}"#).unwrap();
        let before = sum().await.unwrap();
        std::fs::create_dir_all(home.path().join("contexts/notes")).unwrap();
        assert_eq!(sum().await.unwrap(), before, "it is no package yet");
        for file in [
            "package.json",
            "package-lock.json",
            "contexts/notes/package.json",
        ] {
            for text in [
                r#"{"workspaces": ["contexts/*"], "private": true}"#,
                r#"{"workspaces": ["contexts/*"], "dependencies": {}}"#,
            ] {
                let before = sum().await.unwrap();
                std::fs::write(home.path().join(file), text).unwrap();
                assert_ne!(sum().await.unwrap(), before, "{file}");
            }
        }
        std::fs::rename(
            home.path().join("contexts/notes"),
            home.path().join("contexts/other"),
        )
        .unwrap();
        assert_ne!(sum().await.unwrap(), before, "another package");
    }
}
