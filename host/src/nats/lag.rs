//! How many events are still to be published.

use super::bridge::Bridge;
use crate::journal::{self, EventPosition, LANES, Ledger};

/// How many events of a journal are behind one place, and not behind another. Blocks.
pub(super) fn between(
    ledger: &Ledger,
    after: EventPosition,
    upto: EventPosition,
) -> Result<u64, journal::Error> {
    let mut events = 0;
    for lane in 0..LANES {
        let journal = ledger.journal();
        let from = journal.count_events(lane, Some(after), upto.commit)?;
        // Of the last commit only some of them, perhaps.
        let beyond = journal.count_events(lane, Some(upto), upto.commit)?;
        events += from.saturating_sub(beyond);
    }
    Ok(events)
}

/// How many events are still to be published; `None` without NATS, and while the host does not know yet how far it had come. Blocks.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn behind(bridge: &Bridge) -> Result<Option<u64>, journal::Error> {
    let Some(places) = bridge.status.as_ref().and_then(|status| status.places()) else {
        return Ok(None);
    };
    let mut events = 0;
    for (name, ledger) in bridge.ledgers().iter() {
        let (after, upto) = (places.0.get(name).copied(), ledger.flushed());
        for lane in 0..LANES {
            events += ledger.journal().count_events(lane, after, upto)?;
        }
    }
    Ok(Some(events))
}
