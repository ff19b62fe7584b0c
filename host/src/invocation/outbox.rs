//! What an invocation stages to be published, now or later.

use serde::{Deserialize, Serialize};

use super::record;
use crate::core::{CausationId, CorrelationId, EventId, or_empty};
use crate::journal::{self, Event, KeyRange, Ledger, ReadSet, Space, Write};

/// An event that is to be published when its time has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The timer's id, which is also the event's.
    pub id: EventId,
    /// The event's kind.
    pub kind: String,
    /// The event's subject.
    pub subject: String,
    /// The event's data.
    pub data: Vec<u8>,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// What set it.
    #[serde(with = "or_empty")]
    pub causation_id: Option<CausationId>,
}

impl Timer {
    /// The writes that set it, to fire at `due` milliseconds since the Unix epoch: one entry in the order of their times, one to find it by its id.
    ///
    /// # Errors
    ///
    /// When the record cannot be written.
    pub fn writes(&self, due: u64) -> Result<[Write; 2], journal::Error> {
        Ok([
            record::write(Space::Timer, &Self::key(due, &self.id), self)?,
            record::write(Space::Timer, &Self::index_key(&self.id), &due)?,
        ])
    }

    /// The writes that take a timer away.
    pub fn removals(due: u64, id: &EventId) -> [Write; 2] {
        [
            record::removal(Space::Timer, &Self::key(due, id)),
            record::removal(Space::Timer, &Self::index_key(id)),
        ]
    }

    /// Notes that a timer was found: whoever else takes it away conflicts.
    pub fn note(id: &EventId, reads: &mut ReadSet) {
        reads.note_key(Space::Timer, Self::index_key(id).as_bytes());
    }

    /// When a timer fires, if it is still set.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub fn due(
        ledger: &Ledger,
        reads: &mut ReadSet,
        id: &EventId,
    ) -> Result<Option<u64>, journal::Error> {
        Self::note(id, reads);
        record::find(ledger, Space::Timer, &Self::index_key(id))
    }

    /// The timers that fire first, with their times, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub fn next(ledger: &Ledger, limit: usize) -> Result<Vec<(u64, Timer)>, journal::Error> {
        let found = ledger.scan(Space::Timer, &KeyRange::prefix("d/"), limit, false)?;
        let timer = |(key, value): (Vec<u8>, Vec<u8>)| {
            let due = key
                .get(2..22)
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| digits.parse().ok());
            let due = due.ok_or_else(|| journal::Error::Damaged {
                what: String::from_utf8_lossy(&key).into_owned(),
            })?;
            Ok((due, record::read(&key, &value)?))
        };
        found.into_iter().map(timer).collect()
    }

    fn key(due: u64, id: &EventId) -> String {
        format!("d/{due:020}/{id}")
    }

    fn index_key(id: &EventId) -> String {
        format!("i/{id}")
    }
}

/// The staged events and timers of one invocation.
#[derive(Default)]
pub(super) struct Outbox {
    pub events: Vec<Event>,
    /// Timers with their delays, in milliseconds from the commit.
    pub timers: Vec<(u64, Timer)>,
    /// Timers of earlier invocations that are taken away: when they were due, and their ids.
    pub cancelled: Vec<(u64, EventId)>,
    count: u64,
    bytes: u64,
}

/// About what an event takes in the journal besides what the guest says of it, in bytes: its ids, its key, its seal.
const AROUND_EVENT: usize = 256;
/// The same of a timer, which has two keys.
const AROUND_TIMER: usize = 512;

impl Outbox {
    /// The number of the next event or timer, from 0.
    pub(super) fn next_count(&mut self) -> u64 {
        self.count += 1;
        self.count - 1
    }

    /// Counts what an event takes.
    pub(super) fn note_event(&mut self, bytes: usize) {
        self.bytes += (AROUND_EVENT + bytes) as u64;
    }

    /// Counts what a timer takes that is set or taken away.
    pub(super) fn note_timer(&mut self, bytes: usize) {
        self.bytes += (AROUND_TIMER + bytes) as u64;
    }

    /// How many timers it sets and takes away.
    pub(super) fn timer_count(&self) -> usize {
        self.timers.len() + self.cancelled.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.timers.is_empty() && self.cancelled.is_empty()
    }

    /// Takes back a timer that this invocation staged itself.
    pub(super) fn unstage(&mut self, id: &EventId) -> bool {
        let before = self.timers.len();
        self.timers.retain(|(_, timer)| timer.id != *id);
        self.timers.len() < before
    }

    /// The writes for timers set and cancelled, and the events.
    pub(super) fn into_parts(self, now: u64) -> Result<(Vec<Write>, Vec<Event>), journal::Error> {
        let mut writes = Vec::new();
        for (delay, timer) in &self.timers {
            writes.extend(timer.writes(now.saturating_add(*delay))?);
        }
        for (due, id) in &self.cancelled {
            writes.extend(Timer::removals(*due, id));
        }
        Ok((writes, self.events))
    }
}
