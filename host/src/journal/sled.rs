//! Journals on disk, in sled: one tree for each context, one batch for each group of commits, one log for all.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::apply::Change;
use super::key::Span;
use super::pieces::Pieces;
use super::tree::Tree;
use super::{Bounds, Counted, Entry, Error, Journal, Store};

/// sled's largest. A page above a quarter of it goes to a file of its own that sled never syncs; and when the machine crashes in the middle of a batch
/// that fills a whole segment, sled can find nothing at all afterwards. Long values in pieces and groups of bounded size stay far below both.
pub(super) const SEGMENT: usize = 16 << 20;

/// sled's own tree, which is there before any context.
const DEFAULT_TREE: &[u8] = b"__sled__default";

/// Holds journals in a directory.
pub struct SledStore {
    db: ::sled::Db,
    /// sled's file, to sync it.
    file: File,
}

impl SledStore {
    /// Opens `<data>/journal`, making it when it is not there. `cache` is in bytes. Reads the disk: call it where blocking is allowed.
    pub fn open(data: &Path, cache: u64) -> Result<SledStore, Error> {
        let directory = data.join("journal");
        let config = ::sled::Config::new()
            .path(&directory)
            .cache_capacity(cache)
            .segment_size(SEGMENT)
            .mode(::sled::Mode::HighThroughput)
            .flush_every_ms(None);
        let db = config
            .open()
            .map_err(|error| cannot_open(&directory, &error))?;
        let file = sync_entries(data, &directory)
            .map_err(|error| cannot_open(&directory, &error.into()))?;
        Ok(SledStore { db, file })
    }
}

impl Store for SledStore {
    fn open(&self, context: &str) -> Result<Arc<dyn Journal>, Error> {
        let tree = self.db.open_tree(context)?;
        Ok(Arc::new(SledTree {
            pieces: Pieces::of(&tree)?,
            tree,
        }))
    }

    fn flush(&self) -> Result<(), Error> {
        self.db.flush()?;
        // There sled only asks for the pages to be written: neither the file's new length nor what the disk caches is safe after that.
        if cfg!(target_os = "linux") {
            self.file.sync_data().map_err(::sled::Error::from)?;
        }
        Ok(())
    }

    fn contexts(&self) -> Result<Vec<String>, Error> {
        let names = self
            .db
            .tree_names()
            .into_iter()
            .filter(|name| name != DEFAULT_TREE);
        Ok(names
            .map(|name| String::from_utf8_lossy(&name).into_owned())
            .collect())
    }

    fn size(&self) -> u64 {
        self.db.size_on_disk().unwrap_or_default()
    }
}

struct SledTree {
    tree: ::sled::Tree,
    pieces: Pieces,
}

impl Tree for SledTree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.pieces.get(&self.tree, key)
    }

    fn scan_within(&self, span: &Span, bounds: Bounds, reverse: bool) -> Result<Vec<Entry>, Error> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let mut range = self.tree.range(span.start.as_slice()..span.end.as_slice());
        let mut found = Vec::new();
        let mut bytes = 0;
        while bounds.leave_room(&found, bytes) {
            let next = if reverse {
                range.next_back()
            } else {
                range.next()
            };
            let Some((key, value)) = next.transpose()? else {
                break;
            };
            if let Some(value) = self.pieces.complete(&self.tree, &key, &value)? {
                bytes += value.len();
                found.push((key.to_vec(), value));
            }
        }
        Ok(found)
    }

    fn contains(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.tree.contains_key(key)?)
    }

    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error> {
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

    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        let mut batch = ::sled::Batch::default();
        let mut changed = HashSet::with_capacity(changes.len());
        // The newest first: an earlier change of the same key is left out, with all its pieces.
        for Change { key, value } in changes.iter().rev() {
            if changed.insert(key) {
                self.pieces
                    .stage(&self.tree, &mut batch, key, value.as_deref())?;
            }
        }
        Ok(self.tree.apply_batch(batch)?)
    }

    fn put(&self, change: &Change<'_>) -> Result<(), Error> {
        // A batch would wait for a flush that is under way, and let all readers wait with it.
        let old = match &change.value {
            Some(value) => self.tree.insert(change.key.as_slice(), value.as_ref())?,
            None => self.tree.remove(change.key.as_slice())?,
        };
        old.map_or(Ok(()), |old| {
            self.pieces.forget(&self.tree, &change.key, &old)
        })
    }
}

impl From<::sled::Error> for Error {
    fn from(error: ::sled::Error) -> Error {
        Error::Disk {
            reason: error.to_string(),
        }
    }
}

fn cannot_open(directory: &Path, error: &::sled::Error) -> Error {
    let (directory, reason) = (PathBuf::from(directory), error.to_string());
    // sled has no error of its own for this.
    if reason.contains("could not acquire lock") {
        Error::InUse { directory }
    } else {
        Error::Open { directory, reason }
    }
}

/// Makes the names of new files durable, and opens sled's file.
fn sync_entries(data: &Path, directory: &Path) -> io::Result<File> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
        File::open(data)?.sync_all()?;
    }
    File::open(directory.join("db"))
}
