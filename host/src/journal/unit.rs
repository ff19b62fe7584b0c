//! What an invocation hands over to be committed.

use super::{Event, Header, ReadSet, Write};

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
        let writes = self
            .writes
            .iter()
            .map(|write| write.key.len() + write.value.as_ref().map_or(0, Vec::len));
        let events = self
            .events
            .iter()
            .map(|event| event.subject.len() + event.data.len() + OVERHEAD);
        OVERHEAD + writes.chain(events).sum::<usize>()
    }
}

/// About what ids, times and keys of a header or an event come to.
const OVERHEAD: usize = 256;

/// When a commit is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// After it is on disk.
    Flush,
    /// After it is visible; it is on disk soon after, and a crash in between loses it.
    Relaxed,
}
