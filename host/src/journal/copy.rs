//! A copy of all journals at one instant, made while they are written to.
//!
//! Everything is read once, while commits go on; then what they changed meanwhile is read again, as the commits name it, and again, until little is left. For that
//! little the committer waits. What is on its way to whoever takes the copy is bounded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apply::Change;
use super::sled::{DIRECTORY, Engine, SledTree};
use super::tree::Tree;
use super::watermark::{self, Mark, Marks};
use super::{Committer, Error, Journal, Link};

/// How many commits may be left when the committer is asked to wait.
const FEW: u64 = 256;
/// How many bytes may be read while it waits.
const LITTLE: usize = 32 << 20;
/// How often what was changed meanwhile is read again before it is given up.
const ROUNDS: usize = 50;
/// About how many bytes a part has.
const PART: usize = 512 << 10;

/// A key with what it has, as it is kept; none when it is gone.
pub type Raw = (Vec<u8>, Option<Vec<u8>>);

/// A part of a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Part {
    /// What follows is of this context, which has so many commits by now.
    Context {
        /// The context.
        name: String,
        /// How many.
        commits: u64,
    },
    /// Keys, and what they have; a later part counts.
    Keys(Vec<Raw>),
    /// How far each journal goes: the journals are whole.
    Ends(BTreeMap<String, Link>),
    /// A file that belongs to the copy.
    File {
        /// What it is of.
        kind: FileKind,
        /// Its name.
        name: String,
        /// What follows of it.
        bytes: Vec<u8>,
        /// Whether that was all.
        is_whole: bool,
    },
    /// Nothing follows.
    End,
    /// It could not be completed.
    Failed(String),
}

/// What a file of a copy is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A component that serves, or has served.
    Component,
    /// What is kept of a component that the manifest names in a registry.
    RegistryCopy,
}

/// Why a copy ended.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] Error),
    /// Nobody takes it any more.
    #[error("the client stopped reading the copy")]
    NotTaken,
    /// It never comes to an end.
    #[error(
        "the journals grow faster than the copy is read; try again when there is less load, or run the backup on the same machine"
    )]
    TooSlow,
}

/// Reads the journals of a committer, part by part. Blocks.
pub fn copy(
    committer: &Committer,
    take: &mut dyn FnMut(Part) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let mut copying = Copying {
        committer,
        journals: BTreeMap::new(),
        current: None,
    };
    copying.open_new()?;
    copying.everything(take)?;
    for _ in 0..ROUNDS {
        copying.open_new()?;
        if copying.left() > FEW {
            copying.changed(&mut |part| take(part).map(|()| true))?;
            continue;
        }
        let (parts, is_end) = copying.rest()?;
        parts.into_iter().try_for_each(&mut *take)?;
        if is_end {
            return Ok(());
        }
    }
    Err(CopyError::TooSlow)
}

struct Copying<'a> {
    committer: &'a Committer,
    journals: BTreeMap<String, Source>,
    /// The context that the last part was of.
    current: Option<String>,
}

struct Source {
    journal: Arc<dyn Journal>,
    /// Up to which commit all that was changed has been read.
    read: u64,
}

impl Copying<'_> {
    /// Adds the journals that have come to be.
    fn open_new(&mut self) -> Result<(), Error> {
        let store = self.committer.store();
        for name in store.contexts()? {
            if !self.journals.contains_key(&name) {
                let journal = store.open(&name)?;
                // What was visible before its keys are read need not be read again.
                let read = self.applied(&name, &*journal)?;
                self.journals.insert(name, Source { journal, read });
            }
        }
        Ok(())
    }

    /// The newest commit of which everything is visible.
    fn applied(&self, name: &str, journal: &dyn Journal) -> Result<u64, Error> {
        match self.committer.applied(name) {
            Some(position) => Ok(position),
            // Nobody writes to it.
            None => Ok(journal.newest()?.position),
        }
    }

    fn left(&self) -> u64 {
        let left = |(name, source): (&String, &Source)| {
            let applied = self.committer.applied(name).unwrap_or(source.read);
            applied.saturating_sub(source.read)
        };
        self.journals.iter().map(left).sum()
    }

    fn everything(
        &mut self,
        take: &mut dyn FnMut(Part) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        for (name, Source { journal, read }) in &self.journals {
            take(Part::Context {
                name: name.clone(),
                commits: *read,
            })?;
            let mut after = Vec::new();
            loop {
                let keys = journal.raw_after(&after, PART)?;
                let Some((last, _)) = keys.last() else { break };
                after.clone_from(last);
                take(Part::Keys(keys))?;
            }
            self.current = Some(name.clone());
        }
        Ok(())
    }

    /// Reads again what was changed since. `take` says whether to go on.
    fn changed(
        &mut self,
        take: &mut dyn FnMut(Part) -> Result<bool, CopyError>,
    ) -> Result<bool, CopyError> {
        let committer = self.committer;
        for (name, source) in &mut self.journals {
            let Some(upto) = committer.applied(name).filter(|upto| *upto > source.read) else {
                continue;
            };
            if self.current.as_ref() != Some(name) {
                self.current = Some(name.clone());
                take(Part::Context {
                    name: name.clone(),
                    commits: upto,
                })?;
            }
            let mut keys = Vec::new();
            let mut bytes = 0;
            for position in source.read + 1..=upto {
                for key in source.journal.raw_changed(position)? {
                    let value = source.journal.raw(&key)?;
                    bytes += key.len() + value.as_ref().map_or(0, Vec::len);
                    keys.push((key, value));
                    if bytes >= PART {
                        bytes = 0;
                        if !take(Part::Keys(std::mem::take(&mut keys)))? {
                            return Ok(false);
                        }
                    }
                }
            }
            source.read = upto;
            if !keys.is_empty() && !take(Part::Keys(keys))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads what is left while the committer waits, and says whether that was all.
    fn rest(&mut self) -> Result<(Vec<Part>, bool), CopyError> {
        let pause = self.committer.pause()?;
        let mut parts = Vec::new();
        let mut bytes = 0;
        let is_all = self.changed(&mut |part| {
            if let Part::Keys(keys) = &part {
                bytes += keys.iter().map(size).sum::<usize>();
            }
            parts.push(part);
            Ok(bytes < LITTLE)
        })?;
        let mut ends = BTreeMap::new();
        for (name, Source { journal, .. }) in &self.journals {
            let newest = journal.newest()?;
            ends.insert(name.clone(), newest);
            parts.push(Part::Context {
                name: name.clone(),
                commits: newest.position,
            });
            parts.push(Part::Keys(journal.raw_outside()?));
            self.current = Some(name.clone());
        }
        let is_end = pause.resume() && is_all;
        if is_end {
            parts.push(Part::Ends(ends));
        }
        Ok((parts, is_end))
    }
}

fn size((key, value): &Raw) -> usize {
    key.len() + value.as_ref().map_or(0, Vec::len)
}

/// Writes a copy into a directory, as journals that a host can start with.
pub struct CopyWriter {
    data: PathBuf,
    engine: Engine,
    tree: Option<SledTree>,
    ends: Option<BTreeMap<String, Link>>,
}

impl CopyWriter {
    /// Into a directory that is empty. Blocks, as all of this does.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create(data: &Path, cache: u64) -> Result<Self, Error> {
        std::fs::create_dir_all(data.join(DIRECTORY)).map_err(|error| Error::Open {
            directory: data.join(DIRECTORY),
            reason: error.to_string(),
        })?;
        Ok(Self {
            data: data.to_owned(),
            engine: Engine::open(data, cache)?,
            tree: None,
            ends: None,
        })
    }

    /// Of another context from now on.
    ///
    /// # Errors
    ///
    /// When its journal cannot be made.
    pub fn context(&mut self, name: &str) -> Result<(), Error> {
        self.tree = Some(self.engine.tree(name)?);
        Ok(())
    }

    /// Keeps keys of the context.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn keys(&mut self, keys: Vec<Raw>) -> Result<(), Error> {
        let Some(tree) = &self.tree else {
            return Err(Error::Damaged {
                what: "a copy whose keys are of no context".to_owned(),
            });
        };
        let changes: Vec<_> = keys
            .into_iter()
            .map(|(key, value)| Change {
                key,
                value: value.map(Into::into),
            })
            .collect();
        tree.write(&changes)
    }

    /// How far each journal goes.
    pub fn ends(&mut self, ends: BTreeMap<String, Link>) {
        self.ends = Some(ends);
    }

    /// Has everything on disk. Until then the directory is none that a host starts with.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or is not whole.
    pub fn finish(self) -> Result<(), Error> {
        let ends = self.ends.ok_or_else(|| Error::Damaged {
            what: "a copy that has no end".to_owned(),
        })?;
        self.engine.flush()?;
        let marks: Marks = ends
            .into_iter()
            .map(|(name, newest)| (name, Mark { newest, checked: 0 }))
            .collect();
        watermark::write(&self.data, marks)
    }
}
