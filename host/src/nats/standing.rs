//! How the events on NATS are, for whoever asks.

use parking_lot::Mutex;

use crate::app::Host;
use crate::events::place::Places;
use crate::journal::{self, EventPosition, LANES};

/// How the events on NATS are.
#[derive(Default)]
pub struct Standing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    trouble: Option<String>,
    places: Option<Places>,
}

impl Standing {
    /// What keeps the events from NATS, if anything does.
    pub fn trouble(&self) -> Option<String> {
        self.state.lock().trouble.clone()
    }

    /// Notes what keeps the events from NATS. Says whether that is news.
    pub(super) fn note_trouble(&self, trouble: Option<String>) -> bool {
        let mut state = self.state.lock();
        let is_news = state.trouble != trouble;
        state.trouble = trouble;
        is_news
    }

    /// How far the events are published; `None` while that is not known.
    pub(super) fn places(&self) -> Option<Places> {
        self.state.lock().places.clone()
    }

    pub(super) fn note_place(&self, context: &str, position: EventPosition) {
        if let Some(places) = &mut self.state.lock().places {
            places.note(context, position);
        }
    }

    pub(super) fn note_places(&self, places: Places) {
        self.state.lock().places = Some(places);
    }
}

/// How many events are still to be published; `None` without NATS, and while the host does not know yet how far it had come. Blocks.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn behind(host: &Host) -> Result<Option<u64>, journal::Error> {
    let Some(places) = host.nats.as_ref().and_then(|standing| standing.places()) else {
        return Ok(None);
    };
    let mut events = 0;
    for (name, ledger) in host.ledgers() {
        let (after, upto) = (places.0.get(name).copied(), ledger.flushed());
        for lane in 0..LANES {
            events += ledger.journal().count_events(lane, after, upto)?;
        }
    }
    Ok(Some(events))
}
