//! Timers as the journal keeps them: by the time at which they fire, and by their id. `events/timer.rs` fires them, also after a restart.

use serde::{Deserialize, Serialize};

use super::record;
use crate::core::{CausationId, CorrelationId, EventId, VerifiedIdentity, or_empty};
use crate::journal::{self, Direction, KeyRange, Ledger, ReadSet, Space, Write};

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
    /// Who is behind it.
    pub identity: Option<VerifiedIdentity>,
}

impl Timer {
    /// The writes that set it, to fire at `due` milliseconds since the Unix epoch: one entry in the order of their times, one to find it by its id.
    ///
    /// # Errors
    ///
    /// When the record cannot be written.
    pub fn writes(&self, due: u64) -> Result<[Write; 2], journal::Error> {
        // In this order, as those that take it away are in the other: a large commit is seen in parts, and who finds a timer looks for its id.
        Ok([
            record::write(Space::Timer, &Self::index_key(&self.id), &due)?,
            record::write(Space::Timer, &Self::key(due, &self.id), self)?,
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
        let found = ledger.scan(
            Space::Timer,
            &KeyRange::prefix("d/"),
            limit,
            Direction::Forwards,
        )?;
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
