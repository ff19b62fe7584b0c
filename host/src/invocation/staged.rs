//! The state as one invocation sees it: the context's, with its own staged writes on top.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::Failure;
use super::counter;
use super::read_usage::{self, ReadUsage};
use crate::guest::StateEntry;
use crate::journal::{Bounds, Direction, KeyRange, Ledger, Merge, ReadSet, Space, Write};

/// The most entries that one scan answers.
const SCAN_LIMIT: usize = 10_000;

/// What a guest wants to see of a range.
pub(super) struct Scan<'a> {
    pub range: &'a KeyRange,
    /// How many entries; 0 is as many as there may be.
    pub limit: u32,
    pub direction: Direction,
    /// How many bytes of values are too many.
    pub memory: u64,
}

/// What is noted of everything that is read from below.
pub(super) struct Notes<'a> {
    pub reads: &'a mut ReadSet,
    pub spent: &'a mut ReadUsage,
}

/// What is staged for a key.
#[derive(Clone)]
enum Staged {
    /// A value, or with `None` the removal.
    Write(Option<Vec<u8>>),
    /// So much is added to the number that is there when it is committed.
    Addition(i64),
}

impl Staged {
    /// What it makes of the value below.
    fn over(&self, below: Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Write(value) => Ok(value.clone()),
            Self::Addition(delta) => Ok(Some(counter::add(below, *delta)?)),
        }
    }

    fn is_removal(&self) -> bool {
        matches!(self, Self::Write(None))
    }

    /// How much it holds, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Write(value) => value.as_ref().map_or(0, Vec::len),
            Self::Addition(_) => size_of::<i64>(),
        }
    }
}

/// Staged writes over a ledger, with a note of everything that was read from below.
pub(super) struct StagedState {
    generation: u32,
    space: Space,
    writes: BTreeMap<Vec<u8>, Staged>,
    bytes: u64,
}

impl StagedState {
    /// Nothing staged over a generation of the state.
    pub(super) fn new(generation: u32) -> Self {
        Self {
            generation,
            space: Space::State(generation),
            writes: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// How much is staged, in bytes of keys and values.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The generation of the state.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// How many keys it changes.
    pub(super) fn keys(&self) -> usize {
        self.writes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(super) fn get(
        &self,
        ledger: &Ledger,
        notes: Notes<'_>,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let staged = self.writes.get(key);
        if let Some(Staged::Write(value)) = staged {
            return Ok(value.clone());
        }
        notes.reads.note_key(self.space, key);
        let found = ledger.get(self.space, key)?;
        notes.spent.note(1, found.as_ref().map_or(0, Vec::len))?;
        match staged {
            Some(staged) => staged.over(found.as_deref()),
            None => Ok(found),
        }
    }

    /// Stages a value, or with `None` a removal.
    pub(super) fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.stage(key, Staged::Write(value));
    }

    /// Stages an addition to a number.
    pub(super) fn add(&mut self, key: Vec<u8>, delta: i64) -> Result<(), Failure> {
        let staged = match self.writes.get(&key) {
            None => Staged::Addition(delta),
            Some(Staged::Addition(before)) => Staged::Addition(counter::sum(*before, delta)?),
            // What is there when it is committed is known: what was staged.
            Some(Staged::Write(value)) => {
                Staged::Write(Some(counter::add(value.as_deref(), delta)?))
            }
        };
        self.stage(key, staged);
        Ok(())
    }

    fn stage(&mut self, key: Vec<u8>, staged: Staged) {
        let size = |key: &[u8], staged: &Staged| (key.len() + staged.size()) as u64;
        self.bytes += size(&key, &staged);
        if let Some(replaced) = self.writes.get(&key) {
            self.bytes = self.bytes.saturating_sub(size(&key, replaced));
        }
        self.writes.insert(key, staged);
    }

    /// `memory` is what the guest may have: it could not take more than that, and the host need not hold it either.
    pub(super) async fn scan(
        &self,
        ledger: &Arc<Ledger>,
        notes: Notes<'_>,
        Scan {
            range,
            limit,
            direction,
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
        let memory_bytes = usize::try_from(memory).unwrap_or(usize::MAX);
        let left = notes.spent.bounds();
        let bounds = Bounds {
            entries: wanted.min(left.entries),
            bytes: memory_bytes.min(left.bytes),
        };
        let found = ledger.scan_in_slices(self.space, range, bounds, direction);
        let below = found.await?;
        notes
            .reads
            .note_scan(self.space, range, bounds.entries, direction, &below);
        notes.spent.note_found(&below)?;
        if read_usage::bytes_of(&below) >= memory_bytes {
            return Err(Failure::ScannedTooMuch { limit: memory });
        }
        let reached = if below.len() < wanted {
            None
        } else {
            below.last().map(|(key, _)| key.clone())
        };
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = below.into_iter().collect();
        for (key, staged) in staged {
            let beyond = reached
                .as_ref()
                .is_some_and(|last| direction.comes_later(key, last));
            if beyond {
                continue;
            }
            let below = merged.get(key).map(Vec::as_slice);
            match staged.over(below)? {
                Some(value) => drop(merged.insert(key.clone(), value)),
                None => drop(merged.remove(key)),
            }
        }
        let entry = |(key, value): (Vec<u8>, Vec<u8>)| StateEntry {
            key: String::from_utf8_lossy(&key).into_owned(),
            value,
        };
        Ok(match direction {
            Direction::Forwards => merged.into_iter().take(limit).map(entry).collect(),
            Direction::Backwards => merged.into_iter().rev().take(limit).map(entry).collect(),
        })
    }

    pub(super) async fn count(
        &self,
        ledger: &Arc<Ledger>,
        notes: Notes<'_>,
        range: &KeyRange,
    ) -> Result<u64, Failure> {
        notes.reads.note_range(self.space, range);
        let mut count = match ledger.journal().kept_count(self.space, range)? {
            Some(count) => {
                notes.spent.note(1, 0)?;
                count
            }
            None => {
                let left = notes.spent.bounds().entries as u64;
                let counted = ledger.count_in_slices(self.space, range, left).await?;
                notes.spent.note(counted.keys.max(1), 0)?;
                counted.keys
            }
        };
        for (key, staged) in self.staged_in(range) {
            notes.spent.note(1, 0)?;
            match (ledger.get(self.space, key)?.is_some(), !staged.is_removal()) {
                (true, false) => count = count.saturating_sub(1),
                (false, true) => count += 1,
                _ => {}
            }
        }
        Ok(count)
    }

    /// What is staged, as the journal takes it.
    pub(super) fn into_changes(self) -> (Vec<Write>, Vec<Merge>) {
        let space = self.space;
        let (mut writes, mut merges) = (Vec::new(), Vec::new());
        for (key, staged) in self.writes {
            match staged {
                Staged::Write(value) => writes.push(Write { space, key, value }),
                Staged::Addition(delta) => merges.push(counter::merge(space, key, delta)),
            }
        }
        (writes, merges)
    }

    fn staged_in(&self, range: &KeyRange) -> impl Iterator<Item = (&Vec<u8>, &Staged)> {
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
    use super::*;
    use crate::journal::{Committer, Durability, MemoryStore, Options, Unit};
    use crate::manifest::ReadLimits;

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
        let unit = Unit::bookkeeping("test", 0, writes.collect());
        ledger.commit(unit).await.unwrap();
        let mut state = StagedState::new(0);
        state.put(b"a".to_vec(), Some(b"staged".to_vec()));
        let scan = async |limit: u32, direction: Direction| {
            let range = KeyRange::all();
            let scan = Scan {
                range: &range,
                limit,
                direction,
                memory: 1_000_000,
            };
            let notes = Notes {
                reads: &mut ReadSet::default(),
                spent: &mut ReadUsage::new(ReadLimits::default()),
            };
            let found = state.scan(&ledger, notes, scan).await;
            found.map(|found| found.len())
        };
        assert_eq!(scan(8, Direction::Forwards).await, Ok(8));
        assert_eq!(scan(8, Direction::Backwards).await, Ok(8));
        let too_much = Failure::ScannedTooMuch { limit: 1_000_000 };
        for limit in [0, 12, 10_000] {
            assert_eq!(
                scan(limit, Direction::Forwards).await,
                Err(too_much.clone()),
                "{limit}"
            );
            assert_eq!(
                scan(limit, Direction::Backwards).await,
                Err(too_much.clone()),
                "{limit}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_read_is_bounded_over_all_reads() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let writes = (0..50_u8).map(|key| Write {
            space: SPACE,
            key: format!("rooms/{key:02}").into_bytes(),
            value: Some(vec![1; 100]),
        });
        let unit = Unit::bookkeeping("test", 0, writes.collect());
        ledger.commit(unit).await.unwrap();
        let state = StagedState::new(0);
        let limits = |keys: u32, bytes| ReadLimits {
            keys: keys.try_into().unwrap(),
            bytes,
        };
        let too_much = |what, limit| Failure::ReadTooMuch { what, limit };
        let all = KeyRange::all();
        let scan = |limit| Scan {
            range: &all,
            limit,
            direction: Direction::Forwards,
            memory: u64::MAX,
        };
        for (limits, scanned, counted) in [
            (limits(50, 5_000), Ok(50), Ok(50)),
            (
                limits(49, 5_000),
                Err(too_much("keys", 49)),
                Err(too_much("keys", 49)),
            ),
            (limits(50, 4_999), Err(too_much("bytes", 4_999)), Ok(50)),
        ] {
            let mut reads = ReadSet::default();
            let mut spent = ReadUsage::new(limits);
            let (reads, spent) = (&mut reads, &mut spent);
            let found = state.scan(&ledger, Notes { reads, spent }, scan(0)).await;
            assert_eq!(found.map(|found| found.len()), scanned);
            let spent = &mut ReadUsage::new(limits);
            let found = state.count(&ledger, Notes { reads, spent }, &all).await;
            assert_eq!(found, counted);
        }
        // One after the other, whether or not anything is there; a table's count is one.
        let mut reads = ReadSet::default();
        let mut spent = ReadUsage::new(limits(3, 5_000));
        let (reads, spent) = (&mut reads, &mut spent);
        let table = KeyRange::prefix("rooms/");
        let found = state.count(&ledger, Notes { reads, spent }, &table).await;
        assert_eq!(found, Ok(50));
        let found = state.scan(&ledger, Notes { reads, spent }, scan(1)).await;
        assert_eq!(found.map(|found| found.len()), Ok(1));
        let missing = state.get(&ledger, Notes { reads, spent }, b"nobody");
        assert_eq!(missing, Ok(None));
        let missing = state.get(&ledger, Notes { reads, spent }, b"nobody");
        assert_eq!(missing, Err(too_much("keys", 3)));
    }
}
