//! What a storage engine offers.

use std::sync::Arc;

use super::direction::Direction;
use super::large_commit::{LargeCommit, Step};
use super::{Commit, Error, Event, EventPosition, Header, KeyRange, Link, Raw, Space, Usage};
use crate::core::CorrelationId;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// How much a scan answers at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many entries.
    pub entries: usize,
    /// How many bytes of values: the entry that reaches it is the last. So a value of any size is found.
    pub bytes: usize,
}

impl Bounds {
    /// So many entries, of any size.
    pub fn entries(entries: usize) -> Bounds {
        Bounds {
            entries,
            bytes: usize::MAX,
        }
    }

    /// Whether there is room for an entry after those that were found, with so many bytes of values.
    pub(super) fn leave_room(&self, found: &[Entry], bytes: usize) -> bool {
        found.len() < self.entries && (found.is_empty() || bytes < self.bytes)
    }
}

/// How many keys were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// So many.
    pub keys: u64,
    /// The last of them, when it was the limit that ended it; none when all were counted.
    pub last: Option<Vec<u8>>,
}

/// Events of a lane, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneEvents {
    /// The events, and where they are.
    pub events: Vec<(EventPosition, Event)>,
    /// Whether more wait behind them, or may: where that cannot be read.
    pub has_more: bool,
}

impl LaneEvents {
    /// Where the last of them is; none when there are none.
    pub fn last(&self) -> Option<EventPosition> {
        self.events.last().map(|(position, _)| *position)
    }
}

/// What is kept of a commit: its position, its header and its events. Its writes live on in their spaces only.
pub type Recorded = (u64, Header, Vec<Event>);

/// One context's storage: applies commits in order and answers reads. Knows nothing of concurrency control.
pub trait Journal: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The first `limit` entries of a range, read in this direction.
    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        self.scan_within(space, range, Bounds::entries(limit), direction)
    }

    /// Like [`Journal::scan`], but ends when either bound is reached.
    fn scan_within(
        &self,
        space: Space,
        range: &KeyRange,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error>;

    /// How many keys a range holds, at most `limit`: so many are looked at.
    fn count_within(&self, space: Space, range: &KeyRange, limit: u64) -> Result<Counted, Error>;

    /// How many keys a range holds, where that is kept: it is for a table of the state, all keys that begin with the same text up to their first slash.
    fn kept_count(&self, space: Space, range: &KeyRange) -> Result<Option<u64>, Error>;

    /// How many keys a range holds. Looks at all of them, where their count is not kept.
    fn count(&self, space: Space, range: &KeyRange) -> Result<u64, Error> {
        match self.kept_count(space, range)? {
            Some(count) => Ok(count),
            None => Ok(self.count_within(space, range, u64::MAX)?.keys),
        }
    }

    /// How long the value of a key is, as it is kept; none when there is none.
    fn value_size(&self, space: Space, key: &[u8]) -> Result<Option<u64>, Error>;

    /// How much there is, with one generation of the state.
    fn usage(&self, generation: u32) -> Result<Usage, Error>;

    /// Makes what an earlier Innkeeper wrote what this one expects. Blocks; nothing may be appended meanwhile.
    fn upgrade(&self) -> Result<(), Error>;

    /// Appends commits with consecutive positions, behind the one `before`, as one atomic batch: visible at once, durable after [`Store::flush`].
    /// Tells the last of them as the next one knows it.
    fn append(&self, commits: &[Commit], before: Link) -> Result<Link, Error>;

    /// Goes on with a commit that is too large to be appended at once, until it is visible as a whole. A crash leaves all of it, once it is durable, or nothing. Nothing
    /// else may be appended meanwhile.
    fn append_large(&self, commit: LargeCommit) -> Result<Step, Error>;

    /// The newest commit as the next one knows it.
    fn newest(&self) -> Result<Link, Error>;

    /// A lane's events after `after` (`None` means from the first) that were committed at `upto` or before, at most `limit` of them.
    fn events(
        &self,
        lane: u8,
        after: Option<EventPosition>,
        upto: u64,
        limit: usize,
    ) -> Result<Vec<(EventPosition, Event)>, Error> {
        let (mut found, mut after) = (Vec::new(), after);
        loop {
            let bounds = Bounds::entries(limit - found.len());
            let LaneEvents { events, has_more } = self.events_within(lane, after, upto, bounds)?;
            found.extend(events);
            after = found.last().map(|(position, _)| *position);
            if !has_more || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Like [`Journal::events`], but ends when either bound is reached, or before an event that cannot be read; the bytes are those that are stored. Fails only where
    /// the first of them cannot be read.
    fn events_within(
        &self,
        lane: u8,
        after: Option<EventPosition>,
        upto: u64,
        bounds: Bounds,
    ) -> Result<LaneEvents, Error>;

    /// How many events that would be, without a limit.
    fn count_events(&self, lane: u8, after: Option<EventPosition>, upto: u64)
    -> Result<u64, Error>;

    /// Where a lane's newest event is.
    fn lane_end(&self, lane: u8) -> Result<Option<EventPosition>, Error>;

    /// The commits under a correlation id, in order, the first 10,000 of them.
    fn story(&self, correlation_id: &CorrelationId) -> Result<Vec<Recorded>, Error>;

    /// The commits after a position, in order, at most `limit` of them.
    fn commits(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, Error>;

    /// Removes at most `limit` keys of a range, outside any commit, and says how many: 0 when none is left. Blocks for about 10 us a key.
    /// Only for what no invocation reads any more, such as a generation that has been swapped out.
    fn sweep(&self, space: Space, range: &KeyRange, limit: usize) -> Result<usize, Error>;

    /// The mark of a sequence: no number up to it may be given out again. 0 for a new one.
    fn sequence(&self, name: &str) -> Result<u64, Error>;

    /// How many sequences have a mark.
    fn sequence_count(&self) -> Result<u64, Error>;

    /// The keys after one, and what they have, as they are kept, about so many bytes of them; none when there are no more. For copies.
    fn raw_after(&self, after: &[u8], bytes: usize) -> Result<Vec<Raw>, Error>;

    /// What a key has, as it is kept. For copies.
    fn raw(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The keys that a commit has changed, as they are kept. For copies.
    fn raw_changed(&self, position: u64) -> Result<Vec<Vec<u8>>, Error>;

    /// What is kept outside of commits: few keys. For copies.
    fn raw_outside(&self) -> Result<Vec<Raw>, Error>;

    /// Sets the mark of a sequence. It goes to the same log as the commits, so the flush that makes a later commit durable covers it.
    fn reserve(&self, name: &str, to: u64) -> Result<(), Error>;
}

/// What holds the journals of an app.
pub trait Store: Send + Sync + 'static {
    /// The journal of a context, made when there is none. May read the disk: call it where blocking is allowed.
    fn open(&self, context: &str) -> Result<Arc<dyn Journal>, Error>;

    /// Makes everything appended before durable. Blocks.
    fn flush(&self) -> Result<(), Error>;

    /// Notes how far a context's journal is on disk by now. Never waits for the disk itself.
    fn reached(&self, _context: &str, _newest: Link) {}

    /// Ends what is noted meanwhile. Blocks.
    fn close(&self) {}

    /// The contexts that have a journal here.
    fn contexts(&self) -> Result<Vec<String>, Error>;

    /// Bytes on disk.
    fn size(&self) -> u64;
}
