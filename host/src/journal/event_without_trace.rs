//! Events as they were kept before they said which span published them and who is behind them, and as they are kept within other records: their form there is not to change.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::record::Event;
use crate::core::{CausationId, CorrelationId, EventId, or_empty};

/// An event, all but its trace and its identity.
#[derive(Serialize, Deserialize)]
pub(super) struct EventWithoutTrace {
    id: EventId,
    kind: String,
    subject: String,
    time: u64,
    data: Vec<u8>,
    correlation_id: CorrelationId,
    #[serde(with = "or_empty")]
    causation_id: Option<CausationId>,
}

/// Writes an event without its trace and its identity.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
    EventWithoutTrace::from(event.clone()).serialize(serializer)
}

/// Reads an event that has neither.
///
/// # Errors
///
/// Those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
    EventWithoutTrace::deserialize(deserializer).map(Event::from)
}

impl From<Event> for EventWithoutTrace {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            subject: event.subject,
            time: event.time,
            data: event.data,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
        }
    }
}

impl From<EventWithoutTrace> for Event {
    fn from(event: EventWithoutTrace) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            subject: event.subject,
            time: event.time,
            data: event.data,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            trace: None,
            identity: None,
        }
    }
}
