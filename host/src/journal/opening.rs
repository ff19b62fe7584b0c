//! Opening a data directory: what its journals should hold, and whether they do.

use std::collections::BTreeMap;
use std::path::Path;

use super::audit::{self, Audit};
use super::redo_log;
use super::sled::{DIRECTORY, Engine, FILE, SNAPSHOT};
use super::watermark::{self, Found, Mark, Marks};
use super::{Error, Journal};

/// How many of the newest commits are looked at whenever a journal is opened.
const ALWAYS: u64 = 16;

/// What the journals of a data directory should hold, before the engine touches them. A new directory gets its watermark here, before there is anything
/// that could be lost: so one without it has lost it.
pub(super) fn expected(data: &Path) -> Result<Marks, Error> {
    let mut marks = match (watermark::read(data)?, holds_anything(data)) {
        (Found::Marks(marks), _) => marks,
        (Found::Nothing | Found::Damaged { was_whole: false }, false) => {
            std::fs::create_dir_all(data).map_err(|error| Error::Open {
                directory: data.join(DIRECTORY),
                reason: error.to_string(),
            })?;
            watermark::write(data, Marks::new())?;
            Marks::new()
        }
        (Found::Nothing, true) => {
            return Err(unsound(
                data,
                "its watermark is missing, so nothing says how far it should go; or an older Innkeeper wrote it in a format that this one does not read".to_owned(),
            ));
        }
        (Found::Damaged { .. }, true) => {
            return Err(unsound(
                data,
                "its watermark is damaged, so nothing says how far it should go".to_owned(),
            ));
        }
        (Found::Damaged { was_whole: true }, false) => {
            return Err(unsound(
                data,
                format!("its watermark is damaged, and its file `{FILE}` is missing"),
            ));
        }
    };
    let commits: u64 = marks.values().map(|mark| mark.newest.position).sum();
    if commits > 0 && !has_file(data) {
        return Err(unsound(
            data,
            format!(
                "its file `{FILE}` is missing or empty, and held the commits of {}",
                marks.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    if !has_snapshot(data) && marks.values().any(|mark| mark.checked > 0) {
        // Then sled reads all of its file again, not only what has come since the last time. So does the check, also when this start is cut off.
        marks.values_mut().for_each(|mark| mark.checked = 0);
        watermark::write(data, marks.clone())?;
    }
    Ok(marks)
}

/// How many commits each journal of a directory should hold; those that hold none are left out. Nothing is made, nor looked at besides.
///
/// # Errors
///
/// When that cannot be read.
pub fn commits_on_disk(data: &Path) -> Result<BTreeMap<String, u64>, Error> {
    let marks = match watermark::read(data)? {
        Found::Marks(marks) => marks,
        Found::Nothing => Marks::new(),
        Found::Damaged { .. } => {
            return Err(unsound(data, "its watermark is damaged".to_owned()));
        }
    };
    let commits = marks
        .into_iter()
        .map(|(name, mark)| (name, mark.newest.position));
    Ok(commits.filter(|(_, commits)| *commits > 0).collect())
}

/// Like [`expected`], where a journal should be: nothing is made.
pub(super) fn expected_here(data: &Path) -> Result<Marks, Error> {
    match watermark::read(data)? {
        Found::Nothing if !holds_anything(data) => Err(Error::Open {
            directory: data.join(DIRECTORY),
            reason: "there is none".to_owned(),
        }),
        _ => expected(data),
    }
}

/// Whether there is a journal, or a part of one.
fn holds_anything(data: &Path) -> bool {
    let entries = std::fs::read_dir(data.join(DIRECTORY));
    entries.is_ok_and(|mut entries| entries.next().is_some())
}

fn has_file(data: &Path) -> bool {
    let found = std::fs::metadata(data.join(DIRECTORY).join(FILE));
    found.is_ok_and(|found| found.len() > 0)
}

/// Whether sled has its note of how far it has read its file.
fn has_snapshot(data: &Path) -> bool {
    let entries = std::fs::read_dir(data.join(DIRECTORY))
        .into_iter()
        .flatten();
    let mut names = entries.flatten().map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with(SNAPSHOT))
}

/// Completes what a crash has cut off, and looks at what has come since the directory was opened last, and at least at the newest commits: as much as sled itself has
/// just read. Gives the marks as they are now, or what is wrong.
pub(super) fn check(engine: &Engine, marks: &Marks) -> Result<Marks, String> {
    let present = engine.contexts();
    let lost = |name: &&String| !present.contains(name);
    if let Some((name, mark)) = marks
        .iter()
        .filter(|(_, mark)| mark.newest.position > 0)
        .find(|(name, _)| lost(name))
    {
        return Err(format!(
            "context {name} has no commit, and should have {}",
            mark.newest.position
        ));
    }
    if let Some((name, error)) = redo_log::recover(engine).first_key_value() {
        return Err(format!("context {name}: {}", audit::finding(error)));
    }
    let mut now = Marks::new();
    for name in present {
        let wrong = |what: String| format!("context {name}: {what}");
        let unreadable = |error| wrong(audit::finding(&error));
        let tree = engine.tree(&name).map_err(unreadable)?;
        let newest = tree.newest().map_err(unreadable)?;
        let mark = marks.get(&name).copied();
        let checked = mark.map_or(0, |mark| mark.checked);
        let after = checked.min(newest.position.saturating_sub(ALWAYS));
        let findings = Audit::hasty(&tree).commits(mark, after, &mut |_| {});
        if let Some(finding) = findings.shown.first() {
            return Err(wrong(finding.clone()));
        }
        let checked = newest.position;
        now.insert(name, Mark { newest, checked });
    }
    Ok(now)
}

pub(super) fn unsound(data: &Path, what: String) -> Error {
    Error::Unsound {
        directory: data.join(DIRECTORY),
        what,
    }
}
