//! An engine that fails where a test wants it to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::*;
use crate::journal::apply::Change;
use crate::journal::key::Span;
use crate::journal::tree::Tree;

/// Until it is told to fail it does not.
pub(super) struct FailingTree {
    entries: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    writes_left: AtomicUsize,
    torn_at: Mutex<Option<Vec<u8>>>,
}

impl Default for FailingTree {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            writes_left: AtomicUsize::new(usize::MAX),
            torn_at: Mutex::default(),
        }
    }
}

impl FailingTree {
    /// Has it write so many times more, as where its process is killed then.
    pub fn end_after(&self, writes: usize) {
        self.writes_left.store(writes, Relaxed);
    }

    /// Has it unable to scan what lies at a key or behind it, as where a page of its file is damaged: whoever comes there finds no next key either.
    pub fn tear(&self, key: Option<Vec<u8>>) {
        *self.torn_at.lock() = key;
    }

    /// The entries of a span, up to where they cannot be read.
    fn read(&self, span: &Span) -> Vec<Result<Entry, Error>> {
        if span.is_empty() {
            return Vec::new();
        }
        let torn_at = self.torn_at.lock();
        let entries = self.entries.lock();
        let entries = entries.range(span.start.clone()..span.end.clone());
        let read = entries.map(|(key, value)| match &*torn_at {
            Some(at) if key >= at => Err(Error::Closed),
            _ => Ok((key.clone(), value.clone())),
        });
        read.collect()
    }
}

impl Tree for FailingTree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entries.lock().get(key).cloned())
    }

    fn scan_within(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        let mut entries = self.read(span);
        if direction == Direction::Backwards {
            entries.reverse();
        }
        entries.into_iter().take(bounds.entries).collect()
    }

    fn size(&self, key: &[u8]) -> Result<Option<u64>, Error> {
        let entries = self.entries.lock();
        Ok(entries.get(key).map(|value| value.len() as u64))
    }

    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error> {
        let mut counted = Counted {
            keys: 0,
            last: None,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        for entry in self.read(span).into_iter().take(limit) {
            counted.last = Some(entry?.0);
            counted.keys += 1;
        }
        Ok(counted)
    }

    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        let one_less = |left: usize| left.checked_sub(1);
        if self
            .writes_left
            .fetch_update(Relaxed, Relaxed, one_less)
            .is_err()
        {
            return Err(Error::Closed);
        }
        let mut entries = self.entries.lock();
        for Change { key, value } in changes {
            match value {
                Some(value) => entries.insert(key.clone(), value.to_vec()),
                None => entries.remove(key),
            };
        }
        Ok(())
    }

    fn put(&self, change: &Change<'_>) -> Result<(), Error> {
        self.write(std::slice::from_ref(change))
    }
}
