//! The state as one invocation sees it: the context's, with its own staged writes on top.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Failure;
use crate::guest::StateEntry;
use crate::journal::{self, Bounds, KeyRange, Ledger, ReadSet, Space, Write};

/// The most entries that one scan answers.
const SCAN_LIMIT: usize = 10_000;

/// What a guest wants to see of a range.
pub(super) struct Scan<'a> {
    pub range: &'a KeyRange,
    /// How many entries; 0 is as many as there may be.
    pub limit: u32,
    pub reverse: bool,
    /// How many bytes of values are too many.
    pub memory: u64,
}

/// Staged writes over a ledger, with a note of everything that was read from below.
pub(super) struct StagedState {
    space: Space,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: u64,
}

impl StagedState {
    /// Nothing staged over the state in `space`.
    pub(super) fn new(space: Space) -> Self {
        Self {
            space,
            writes: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// How much is staged, in bytes of keys and values.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(super) fn get(
        &self,
        ledger: &Ledger,
        reads: &mut ReadSet,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, journal::Error> {
        if let Some(staged) = self.writes.get(key) {
            return Ok(staged.clone());
        }
        reads.note_key(self.space, key);
        ledger.get(self.space, key)
    }

    /// Stages a value, or with `None` a removal.
    pub(super) fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let size =
            |key: &[u8], value: Option<&Vec<u8>>| (key.len() + value.map_or(0, Vec::len)) as u64;
        self.bytes += size(&key, value.as_ref());
        if let Some(replaced) = self.writes.get(&key) {
            self.bytes = self.bytes.saturating_sub(size(&key, replaced.as_ref()));
        }
        self.writes.insert(key, value);
    }

    /// `memory` is what the guest may have: it could not take more than that, and the host need not hold it either.
    pub(super) fn scan(
        &self,
        ledger: &Ledger,
        reads: &mut ReadSet,
        Scan {
            range,
            limit,
            reverse,
            memory,
        }: Scan<'_>,
    ) -> Result<Vec<StateEntry>, Failure> {
        let limit = if limit == 0 {
            SCAN_LIMIT
        } else {
            SCAN_LIMIT.min(limit as usize)
        };
        let staged: Vec<_> = self.staged_in(range).collect();
        // Every staged key may hide one entry from below, so that many more are fetched.
        let wanted = limit + staged.len();
        let bounds = Bounds {
            entries: wanted,
            bytes: usize::try_from(memory).unwrap_or(usize::MAX),
        };
        let below = ledger.scan_within(self.space, range, bounds, reverse)?;
        reads.note_scan(self.space, range, wanted, reverse, &below);
        if below.iter().map(|(_, value)| value.len()).sum::<usize>() >= bounds.bytes {
            return Err(Failure::ScannedTooMuch { limit: memory });
        }
        let reached = if below.len() < wanted {
            None
        } else {
            below.last().map(|(key, _)| key.clone())
        };
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = below.into_iter().collect();
        for (key, value) in staged {
            let beyond = reached
                .as_ref()
                .is_some_and(|last| if reverse { key < last } else { key > last });
            match value {
                _ if beyond => {}
                Some(value) => {
                    merged.insert(key.clone(), value.clone());
                }
                None => {
                    merged.remove(key);
                }
            }
        }
        let entry = |(key, value): (Vec<u8>, Vec<u8>)| StateEntry {
            key: String::from_utf8_lossy(&key).into_owned(),
            value,
        };
        Ok(match reverse {
            false => merged.into_iter().take(limit).map(entry).collect(),
            true => merged.into_iter().rev().take(limit).map(entry).collect(),
        })
    }

    pub(super) fn count(
        &self,
        ledger: &Ledger,
        reads: &mut ReadSet,
        range: &KeyRange,
    ) -> Result<u64, journal::Error> {
        reads.note_range(self.space, range);
        let mut count = ledger.count(self.space, range)?;
        for (key, value) in self.staged_in(range) {
            match (ledger.get(self.space, key)?.is_some(), value.is_some()) {
                (true, false) => count = count.saturating_sub(1),
                (false, true) => count += 1,
                _ => {}
            }
        }
        Ok(count)
    }

    /// The staged writes, as the journal takes them.
    pub(super) fn into_writes(self) -> impl Iterator<Item = Write> {
        let space = self.space;
        self.writes
            .into_iter()
            .map(move |(key, value)| Write { space, key, value })
    }

    fn staged_in(&self, range: &KeyRange) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
        let end = match &range.end {
            Some(end) => Bound::Excluded(end.clone()),
            None => Bound::Unbounded,
        };
        // `BTreeMap::range` refuses a start beyond the end, so an empty range must not reach it.
        let is_empty = range.end.as_ref().is_some_and(|end| *end <= range.start);
        let found = (!is_empty).then(|| {
            self.writes
                .range::<Vec<u8>, _>((Bound::Included(range.start.clone()), end))
        });
        found.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::events::bookkeeping;
    use crate::journal::{Committer, Durability, MemoryStore, Options, Unit};

    const SPACE: Space = Space::State(0);
    const LONG: usize = 100_000;

    #[tokio::test]
    async fn a_scan_ends_before_it_holds_more_than_the_guest_could() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let writes = (0..50_u8).map(|key| Write {
            space: SPACE,
            key: vec![b'a' + key % 25, key],
            value: Some(vec![1; LONG]),
        });
        let unit = Unit {
            began: 0,
            reads: ReadSet::default(),
            header: bookkeeping("test"),
            writes: writes.collect(),
            events: Vec::new(),
        };
        ledger.commit(unit).await.unwrap();
        let mut state = StagedState::new(SPACE);
        state.put(b"a".to_vec(), Some(b"staged".to_vec()));
        let scan = |limit: u32, reverse: bool| {
            let range = KeyRange::all();
            let scan = Scan {
                range: &range,
                limit,
                reverse,
                memory: 1_000_000,
            };
            let found = state.scan(&ledger, &mut ReadSet::default(), scan);
            found.map(|found| found.len())
        };
        assert_eq!(scan(8, false), Ok(8));
        assert_eq!(scan(8, true), Ok(8));
        let too_much = Failure::ScannedTooMuch { limit: 1_000_000 };
        for limit in [0, 12, 10_000] {
            assert_eq!(scan(limit, false), Err(too_much.clone()), "{limit}");
            assert_eq!(scan(limit, true), Err(too_much.clone()), "{limit}");
        }
    }
}
