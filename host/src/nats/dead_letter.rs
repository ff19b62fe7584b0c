//! Dead letters of the relay: events that cannot be published. Each is a record in the host's own journal; the event itself stays in its context's journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bridge::Bridge;
use super::dead_letter_id::{self, RelayDeadLetterId};
use super::relay_position;

use crate::core::{ContextName, EventId};
use crate::invocation::record;
use crate::journal::{self, CommitError, Direction, KeyRange, Ledger, Space, Unit};
use crate::manifest::HOST_SOURCE;

/// An event that cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayDeadLetter {
    /// Where it is.
    pub place: RelayDeadLetterId,
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
    /// Whether it was published or dropped since. The record is kept while the relay could come to its event again, so that it skips the event after a restart, too.
    pub has_ended: bool,
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

/// How many of a context wait for an operator. Blocks.
pub(super) fn count(bridge: &Bridge, context: &ContextName) -> Result<u64, journal::Error> {
    let letters = below(bridge, &format!("{}{context}/", dead_letter_id::PREFIX))?;
    let waiting = letters.iter().filter(|letter| !letter.has_ended);
    Ok(waiting.count() as u64)
}

/// All of them, including those that were published or dropped since.
pub(super) fn all(bridge: &Bridge) -> Result<Vec<RelayDeadLetter>, journal::Error> {
    below(bridge, dead_letter_id::PREFIX)
}

/// Those whose keys begin so.
fn below(bridge: &Bridge, prefix: &str) -> Result<Vec<RelayDeadLetter>, journal::Error> {
    let Some(ledger) = bridge.ledger(HOST_SOURCE) else {
        return Ok(Vec::new());
    };
    let range = KeyRange::prefix(prefix);
    let found = ledger.scan(Space::DeadLetter, &range, usize::MAX, Direction::Forwards)?;
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
    let letter: Option<RelayDeadLetter> = record::find(&ledger, Space::DeadLetter, &id.key())?;
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
        Some(ledger) => end(&ledger, letter).await,
        None => Ok(()),
    }
}

/// Ends a dead letter. Its record stays only where the relay could come to its event again.
pub(super) async fn end(ledger: &Arc<Ledger>, letter: RelayDeadLetter) -> Result<(), CommitError> {
    let RelayDeadLetterId { context, position } = &letter.place;
    let journal = ledger.clone();
    let kept = tokio::task::spawn_blocking(move || relay_position::read(&journal)).await;
    let kept = kept
        .unwrap_or(Err(journal::Error::Closed))?
        .unwrap_or_default();
    let write = match kept.0.get(context).is_some_and(|kept| kept >= position) {
        true => record::removal(Space::DeadLetter, &letter.place.key()),
        false => {
            let key = letter.place.key();
            record::write(Space::DeadLetter, &key, &letter.ended())?
        }
    };
    let unit = Unit::bookkeeping("relay", ledger.applied(), vec![write]);
    ledger.commit(unit).await.map(|_| ())
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
