//! Bringing an app's copy of the SDK, with the contract in it, to that of this binary; or having the app use the SDK from elsewhere, or a copy again.
//!
//! What was written is known by its checksums, which are written with it: so what an author has changed by hand is told apart from what is only old.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Error;
use super::embedded::{self, Kit};
use super::sdk::{self, Sdk};

/// Where the checksums are, below the SDK, as `sha256sum` writes them: of paths below the app's directory.
const CHECKSUMS: &str = "SHA256SUMS";
/// Cargo and npm change them with whatever contexts need.
const LOCKS: [&str; 2] = ["components/Cargo.lock", "javascript/package-lock.json"];

/// What an upgrade does to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It is new.
    Add,
    /// It is otherwise now.
    Change,
    /// It is not needed any more.
    Remove,
    /// It is otherwise now, but was changed by hand, or nobody can tell whether it was.
    Overwrite,
    /// It is not needed any more, but was changed by hand.
    Discard,
    /// It is the author's, and stays as it is, though it would be made otherwise today.
    Keep,
}

/// What an upgrade would do to an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    app: PathBuf,
    /// The contexts' workspace, where it is to name another SDK.
    workspace: Option<String>,
    /// Each file with a step to take, below the app's directory.
    pub steps: Vec<(String, Step)>,
}

impl Upgrade {
    /// Looks what it would do to the app in a directory.
    ///
    /// # Errors
    /// When there is no copy of the SDK, or a file cannot be read.
    pub fn of(app: &Path) -> Result<Self, Error> {
        let kits = present(app);
        if kits.is_empty() {
            return Err(Error::NoSdk {
                path: app.join(embedded::RUST.sdk),
            });
        }
        let mut steps = Vec::new();
        for kit in kits {
            steps.extend(steps_of(app, kit)?);
        }
        steps.sort();
        Ok(Self {
            app: app.into(),
            workspace: None,
            steps,
        })
    }

    /// Looks what it would do to the app in a directory, to have its contexts in Rust use this SDK.
    ///
    /// # Errors
    /// When there is no such SDK, it is for another contract, the app has no contexts in Rust, or a file cannot be read.
    pub fn to(app: &Path, sdk: &Sdk) -> Result<Self, Error> {
        let sdk = sdk.checked(app)?;
        let file = app.join(sdk::WORKSPACE);
        let before = read(&file)?.ok_or_else(|| Error::NoSdk {
            path: app.join(embedded::RUST.sdk),
        })?;
        let before = String::from_utf8_lossy(&before);
        let after = sdk.written_into(&before)?;
        let mut steps = match sdk {
            Sdk::Copy => steps_of(app, &embedded::RUST)?,
            _ => without_copy(app, &embedded::RUST)?,
        };
        steps.retain(|(path, _)| path != sdk::WORKSPACE);
        if sdk != Sdk::Copy
            && let Some(path) = left_in_copy(app, &embedded::RUST, &steps)?
        {
            return Err(Error::LeftInSdk { path });
        }
        if after != before {
            steps.push((sdk::WORKSPACE.into(), Step::Change));
        }
        // As long as files are left it is known which of them nobody has changed.
        steps.sort_by_key(|(path, _)| (path.ends_with(CHECKSUMS), path.clone()));
        Ok(Self {
            app: app.into(),
            workspace: Some(after),
            steps,
        })
    }

    /// The files that would be overwritten or removed though they may have been changed by hand.
    pub fn overwrites(&self) -> Vec<&str> {
        let steps = self.steps.iter();
        let overwritten = steps.filter(|(_, step)| matches!(step, Step::Overwrite | Step::Discard));
        overwritten.map(|(path, _)| path.as_str()).collect()
    }

    /// Does it.
    ///
    /// # Errors
    /// When a file cannot be written. What was written then is written, and another try goes on from there.
    pub fn carry_out(&self) -> Result<(), Error> {
        for (path, step) in &self.steps {
            let file = self.app.join(path);
            match step {
                Step::Keep => {}
                Step::Remove | Step::Discard => {
                    std::fs::remove_file(&file).map_err(Error::file(&file))?;
                    remove_if_empty(&self.app, &file);
                }
                Step::Add | Step::Change | Step::Overwrite => {
                    let mut files = embedded::KITS.iter().flat_map(|kit| kit.files);
                    let text = files.find(|(known, _)| known == path);
                    let text = text.map(|(_, text)| *text).unwrap_or_default();
                    let text = match &self.workspace {
                        Some(workspace) if path == sdk::WORKSPACE => workspace,
                        _ => text,
                    };
                    super::template::write(&file, text)?;
                }
            }
        }
        for kit in present(&self.app) {
            write_checksums(&self.app, kit)?;
        }
        Ok(())
    }
}

/// The SDKs that an app has a copy of.
fn present(app: &Path) -> Vec<&'static Kit> {
    let kits = embedded::KITS.into_iter();
    kits.filter(|kit| app.join(kit.manifest).is_file())
        .collect()
}

/// What becomes of the files of an SDK.
fn steps_of(app: &Path, kit: &Kit) -> Result<Vec<(String, Step)>, Error> {
    let written = checksums(app, kit)?;
    let mut steps = Vec::new();
    for (path, text) in kit.files {
        let file = app.join(path);
        let Some(found) = read(&file)? else {
            steps.push(((*path).to_owned(), Step::Add));
            continue;
        };
        if found == text.as_bytes() || LOCKS.contains(path) {
            continue;
        }
        let is_as_written = written.get(*path) == Some(&checksum(&found));
        let step = match (is_as_written, path.starts_with(kit.sdk)) {
            (true, _) => Step::Change,
            (false, true) => Step::Overwrite,
            (false, false) => Step::Keep,
        };
        steps.push(((*path).to_owned(), step));
    }
    let known: BTreeSet<&str> = kit.files.iter().map(|(path, _)| *path).collect();
    for (path, sum) in &written {
        if known.contains(path.as_str()) || !is_below(path, kit) {
            continue;
        }
        // What was changed by hand is nobody's but the author's.
        if read(&app.join(path))?.is_some_and(|found| checksum(&found) == *sum) {
            steps.push((path.clone(), Step::Remove));
        }
    }
    Ok(steps)
}

/// What becomes of a copy that is not needed any more.
fn without_copy(app: &Path, kit: &Kit) -> Result<Vec<(String, Step)>, Error> {
    let mut written = checksums(app, kit)?;
    let embedded = kit.files.iter();
    for (path, text) in embedded {
        let sum = || checksum(text.as_bytes());
        written.entry((*path).to_owned()).or_insert_with(sum);
    }
    let mut steps = Vec::new();
    for (path, sum) in written {
        if !is_below(&path, kit) {
            continue;
        }
        match read(&app.join(&path))? {
            None => {}
            Some(found) if checksum(&found) == sum => steps.push((path, Step::Remove)),
            Some(_) => steps.push((path, Step::Discard)),
        }
    }
    let sums = format!("{}{CHECKSUMS}", kit.sdk);
    if app.join(&sums).is_file() {
        steps.push((sums, Step::Remove));
    }
    Ok(steps)
}

/// A file where the copy is that is none of those that are removed with it: cargo would take the folder for a package.
fn left_in_copy(app: &Path, kit: &Kit, steps: &[(String, Step)]) -> Result<Option<PathBuf>, Error> {
    let removed: BTreeSet<PathBuf> = steps.iter().map(|(path, _)| app.join(path)).collect();
    let mut folders = vec![app.join(kit.sdk)];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
            let entry = entry.map_err(Error::file(&folder))?;
            let path = entry.path();
            if entry.file_type().map_err(Error::file(&path))?.is_dir() {
                folders.push(path);
            } else if !removed.contains(&path) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// Removes the folders of a file that was removed, up to the first with anything in it.
fn remove_if_empty(app: &Path, file: &Path) {
    let folders = file.ancestors().skip(1);
    for folder in folders.take_while(|folder| *folder != app) {
        if std::fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

/// Notes what the files that this binary writes are, so that an upgrade knows those that nobody has changed.
pub(super) fn write_checksums(app: &Path, kit: &Kit) -> Result<(), Error> {
    let lines = kit
        .files
        .iter()
        .filter(|(path, _)| !LOCKS.contains(path))
        .map(|(path, text)| format!("{}  {path}\n", checksum(text.as_bytes())));
    super::template::write(
        &app.join(kit.sdk).join(CHECKSUMS),
        &lines.collect::<String>(),
    )
}

/// What was noted, by path; nothing where nobody did.
fn checksums(app: &Path, kit: &Kit) -> Result<BTreeMap<String, String>, Error> {
    let noted = read(&app.join(kit.sdk).join(CHECKSUMS))?.unwrap_or_default();
    let noted = String::from_utf8_lossy(&noted);
    let lines = noted.lines().filter_map(|line| line.split_once("  "));
    Ok(lines
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect())
}

/// Whether a path stays where the SDK is: the list of checksums is a file that anybody may have changed.
fn is_below(path: &str, kit: &Kit) -> bool {
    path.starts_with(kit.sdk) && !path.split('/').any(|part| part == "..")
}

fn checksum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A file, where there is one.
fn read(file: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(file)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, Outline, new_context};
    use super::*;

    const SUMS: &str = "components/sdk/SHA256SUMS";

    fn put(app: &Path, path: &str, text: &str) {
        std::fs::write(app.join(path), text).unwrap();
    }

    /// An app as an older binary made it: with another text, one file that is gone since, and without one that is new.
    fn older() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let made = new_context(
            home.path(),
            "lobby",
            Language::Rust,
            None,
            &Outline::default(),
        );
        let app = made.unwrap().app;
        put(&app, "components/sdk/src/text.rs", "// older\n");
        put(&app, "components/sdk/src/gone.rs", "// gone\n");
        put(&app, "components/clippy.toml", "# older\n");
        let mut sums = std::fs::read_to_string(app.join(SUMS)).unwrap();
        for (path, text) in [
            ("components/sdk/src/text.rs", "// older\n"),
            ("components/clippy.toml", "# older\n"),
        ] {
            let now = embedded::RUST
                .files
                .iter()
                .find(|(known, _)| *known == path);
            let (_, now) = now.unwrap();
            sums = sums.replace(&checksum(now.as_bytes()), &checksum(text.as_bytes()));
        }
        sums.push_str(&format!(
            "{}  components/sdk/src/gone.rs\n{}  components/sdk/../../innkeeper.toml\n",
            checksum(b"// gone\n"),
            checksum(&std::fs::read(app.join("innkeeper.toml")).unwrap())
        ));
        put(&app, SUMS, &sums);
        std::fs::remove_file(app.join("components/sdk/src/web.rs")).unwrap();
        (home, app)
    }

    #[test]
    fn what_is_old_is_brought_up_to_date_and_what_is_the_authors_stays() {
        let (_home, app) = older();
        put(&app, "components/Cargo.toml", "# mine\n");
        put(&app, "components/sdk/src/mine.rs", "// mine\n");
        let upgrade = Upgrade::of(&app).unwrap();
        assert!(upgrade.overwrites().is_empty());
        let steps: Vec<_> = upgrade
            .steps
            .iter()
            .map(|(path, step)| (path.as_str(), *step))
            .collect();
        assert_eq!(
            steps,
            [
                ("components/Cargo.toml", Step::Keep),
                ("components/clippy.toml", Step::Change),
                ("components/sdk/src/gone.rs", Step::Remove),
                ("components/sdk/src/text.rs", Step::Change),
                ("components/sdk/src/web.rs", Step::Add),
            ]
        );
        upgrade.carry_out().unwrap();
        let left = Upgrade::of(&app).unwrap().steps;
        assert_eq!(left, [("components/Cargo.toml".to_owned(), Step::Keep)]);
        assert!(app.join("components/sdk/src/mine.rs").exists());
        assert!(!app.join("components/sdk/src/gone.rs").exists());
        assert!(app.join("innkeeper.toml").exists());
        assert!(app.join("components/lobby/src/lib.rs").exists());
    }

    #[test]
    fn what_was_changed_by_hand_is_said_before_it_is_overwritten() {
        let (_home, app) = older();
        put(&app, "components/sdk/src/text.rs", "// changed by hand\n");
        put(&app, "components/sdk/src/gone.rs", "// changed by hand\n");
        let upgrade = Upgrade::of(&app).unwrap();
        assert_eq!(upgrade.overwrites(), ["components/sdk/src/text.rs"]);
        upgrade.carry_out().unwrap();
        assert!(app.join("components/sdk/src/gone.rs").exists());
        // Where nobody has noted anything, nobody can tell.
        std::fs::remove_file(app.join(SUMS)).unwrap();
        put(&app, "components/sdk/src/text.rs", "// older\n");
        let upgrade = Upgrade::of(&app).unwrap();
        assert_eq!(upgrade.overwrites(), ["components/sdk/src/text.rs"]);
    }

    #[test]
    fn an_app_uses_the_sdk_of_another_one_and_has_a_copy_again() {
        let (home, app) = older();
        let made = new_context(
            home.path(),
            "cellar",
            Language::Rust,
            None,
            &Outline::default(),
        );
        let other = made.unwrap().app.join("components/sdk");
        put(&app, "components/sdk/src/mine.rs", "// mine\n");
        put(&app, "components/sdk/src/text.rs", "// changed by hand\n");
        let other = Sdk::Folder(other);
        // Cargo would take what is left there for a package.
        let mine = app.join("components/sdk/src/mine.rs");
        match Upgrade::to(&app, &other) {
            Err(Error::LeftInSdk { path }) => assert_eq!(path, mine),
            _ => panic!("nobody but the author may remove what he has written"),
        }
        std::fs::remove_file(&mine).unwrap();
        let upgrade = Upgrade::to(&app, &other).unwrap();
        assert_eq!(upgrade.overwrites(), ["components/sdk/src/text.rs"]);
        let mut removed = upgrade.steps.iter().map(|(path, _)| path.as_str());
        assert_eq!(
            removed.next_back(),
            Some(SUMS),
            "another try knows what it may remove"
        );
        upgrade.carry_out().unwrap();
        assert!(!app.join("components/sdk").exists());
        let workspace = || std::fs::read_to_string(app.join(sdk::WORKSPACE)).unwrap();
        assert!(
            workspace().contains("cellar/components/sdk\" }"),
            "{}",
            workspace()
        );
        assert!(matches!(Upgrade::of(&app), Err(Error::NoSdk { .. })));
        // A context that comes later has it from there, too.
        let none = Outline::default();
        new_context(&app, "attic", Language::Rust, None, &none).unwrap();
        assert!(!app.join(embedded::RUST.manifest).exists());
        let asked = Sdk::Version(sdk::own_version().into());
        let refused = new_context(&app, "roof", Language::Rust, Some(&asked), &none);
        assert!(matches!(refused, Err(Error::OtherSdk { .. })));

        Upgrade::to(&app, &Sdk::Copy).unwrap().carry_out().unwrap();
        assert!(
            workspace().contains("innkeeper-sdk = { path = \"sdk\" }"),
            "{}",
            workspace()
        );
        // Of the author's files nobody knows any more whether they were changed by hand.
        let left = Upgrade::of(&app).unwrap().steps;
        assert_eq!(left, [("components/clippy.toml".to_owned(), Step::Keep)]);
    }

    #[test]
    fn an_app_without_a_copy_of_the_sdk_is_told_so() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(Upgrade::of(home.path()), Err(Error::NoSdk { .. })));
    }
}
