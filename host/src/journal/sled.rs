//! Journals on disk, in sled: one tree for each context, one batch for each group of commits, one log for all.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apply::Change;
use super::direction::Direction;
use super::format::Link;
use super::key::Span;
use super::opening::{self, unsound};
use super::overflow::{self, Overflow};
use super::redo_log::RedoLog;
use super::tree::Tree;
use super::watermark::Keeper;
use super::{Bounds, Counted, Entry, Error, Journal, Store, guard, seal};

/// sled's largest. A page above a quarter of it goes to a file of its own that sled never syncs; and when the machine crashes in the middle of a batch
/// that fills a whole segment, sled can find nothing at all afterwards. Long values in pieces and groups of bounded size stay far below both.
pub(super) const SEGMENT: usize = 16 << 20;

/// How long a lock may be held by a process that only inherited it.
const INHERITED: Duration = Duration::from_millis(500);

/// sled's own tree, which is there before any context.
const DEFAULT_TREE: &[u8] = b"__sled__default";

/// Where it is in the data directory.
pub(super) const DIRECTORY: &str = "journal";
/// How sled's notes are called of how far it has read its own file.
pub(super) const SNAPSHOT: &str = "snap.";
/// sled's file in it, with all commits.
pub(super) const FILE: &str = "db";

/// Holds journals in a directory.
pub struct SledStore {
    engine: Engine,
    keeper: Keeper,
}

/// sled, and its file.
pub(super) struct Engine {
    db: ::sled::Db,
    /// sled's file, to sync it.
    file: File,
}

impl SledStore {
    /// Opens `<data>/journal`, making it when it is not there, and checks that it holds what it should: see [`Error::Unsound`]. Reads the disk: call it
    /// where blocking is allowed.
    pub fn open(data: &Path, cache: u64) -> Result<SledStore, Error> {
        let marks = opening::expected(data)?;
        let engine = Engine::open(data, cache)?;
        let checked = match opening::check(&engine, &marks) {
            Ok(checked) => checked,
            Err(what) => {
                // It writes once more when it is closed, and may stumble over what was found. What was found is said.
                let _closed = guard::guarded("it was closed", || {
                    drop(engine);
                    Ok(())
                });
                return Err(unsound(data, what));
            }
        };
        let keeper = Keeper::start(data, checked)?;
        Ok(SledStore { engine, keeper })
    }
}

impl Engine {
    /// Opens sled as it finds its files; what does not fit it may drop.
    pub fn open(data: &Path, cache: u64) -> Result<Engine, Error> {
        let begun = Instant::now();
        loop {
            match Self::try_open(data, cache) {
                // A process that this one has just started has all that was open here, until it runs a program of its own: also the lock of an engine that is
                // closed by now.
                Err(Error::InUse { .. }) if begun.elapsed() < INHERITED => {
                    std::thread::sleep(INHERITED / 50);
                }
                opened => return opened,
            }
        }
    }

    fn try_open(data: &Path, cache: u64) -> Result<Engine, Error> {
        guard::keep_quiet();
        let directory = data.join(DIRECTORY);
        let opened = guard::guarded("it was opened", || {
            let db = ::sled::Config::new()
                .path(&directory)
                .cache_capacity(cache)
                .segment_size(SEGMENT)
                .mode(::sled::Mode::HighThroughput)
                .flush_every_ms(None)
                .open()
                .map_err(|error| cannot_open(&directory, &error))?;
            let file = sync_entries(data, &directory)
                .map_err(|error| cannot_open(&directory, &error.into()))?;
            Ok(Engine { db, file })
        });
        opened.map_err(|error| match error {
            Error::Damaged { what } => unsound(data, format!("it is damaged at {what}")),
            error => error,
        })
    }

    /// The journal of a context, made when there is none.
    pub fn tree(&self, context: &str) -> Result<SledTree, Error> {
        guard::guarded("a journal was opened", || {
            let tree = self.db.open_tree(context)?;
            Ok(SledTree {
                overflow: Overflow::of(&tree)?,
                log: RedoLog::new(::sled::Tree::clone(&self.db), context),
                tree,
            })
        })
    }

    /// The contexts that have a journal.
    pub fn contexts(&self) -> Vec<String> {
        let names = self.db.tree_names().into_iter();
        names
            .filter(|name| name != DEFAULT_TREE)
            .map(|name| String::from_utf8_lossy(&name).into_owned())
            .collect()
    }

    /// Makes everything before durable. Blocks.
    pub fn flush(&self) -> Result<(), Error> {
        guard::guarded("it was flushed", || Ok(self.db.flush().map(drop)?))?;
        // There sled only asks for the pages to be written: neither the file's new length nor what the disk caches is safe after that.
        if cfg!(target_os = "linux") {
            self.file.sync_data().map_err(::sled::Error::from)?;
        }
        Ok(())
    }
}

impl Store for SledStore {
    fn open(&self, context: &str) -> Result<Arc<dyn Journal>, Error> {
        Ok(Arc::new(self.engine.tree(context)?))
    }

    fn flush(&self) -> Result<(), Error> {
        self.engine.flush()
    }

    fn reached(&self, context: &str, newest: Link) {
        self.keeper.reached(context, newest);
    }

    fn close(&self) {
        self.keeper.close();
    }

    fn contexts(&self) -> Result<Vec<String>, Error> {
        Ok(self.engine.contexts())
    }

    fn size(&self) -> u64 {
        self.engine.db.size_on_disk().unwrap_or_default()
    }
}

pub(super) struct SledTree {
    tree: ::sled::Tree,
    overflow: Overflow,
    log: RedoLog,
}

impl Tree for SledTree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        guard::guarded("a key was read", || self.overflow.get(&self.tree, key))
    }

    fn scan_within(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        guard::guarded("keys were read", || {
            self.scan_range(span, bounds, direction)
        })
    }

    fn size(&self, key: &[u8]) -> Result<Option<u64>, Error> {
        guard::guarded("a key was looked for", || {
            self.overflow.size(&self.tree, key)
        })
    }

    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error> {
        guard::guarded("keys were counted", || self.count_range(span, limit))
    }

    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        guard::guarded("it was written", || self.apply(changes))
    }

    fn put(&self, change: &Change<'_>) -> Result<(), Error> {
        guard::guarded("it was written", || {
            // A batch would wait for a flush that is under way, and let all readers wait with it; only the pieces of a long value need one.
            let old = match &change.value {
                Some(value) if overflow::is_long(value) => {
                    return self.apply(slice::from_ref(change));
                }
                Some(value) => self.tree.insert(change.key.as_slice(), value.as_ref())?,
                None => self.tree.remove(change.key.as_slice())?,
            };
            old.map_or(Ok(()), |old| {
                self.overflow.forget(&self.tree, &change.key, &old)
            })
        })
    }

    fn redo_log(&self) -> Option<&RedoLog> {
        Some(&self.log)
    }
}

impl SledTree {
    /// The redo log of its context.
    pub fn log(&self) -> &RedoLog {
        &self.log
    }

    fn scan_range(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let mut range = self.tree.range(span.start.as_slice()..span.end.as_slice());
        let mut found = Vec::new();
        let mut bytes = 0;
        while bounds.leave_room(&found, bytes) {
            let next = match direction {
                Direction::Forwards => range.next(),
                Direction::Backwards => range.next_back(),
            };
            let Some((key, value)) = next.transpose()? else {
                break;
            };
            if let Some(value) = self.overflow.complete(&self.tree, &key, &value)? {
                bytes += value.len().saturating_sub(seal::LENGTH);
                found.push((key.to_vec(), value));
            }
        }
        Ok(found)
    }

    fn count_range(&self, span: &Span, limit: u64) -> Result<Counted, Error> {
        let mut counted = Counted {
            keys: 0,
            last: None,
        };
        if span.is_empty() {
            return Ok(counted);
        }
        for entry in self.tree.range(span.start.as_slice()..span.end.as_slice()) {
            let (key, _) = entry?;
            counted.keys += 1;
            if counted.keys >= limit {
                counted.last = Some(key.to_vec());
                break;
            }
        }
        Ok(counted)
    }

    fn apply(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        let mut batch = ::sled::Batch::default();
        let mut changed = HashSet::with_capacity(changes.len());
        // The newest first: an earlier change of the same key is left out, with all its pieces.
        for Change { key, value } in changes.iter().rev() {
            if changed.insert(key) {
                self.overflow
                    .stage(&self.tree, &mut batch, key, value.as_deref())?;
            }
        }
        Ok(self.tree.apply_batch(batch)?)
    }
}

impl From<::sled::Error> for Error {
    fn from(error: ::sled::Error) -> Error {
        match error {
            ::sled::Error::Corruption { .. } | ::sled::Error::ReportableBug(_) => Error::Damaged {
                what: format!("a page of its engine ({error})"),
            },
            ::sled::Error::Io(error) if is_of_content(&error) => Error::Damaged {
                what: format!("a page of its engine ({error})"),
            },
            error => Error::Disk {
                reason: error.to_string(),
            },
        }
    }
}

/// Whether a file could be read, but not what is in it.
fn is_of_content(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    matches!(
        error.kind(),
        InvalidData | InvalidInput | Other | UnexpectedEof
    )
}

fn cannot_open(directory: &Path, error: &::sled::Error) -> Error {
    let (directory, reason) = (PathBuf::from(directory), error.to_string());
    // sled has no error of its own for this.
    if reason.contains("could not acquire lock") {
        return Error::InUse { directory };
    }
    match error {
        ::sled::Error::Io(error) if !is_of_content(error) => Error::Open { directory, reason },
        // What is read there cannot be what sled wrote.
        _ => Error::Unsound {
            directory,
            what: format!("its engine cannot read it ({reason})"),
        },
    }
}

/// Makes the names of new files durable, and opens sled's file.
fn sync_entries(data: &Path, directory: &Path) -> io::Result<File> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
        File::open(data)?.sync_all()?;
    }
    File::open(directory.join(FILE))
}
