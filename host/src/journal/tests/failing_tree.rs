//! An engine that fails where a test wants it to.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::*;
use crate::journal::apply::Change;
use crate::journal::key::Span;
use crate::journal::memory::MemoryTree;
use crate::journal::tree::Tree;

/// One in memory; until it is told to fail it does not.
pub(super) struct FailingTree {
    tree: MemoryTree,
    writes_left: AtomicUsize,
    torn_at: Mutex<Option<Vec<u8>>>,
}

impl Default for FailingTree {
    fn default() -> Self {
        Self {
            tree: MemoryTree::default(),
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
}

impl Tree for FailingTree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Tree::get(&self.tree, key)
    }

    fn scan_within(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        let found = Tree::scan_within(&self.tree, span, bounds, direction)?;
        match &*self.torn_at.lock() {
            Some(at) if found.iter().any(|(key, _)| key >= at) => Err(Error::Closed),
            _ => Ok(found),
        }
    }

    fn size(&self, key: &[u8]) -> Result<Option<u64>, Error> {
        Tree::size(&self.tree, key)
    }

    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error> {
        let entries = usize::try_from(limit).unwrap_or(usize::MAX);
        Tree::scan_within(self, span, Bounds::entries(entries), Direction::Forwards)?;
        Tree::count_within(&self.tree, span, limit)
    }

    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        let one_less = |left: usize| left.checked_sub(1);
        let left = self.writes_left.fetch_update(Relaxed, Relaxed, one_less);
        left.map_err(|_| Error::Closed)?;
        Tree::write(&self.tree, changes)
    }

    fn put(&self, change: &Change<'_>) -> Result<(), Error> {
        self.write(std::slice::from_ref(change))
    }
}
