//! What operators do with the journals of a host that is stopped: verify all of them, and repair them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::apply::Change;
use super::audit::{self, Audit, Findings};
use super::opening::{expected_here, unsound};
use super::redo_log;
use super::salvage::{Loss, Salvage};
use super::sled::{DIRECTORY, Engine, SNAPSHOT};
use super::tree::Tree;
use super::watermark::{self, Found, Mark, Marks};
use super::{Error, Journal, key};

/// Where a new journal is made.
const DRAFT: &str = "journal.repaired";

/// What a whole check found of one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The context.
    pub context: String,
    /// The position of its newest commit.
    pub newest: u64,
    /// What does not fit.
    pub findings: Findings,
}

/// What a repair has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// What it found of each context.
    pub losses: Vec<Loss>,
    /// Where the journal is that was there before.
    pub former: PathBuf,
}

/// Reads all journals of a data directory, and checks everything: each value, each commit, and that what commits changed is there. Nobody else may have the
/// directory. `progress` hears of contexts, and of records that were read of them since it was called last. Blocks.
///
/// # Errors
///
/// When there is no journal, or the engine cannot open it.
pub fn verify(
    data: &Path,
    cache: u64,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<Verified>, Error> {
    let marks = expected_here(data)?;
    let engine = Engine::open(data, cache)?;
    let mut unfinished = redo_log::recover(&engine);
    let present: BTreeSet<String> = engine.contexts().into_iter().collect();
    let names: BTreeSet<&String> = present.iter().chain(marks.keys()).collect();
    let mut verified = Vec::new();
    for name in names {
        let mark = marks.get(name).copied();
        let mut progress = |read| progress(name, read);
        if !present.contains(name) {
            let missing = mark.map_or(0, |mark| mark.newest.position);
            if missing > 0 {
                verified.push(Verified {
                    context: name.clone(),
                    newest: 0,
                    findings: Findings::one(format!("all its commits are missing, 1 to {missing}")),
                });
            }
            continue;
        }
        let tree = engine.tree(name)?;
        let mut findings = Audit::thorough(&tree).all(mark, &mut progress);
        if let Some(error) = unfinished.remove(name) {
            findings.note(audit::finding(&error));
        }
        verified.push(Verified {
            context: name.clone(),
            newest: tree.newest().map_or(0, |newest| newest.position),
            findings,
        });
    }
    Ok(verified)
}

/// Makes a new journal of what can be read of a damaged one, and puts it in its place; the damaged one stays beside it. `now` is the time in milliseconds since
/// the Unix epoch. Nobody else may have the directory. Blocks.
///
/// # Errors
///
/// When there is no journal, when the engine can read nothing of it at all, or when the new one cannot be written.
pub fn repair(
    data: &Path,
    cache: u64,
    now: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Repaired, Error> {
    let directory = data.join(DIRECTORY);
    let draft = data.join(DRAFT);
    let failed = |error: io::Error| Error::Open {
        directory: directory.clone(),
        reason: error.to_string(),
    };
    let found = watermark::read(data)?;
    if !directory.is_dir() {
        if found == Found::Nothing || holds_former(data) {
            return Err(Error::Open {
                directory,
                reason: "it is not there; if a repair was cut off, give the directory `journal.damaged-…` that it left this name, and repair again".to_owned(),
            });
        }
        // All of it is lost.
        std::fs::create_dir(&directory).map_err(failed)?;
    }
    let marks = match found {
        Found::Marks(marks) => marks,
        Found::Nothing | Found::Damaged { .. } => Marks::new(),
    };
    let old = open_somehow(data, cache)?;
    let unfinished = redo_log::recover(&old);
    remove(&draft).map_err(failed)?;
    let home = draft.join("home");
    std::fs::create_dir_all(&home).map_err(failed)?;
    let new = Engine::open(&home, cache)?;
    let mut losses = Vec::new();
    let mut kept = Marks::new();
    let names: BTreeSet<String> = old
        .contexts()
        .into_iter()
        .chain(marks.keys().cloned())
        .collect();
    for name in names {
        progress(&name);
        let (from, into) = (old.tree(&name)?, new.tree(&name)?);
        let mark = marks.get(&name).copied();
        let mut loss = Salvage::new(&name, &from, &into, now).run(mark)?;
        if let Some(error) = unfinished.get(&name) {
            loss.lost.push(format!(
                "a part of a large commit that was cut off, if one was ({}): some of its keys may be as it changed them, others as they were before",
                audit::finding(error)
            ));
        }
        losses.push(loss);
        // What is left of a table is counted when the journal is opened.
        let uncounted = Change {
            key: key::counted(),
            value: None,
        };
        into.put(&uncounted)?;
        new.flush()?;
        let newest = into.newest()?;
        let checked = newest.position;
        kept.insert(name, Mark { newest, checked });
    }
    let sound: u64 = losses.iter().map(|loss| loss.sound).sum();
    let unsound_values: u64 = losses.iter().map(|loss| loss.unsound).sum();
    if sound == 0 && unsound_values > 0 {
        drop(new);
        remove(&draft).map_err(failed)?;
        return Err(Error::Open {
            directory,
            reason: "nothing in it has the format that this Innkeeper reads; run the version that wrote it, or restore a backup".to_owned(),
        });
    }
    drop((old, new));
    let former = data.join(format!("{DIRECTORY}.damaged-{now}"));
    std::fs::rename(&directory, &former)
        .and_then(|()| std::fs::rename(home.join(DIRECTORY), &directory))
        .and_then(|()| remove(&draft))
        .map_err(failed)?;
    watermark::write(data, kept)?;
    Ok(Repaired { losses, former })
}

/// Whether there is a journal that a repair has put aside.
fn holds_former(data: &Path) -> bool {
    let entries = std::fs::read_dir(data).into_iter().flatten().flatten();
    let former = format!("{DIRECTORY}.damaged-");
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().starts_with(&former))
}

/// Opens sled, if need be without its notes of how far it has read its own file.
fn open_somehow(data: &Path, cache: u64) -> Result<Engine, Error> {
    let first = match Engine::open(data, cache) {
        Err(error @ Error::Unsound { .. }) => error,
        opened => return opened,
    };
    let directory = data.join(DIRECTORY);
    let set_aside = || {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(SNAPSHOT) {
                std::fs::rename(entry.path(), directory.join(format!("unused.{name}")))?;
            }
        }
        Ok::<_, io::Error>(())
    };
    set_aside().map_err(|error| Error::Open {
        directory: directory.clone(),
        reason: error.to_string(),
    })?;
    Engine::open(data, cache).map_err(|_| match first {
        Error::Unsound { what, .. } => unsound(
            data,
            format!("the engine can read nothing of it, so only a backup helps: {what}"),
        ),
        error => error,
    })
}

fn remove(directory: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
