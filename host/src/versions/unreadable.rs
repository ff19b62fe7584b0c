//! What came from outside and could not be read as an event: it goes to the dead letters of whoever follows its source, as it came.

use crate::journal::Event;

/// Its kind. No other has a dot.
const KIND: &str = "nats.unreadable";

/// An event that nobody's guest will see.
pub(crate) fn unreadable(
    id: String,
    subject: String,
    time: u64,
    bytes: Vec<u8>,
    reason: String,
) -> Event {
    Event {
        kind: KIND.to_owned(),
        // There is no invocation that has caused it; its dead letter tells why it is one.
        causation_id: reason,
        correlation_id: id.clone(),
        id,
        subject,
        time,
        data: bytes,
    }
}

/// Whether a kind is that of what could not be read.
pub(crate) fn is_unreadable(kind: &str) -> bool {
    kind == KIND
}

/// Why an event cannot be handled, if it could not be read.
pub(crate) fn reason(event: &Event) -> Option<&str> {
    is_unreadable(&event.kind).then_some(&*event.causation_id)
}
