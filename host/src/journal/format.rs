//! How records become bytes: one byte for the format, then postcard.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::event_without_trace::EventWithoutTrace;
use super::{Error, Event, Header};

/// The format of what is written. 2: values carry a checksum and their commit, commits what they changed and a link to the one before.
pub(super) const FORMAT: u8 = 2;

/// The format of events. 3: they say which span published them.
const EVENT_FORMAT: u8 = 3;

/// What is kept at a commit's position. The events are in their lanes, the writes in their spaces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub header: Header,
    /// The lane of each event, in order.
    pub lanes: Vec<u8>,
    /// What it changed, in order.
    pub changed: Vec<Changed>,
    /// The commit before it.
    pub before: Link,
    /// Whether a repair has put it in the place of one that was lost: what follows it links to what was there before.
    pub is_mended: bool,
}

/// The same, from a borrowed header; both have the same bytes.
#[derive(Serialize)]
pub(super) struct RecordRef<'a> {
    pub header: &'a Header,
    pub lanes: Vec<u8>,
    pub changed: Vec<Changed>,
    pub before: Link,
    pub is_mended: bool,
}

/// A commit as the next one knows it: so commits are a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its position; 0 before the first.
    pub position: u64,
    /// The checksum of its record.
    pub checksum: u64,
}

/// A key that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changed {
    /// The encoded key.
    pub key: Vec<u8>,
    /// Whether it was removed.
    pub is_removed: bool,
}

/// The bytes of a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Error> {
    encode_as(FORMAT, record)
}

/// The record that `encode` was given. `what` names it for people.
pub(super) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    what: impl Fn() -> String,
) -> Result<T, Error> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => read(rest, what),
        Some((&found, _)) => Err(Error::Format {
            found,
            known: FORMAT,
        }),
        None => Err(Error::Damaged { what: what() }),
    }
}

/// The bytes of an event.
pub(super) fn encode_event(event: &Event) -> Result<Vec<u8>, Error> {
    encode_as(EVENT_FORMAT, event)
}

/// The event that `encode_event` was given, also by a host that did not know of traces.
pub(super) fn decode_event(bytes: &[u8], what: impl Fn() -> String) -> Result<Event, Error> {
    match bytes.split_first() {
        Some((&EVENT_FORMAT, rest)) => read(rest, what),
        Some((&FORMAT, rest)) => read::<EventWithoutTrace>(rest, what).map(Event::from),
        Some((&found, _)) => Err(Error::Format {
            found,
            known: EVENT_FORMAT,
        }),
        None => Err(Error::Damaged { what: what() }),
    }
}

fn encode_as<T: Serialize>(format: u8, record: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(format);
    postcard::to_extend(record, bytes).map_err(|error| Error::Damaged {
        what: format!("a record that cannot be written ({error})"),
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8], what: impl Fn() -> String) -> Result<T, Error> {
    postcard::from_bytes(bytes).map_err(|error| Error::Damaged {
        what: format!("{} ({error})", what()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::TraceContext;

    fn told(trace: Option<TraceContext>) -> Event {
        Event {
            id: "1".into(),
            kind: "RoomRegistered".into(),
            subject: "7".into(),
            time: 5,
            data: b"{}".to_vec(),
            correlation_id: "2".parse().unwrap(),
            causation_id: Some("3".into()),
            trace,
        }
    }

    #[test]
    fn an_event_says_which_span_published_it() {
        let event = told(Some(TraceContext::new().with_baggage("tenant=blue")));
        let bytes = encode_event(&event).unwrap();
        assert_eq!(decode_event(&bytes, String::new).unwrap(), event);
    }

    #[test]
    fn an_event_of_an_earlier_host_is_read() {
        let event = told(None);
        let earlier = EventWithoutTrace::from(event.clone());
        let bytes = encode(&earlier).unwrap();
        assert_eq!(decode_event(&bytes, String::new).unwrap(), event);
    }

    #[test]
    fn an_event_of_a_later_host_is_refused_by_name() {
        let refused = decode_event(&[EVENT_FORMAT + 1], String::new);
        assert!(matches!(refused, Err(Error::Format { found: 4, known: 3 })));
    }
}
