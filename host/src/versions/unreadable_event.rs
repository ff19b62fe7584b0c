//! A message from outside that could not be read as an event. It becomes a dead letter of each follower of its source, with its bytes as they came.

use crate::core::{CorrelationId, EventId};
use crate::journal::Event;

/// Its kind. No other has a dot.
const KIND: &str = "nats.unreadable";

/// An event that no guest gets.
pub(crate) fn new(
    id: EventId,
    subject: String,
    time: u64,
    bytes: Vec<u8>,
    reason: String,
) -> Event {
    Event {
        kind: KIND.to_owned(),
        // There is no invocation that has caused it; its dead letter tells why it is one.
        causation_id: Some(reason.into()),
        correlation_id: CorrelationId::of_event(&id),
        id,
        subject,
        time,
        data: bytes,
        trace: None,
        identity: None,
    }
}

/// Whether a kind is that of what could not be read.
pub(crate) fn is_unreadable(kind: &str) -> bool {
    kind == KIND
}

/// Why an event cannot be handled, if it could not be read.
pub(crate) fn reason(event: &Event) -> Option<&str> {
    is_unreadable(&event.kind).then(|| event.causation_id.as_deref().unwrap_or_default())
}
