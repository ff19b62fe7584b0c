//! Reads of any length that keep no thread of the runtime for long: the first, short part of one is answered at once, and the rest in slices, on threads that
//! may block, as many at a time as there are processors. Dropping a read ends it with the slice that it is at.

use std::sync::Arc;

use super::direction::Direction;
use super::{Bounds, Counted, Entry, Error, KeyRange, Ledger, Space};

/// What is read at once.
const FIRST: Bounds = Bounds {
    entries: 256,
    bytes: 128 << 10,
};
/// What is read in one go elsewhere.
const SLICE: Bounds = Bounds {
    entries: 4_096,
    bytes: 2 << 20,
};
/// Keys without their values take less time.
const FIRST_KEYS: u64 = 1_024;
const SLICE_KEYS: u64 = 16_384;

impl Ledger {
    /// Like [`Ledger::scan_within`], for a range of any length.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub async fn scan_in_slices(
        self: &Arc<Self>,
        space: Space,
        range: &KeyRange,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        let mut found: Vec<Entry> = Vec::new();
        let (mut rest, mut slice, mut bytes) = (range.clone(), FIRST, 0);
        loop {
            let step = Bounds {
                entries: slice.entries.min(bounds.entries - found.len()),
                bytes: slice.bytes.min(bounds.bytes - bytes),
            };
            let part = if found.is_empty() {
                self.scan_within(space, &rest, step, direction)?
            } else {
                let range = rest.clone();
                self.read(move |ledger| ledger.scan_within(space, &range, step, direction))
                    .await?
            };
            let taken: usize = part.iter().map(|(_, value)| value.len()).sum();
            let is_cut = part.len() >= step.entries || taken >= step.bytes;
            if let Some((last, _)) = part.last() {
                rest = beyond(rest, last, direction);
            }
            bytes += taken;
            found.extend(part);
            if !is_cut || found.len() >= bounds.entries || bytes >= bounds.bytes {
                return Ok(found);
            }
            slice = SLICE;
        }
    }

    /// How many keys a range holds, at most `limit`. Where that is kept, none of them is looked at.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub async fn count_in_slices(
        self: &Arc<Self>,
        space: Space,
        range: &KeyRange,
        limit: u64,
    ) -> Result<Counted, Error> {
        let (mut keys, mut rest) = (0, range.clone());
        loop {
            let part = if keys == 0 {
                let step = FIRST_KEYS.min(limit);
                self.journal().count_within(space, &rest, step)?
            } else {
                let (range, step) = (rest.clone(), SLICE_KEYS.min(limit - keys));
                self.read(move |ledger| ledger.journal().count_within(space, &range, step))
                    .await?
            };
            keys += part.keys;
            match part.last {
                Some(last) if keys < limit => rest = beyond(rest, &last, Direction::Forwards),
                last => return Ok(Counted { keys, last }),
            }
        }
    }

    /// Reads on a thread that may block, when a place is free.
    ///
    /// # Errors
    ///
    /// Those of the read, and [`Error::Closed`] where it does not come to an end.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // Nobody closes the semaphore.
        let place = self.readers.clone().acquire_owned().await;
        let ledger = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            // Also when nobody waits for it any more.
            let _place = place;
            read(&ledger)
        });
        // Only a runtime that shuts down, or a panic, gives no answer.
        reading.await.unwrap_or(Err(Error::Closed))
    }
}

/// The part of a range that is still to be read.
fn beyond(mut range: KeyRange, last: &[u8], direction: Direction) -> KeyRange {
    match direction {
        Direction::Forwards => range.start_after(last),
        Direction::Backwards => range.end = Some(last.to_vec()),
    }
    range
}
