//! Journals in memory: for tests, and for contexts whose state may be lost.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::slice;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::apply::Change;
use super::direction::Direction;
use super::key::Span;
use super::tree::Tree;
use super::{Bounds, Counted, Entry, Error, Journal, Store, seal};
#[cfg(test)]
use super::{EventPosition, Space, key};

/// Holds journals in memory, for as long as it lives.
#[derive(Default)]
pub struct MemoryStore {
    trees: Mutex<BTreeMap<String, Arc<MemoryTree>>>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }
}

#[cfg(test)]
impl MemoryStore {
    /// Changes the last bit of a value, as a disk may do it.
    pub(super) fn damage(&self, context: &str, space: Space, key: &[u8]) {
        self.damage_entry(context, &key::encode(space, key));
    }

    /// Does the same to an event.
    pub(crate) fn damage_event(&self, context: &str, lane: u8, position: EventPosition) {
        self.damage_entry(context, &key::event(lane, position));
    }

    fn damage_entry(&self, context: &str, key: &[u8]) {
        let trees = self.trees.lock();
        let mut entries = trees[context].entries.write();
        let value = entries.get_mut(key).unwrap();
        *value.last_mut().unwrap() ^= 1;
    }
}

impl Store for MemoryStore {
    fn open(&self, context: &str) -> Result<Arc<dyn Journal>, Error> {
        Ok(self
            .trees
            .lock()
            .entry(context.to_owned())
            .or_default()
            .clone())
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    fn contexts(&self) -> Result<Vec<String>, Error> {
        Ok(self.trees.lock().keys().cloned().collect())
    }

    fn size(&self) -> u64 {
        0
    }
}

#[derive(Default)]
pub(super) struct MemoryTree {
    entries: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Tree for MemoryTree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entries.read().get(key).cloned())
    }

    fn scan_within(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.entries.read();
        let mut range = entries.range::<[u8], _>(ends(span));
        let mut found = Vec::new();
        let mut bytes = 0;
        while bounds.leave_room(&found, bytes) {
            let next = match direction {
                Direction::Forwards => range.next(),
                Direction::Backwards => range.next_back(),
            };
            let Some((key, value)) = next else { break };
            bytes += value.len().saturating_sub(seal::LENGTH);
            found.push((key.clone(), value.clone()));
        }
        Ok(found)
    }

    fn size(&self, key: &[u8]) -> Result<Option<u64>, Error> {
        let entries = self.entries.read();
        Ok(entries.get(key).map(|value| value.len() as u64))
    }

    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error> {
        let mut counted = Counted {
            keys: 0,
            last: None,
        };
        if span.is_empty() {
            return Ok(counted);
        }
        let entries = self.entries.read();
        for (key, _) in entries.range::<[u8], _>(ends(span)) {
            counted.keys += 1;
            if counted.keys >= limit {
                counted.last = Some(key.clone());
                break;
            }
        }
        Ok(counted)
    }

    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        let mut entries = self.entries.write();
        for Change { key, value } in changes {
            match value {
                Some(value) => entries.insert(key.clone(), value.to_vec()),
                None => entries.remove(key),
            };
        }
        Ok(())
    }

    fn put(&self, change: &Change<'_>) -> Result<(), Error> {
        self.write(slice::from_ref(change))
    }
}

fn ends(span: &Span) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Included(&span.start), Bound::Excluded(&span.end))
}
