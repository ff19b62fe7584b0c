//! What an invocation hands over to be committed.

use super::{Event, Header, ReadSet, Write, seal};

/// What an invocation read and staged.
#[derive(Clone, Debug)]
pub struct Unit {
    /// [`Ledger::applied`](super::Ledger::applied), taken before the first read.
    pub began: u64,
    /// What it read.
    pub reads: ReadSet,
    /// What the commit will say of it.
    pub header: Header,
    /// What it changes, in the order staged.
    pub writes: Vec<Write>,
    /// What it publishes, in order.
    pub events: Vec<Event>,
}

impl Unit {
    /// About how many bytes it adds to the journal.
    pub(super) fn size(&self) -> usize {
        size(&self.writes, &self.events)
    }

    /// About how many of them are of the commit itself and of its events.
    pub(super) fn log_size(&self) -> usize {
        let keys = self.writes.iter().map(|write| write.key.len());
        let events = self.events.iter().map(Event::size);
        HEADER + keys.chain(events).sum::<usize>()
    }

    /// About how many changes it makes in the engine.
    pub(super) fn changes(&self) -> usize {
        changes(&self.writes, &self.events)
    }
}

/// About how many changes a commit makes in the engine.
pub(super) fn changes(writes: &[Write], events: &[Event]) -> usize {
    // Its record, the note of its story, and what is counted.
    const REST: usize = 4;
    writes.len() + events.len() + REST
}

/// What so many changes and bytes cost, in changes. As many bytes cost what one change does: the engine keeps readers waiting for either.
pub(super) fn cost(changes: usize, bytes: usize) -> usize {
    const BYTES_OF_CHANGE: usize = 2 << 10;
    changes + bytes / BYTES_OF_CHANGE
}

/// About how many bytes a commit adds to the journal.
pub(super) fn size(writes: &[Write], events: &[Event]) -> usize {
    // The commit says which keys it changed, and each value is sealed.
    let writes = writes
        .iter()
        .map(|write| write.size() + write.key.len() + seal::LENGTH);
    let events = events.iter().map(Event::size);
    HEADER + writes.chain(events).sum::<usize>()
}

/// The most bytes that a commit may add to the journal: enough below what a store can make durable at once, see `sled.rs`.
pub const LARGEST_COMMIT: usize = 12 << 20;

/// About what a header and its keys come to.
const HEADER: usize = 256;

/// When a commit is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// After it is on disk.
    Flush,
    /// After it is visible; it is on disk soon after, and a crash in between loses it.
    Relaxed,
}
