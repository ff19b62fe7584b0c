//! What an invocation stages to be published, now or later.

use super::timer::Timer;
use crate::core::EventId;
use crate::journal::{self, Event, Write};

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
    /// What goes along with them that the guest has no part in, in bytes.
    carried: u64,
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

    /// Counts what goes along with an event or a timer: who is behind it. How much that is, the guest does not choose.
    pub(super) fn note_carried(&mut self, bytes: usize) {
        self.carried += bytes as u64;
    }

    /// How many timers it sets and takes away.
    pub(super) fn timer_count(&self) -> usize {
        self.timers.len() + self.cancelled.len()
    }

    /// How much the guest has staged, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much memory all of it takes, in bytes.
    pub(super) fn held(&self) -> u64 {
        self.bytes + self.carried
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
