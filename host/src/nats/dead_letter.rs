//! Dead letters of the relay: events that cannot be published. Each is a record in the host's own journal; the event itself stays in its context's journal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::bridge::Bridge;
use crate::invocation::record;
use crate::journal::{self, CommitError, EventPosition, KeyRange, Ledger, Space, Unit};
use crate::manifest::HOST_SOURCE;

const PREFIX: &str = "nats/";

/// An event that cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayDeadLetter {
    /// Where it is.
    pub place: RelayDeadLetterId,
    /// Its id.
    pub event: String,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Why it cannot be published.
    pub reason: String,
    /// When that was found out the last time, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Whether it was published or dropped since. The record is kept, so that the relay skips the event after a restart, too.
    pub has_ended: bool,
}

/// Names a dead letter of the relay by the place of its event: `<context>.<commit>.<index>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelayDeadLetterId {
    /// The context that published it.
    pub context: String,
    /// Its place in that context's journal.
    pub position: EventPosition,
}

impl RelayDeadLetterId {
    // The numbers have all their digits, so that keys sort as what they name.
    fn key(&self) -> String {
        let EventPosition { commit, index } = self.position;
        format!("{PREFIX}{}/{commit:020}/{index:05}", self.context)
    }
}

impl fmt::Display for RelayDeadLetterId {
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
pub struct NotARelayDeadLetterId(String);

impl FromStr for RelayDeadLetterId {
    type Err = NotARelayDeadLetterId;

    fn from_str(text: &str) -> Result<Self, NotARelayDeadLetterId> {
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
        parse().ok_or_else(|| NotARelayDeadLetterId(text.to_owned()))
    }
}

/// The dead letters of the relay that wait for an operator, by their contexts, in the order of their events.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn list(bridge: &Bridge) -> Result<Vec<RelayDeadLetter>, journal::Error> {
    let mut letters = all(bridge)?;
    letters.retain(|letter| !letter.has_ended);
    Ok(letters)
}

/// All of them, including those that were published or dropped since.
pub(super) fn all(bridge: &Bridge) -> Result<Vec<RelayDeadLetter>, journal::Error> {
    let Some(ledger) = bridge.ledger(HOST_SOURCE) else {
        return Ok(Vec::new());
    };
    let range = KeyRange::prefix(PREFIX);
    let found = ledger.scan(Space::DeadLetter, &range, usize::MAX, false)?;
    let letters = found.into_iter();
    letters
        .map(|(key, value)| record::read(&key, &value))
        .collect()
}

/// A dead letter that waits for an operator.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn get(
    bridge: &Bridge,
    id: &RelayDeadLetterId,
) -> Result<Option<RelayDeadLetter>, journal::Error> {
    let Some(ledger) = bridge.ledger(HOST_SOURCE) else {
        return Ok(None);
    };
    let letter: Option<RelayDeadLetter> = record::find(ledger, Space::DeadLetter, &id.key())?;
    Ok(letter.filter(|letter| !letter.has_ended))
}

/// Stores a dead letter.
pub(super) async fn store(ledger: &Ledger, letter: &RelayDeadLetter) -> Result<(), CommitError> {
    let write = record::write(Space::DeadLetter, &letter.place.key(), letter)?;
    let unit = Unit::bookkeeping("relay", ledger.applied(), vec![write]);
    ledger.commit(unit).await.map(|_| ())
}

/// Drops a dead letter: its event will not be published.
///
/// # Errors
///
/// When the journal cannot be written.
pub async fn drop(bridge: &Bridge, letter: RelayDeadLetter) -> Result<(), CommitError> {
    match bridge.ledger(HOST_SOURCE) {
        Some(ledger) => store(ledger, &letter.ended()).await,
        None => Ok(()),
    }
}

impl RelayDeadLetter {
    /// The same, published or dropped.
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
        let id = RelayDeadLetterId {
            context: "night-desk".into(),
            position: EventPosition {
                commit: 1204,
                index: 2,
            },
        };
        assert_eq!(id.to_string(), "night-desk.1204.2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "room", "room.1", "room.1.x", "room.1.2.3", ".1.2"] {
            assert!(text.parse::<RelayDeadLetterId>().is_err(), "{text}");
        }
    }
}
