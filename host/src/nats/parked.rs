//! What cannot be published: the dead letters of the relay. Each is a note in the host's own journal of an event that stays in its context's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::bridge::Bridge;
use crate::core::EventId;
use crate::invocation::record;
use crate::journal::{self, CommitError, EventPosition, KeyRange, Ledger, Space, Unit};
use crate::manifest::HOST_SOURCE;

const PREFIX: &str = "nats/";

/// An event that cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Where it is.
    pub place: ParkedId,
    /// Its id.
    pub event: EventId,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Why it cannot be published.
    pub reason: String,
    /// When that was found out the last time, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Whether it was published or dropped since. What has come to an end is remembered, so that the relay goes past it after a restart, too.
    pub has_ended: bool,
}

/// Names a dead letter of the relay by the place of its event: `<context>.<commit>.<index>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParkedId {
    /// The context that published it.
    pub context: String,
    /// Its place in that context's journal.
    pub position: EventPosition,
}

impl ParkedId {
    // The numbers have all their digits, so that keys sort as what they name.
    fn key(&self) -> String {
        let EventPosition { commit, index } = self.position;
        format!("{PREFIX}{}/{commit:020}/{index:05}", self.context)
    }
}

impl fmt::Display for ParkedId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventPosition { commit, index } = self.position;
        write!(formatter, "{}.{commit}.{index}", self.context)
    }
}

/// The text names no dead letter of the relay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name a dead letter of the relay; a name looks like `room.1204.0`, see `innkeeper nats dead-letters`"
)]
pub struct NotAParkedId(String);

impl FromStr for ParkedId {
    type Err = NotAParkedId;

    fn from_str(text: &str) -> Result<Self, NotAParkedId> {
        let parse = || {
            let mut parts = text.split('.');
            let id = Self {
                context: parts
                    .next()
                    .filter(|context| !context.is_empty())?
                    .to_owned(),
                position: EventPosition {
                    commit: parts.next()?.parse().ok()?,
                    index: parts.next()?.parse().ok()?,
                },
            };
            parts.next().is_none().then_some(id)
        };
        parse().ok_or_else(|| NotAParkedId(text.to_owned()))
    }
}

/// The dead letters of the relay that wait for an operator, by their contexts, in the order of their events.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn list(bridge: &Bridge) -> Result<Vec<Parked>, journal::Error> {
    let mut parked = all(bridge)?;
    parked.retain(|parked| !parked.has_ended);
    Ok(parked)
}

/// All there ever were.
pub(super) fn all(bridge: &Bridge) -> Result<Vec<Parked>, journal::Error> {
    let Some(ledger) = bridge.ledger(HOST_SOURCE) else {
        return Ok(Vec::new());
    };
    let range = KeyRange::prefix(PREFIX);
    let found = ledger.scan(Space::DeadLetter, &range, usize::MAX, false)?;
    let parked = found.into_iter();
    parked
        .map(|(key, value)| record::read(&key, &value))
        .collect()
}

/// One that waits for an operator.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn get(bridge: &Bridge, id: &ParkedId) -> Result<Option<Parked>, journal::Error> {
    let Some(ledger) = bridge.ledger(HOST_SOURCE) else {
        return Ok(None);
    };
    let parked: Option<Parked> = record::find(ledger, Space::DeadLetter, &id.key())?;
    Ok(parked.filter(|parked| !parked.has_ended))
}

/// Keeps one.
pub(super) async fn keep(ledger: &Ledger, parked: &Parked) -> Result<(), CommitError> {
    let write = record::write(Space::DeadLetter, &parked.place.key(), parked)?;
    let unit = Unit::bookkeeping("relay", ledger.applied(), vec![write]);
    ledger.commit(unit).await.map(|_| ())
}

/// Drops one: its event will not be published.
///
/// # Errors
///
/// When the journal cannot be written.
pub async fn drop(bridge: &Bridge, parked: Parked) -> Result<(), CommitError> {
    match bridge.ledger(HOST_SOURCE) {
        Some(ledger) => keep(ledger, &parked.ended()).await,
        None => Ok(()),
    }
}

impl Parked {
    /// As one that waits for nobody any more.
    pub(super) fn ended(self) -> Self {
        Self {
            has_ended: true,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id = ParkedId {
            context: "night-desk".into(),
            position: EventPosition {
                commit: 1204,
                index: 2,
            },
        };
        assert_eq!(id.to_string(), "night-desk.1204.2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "room", "room.1", "room.1.x", "room.1.2.3", ".1.2"] {
            assert!(text.parse::<ParkedId>().is_err(), "{text}");
        }
    }
}
