//! How records become bytes: one byte for the format, then postcard.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::event_without_trace::EventWithoutTrace;
use super::{Error, Event, Header};

/// The format of what is written. 2: values carry a checksum and their commit, commits what they changed and a link to the one before.
pub(super) const FORMAT: u8 = 2;

/// The format of events. 4: they say who is behind them.
const EVENT_FORMAT: u8 = 4;

/// The format of events that nobody is known to be behind: 3, which an older host reads. They say which span published them.
const ANONYMOUS_EVENT_FORMAT: u8 = 3;

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
    /// What its header says of who was behind it.
    by: Option<String>,
}

/// The same, from a borrowed header; both have the same bytes.
#[derive(Serialize)]
pub(super) struct RecordRef<'a> {
    pub header: &'a Header,
    pub lanes: Vec<u8>,
    pub changed: Vec<Changed>,
    pub before: Link,
    pub is_mended: bool,
    pub by: Option<&'a str>,
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

/// The record of a commit.
pub(super) fn decode_record(bytes: &[u8], what: impl Fn() -> String) -> Result<Record, Error> {
    let mut record: Record = decode(bytes, what)?;
    record.header.by = record.by.take();
    Ok(record)
}

/// The bytes of an event.
pub(super) fn encode_event(event: &Event) -> Result<Vec<u8>, Error> {
    let format = match event.identity {
        Some(_) => EVENT_FORMAT,
        None => ANONYMOUS_EVENT_FORMAT,
    };
    encode_as(format, event)
}

/// The event that `encode_event` was given, also by a host that did not know of identities, or of traces.
pub(super) fn decode_event(bytes: &[u8], what: impl Fn() -> String) -> Result<Event, Error> {
    match bytes.split_first() {
        Some((&(EVENT_FORMAT | ANONYMOUS_EVENT_FORMAT), rest)) => read(rest, what),
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
    extend(bytes, record)
}

/// Puts a record behind others.
pub(super) fn extend<T: Serialize>(bytes: Vec<u8>, record: &T) -> Result<Vec<u8>, Error> {
    postcard::to_extend(record, bytes).map_err(|error| Error::Damaged {
        what: format!("a record that cannot be written ({error})"),
    })
}

/// The first of records that were put behind one another, and the rest.
pub(super) fn split<T: DeserializeOwned>(
    bytes: &[u8],
    what: impl Fn() -> String,
) -> Result<(T, &[u8]), Error> {
    postcard::take_from_bytes(bytes).map_err(|error| damaged(what, &error))
}

fn read<T: DeserializeOwned>(bytes: &[u8], what: impl Fn() -> String) -> Result<T, Error> {
    read_grown(bytes).map_err(|error| damaged(what, &error))
}

fn damaged(what: impl Fn() -> String, error: &postcard::Error) -> Error {
    Error::Damaged {
        what: format!("{} ({error})", what()),
    }
}

/// Reads a record that may have been written before its type got its last field, which is an option: it is none then. What is written has a checksum, so
/// nothing else ends too early.
///
/// An older host passes over what it does not know at the end.
pub(crate) fn read_grown<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, postcard::Error> {
    const NONE: u8 = 0;
    match postcard::from_bytes(bytes) {
        Err(postcard::Error::DeserializeUnexpectedEnd) => {
            postcard::from_bytes(&[bytes, &[NONE]].concat())
        }
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{TraceContext, VerifiedIdentity};

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
            identity: None,
        }
    }

    #[test]
    fn an_event_says_which_span_published_it() {
        let event = told(Some(TraceContext::new().with_baggage("tenant=blue")));
        let bytes = encode_event(&event).unwrap();
        assert_eq!(decode_event(&bytes, String::new).unwrap(), event);
    }

    #[test]
    fn an_event_says_who_is_behind_it() {
        let event = Event {
            identity: Some(VerifiedIdentity::of("alice")),
            ..told(None)
        };
        let bytes = encode_event(&event).unwrap();
        assert_eq!(bytes.first(), Some(&EVENT_FORMAT));
        assert_eq!(decode_event(&bytes, String::new).unwrap(), event);
    }

    #[test]
    fn an_event_of_a_host_that_knew_nobody_is_read_and_it_reads_ours() {
        let event = told(Some(TraceContext::new().with_baggage("tenant=blue")));
        let mut bytes = encode_event(&event).unwrap();
        assert_eq!(bytes.first(), Some(&ANONYMOUS_EVENT_FORMAT));
        // That host wrote nothing where ours writes that there is none; what it does not read it passes over.
        assert_eq!(bytes.pop(), Some(0));
        assert_eq!(decode_event(&bytes, String::new).unwrap(), event);
        bytes.pop();
        let cut = decode_event(&bytes, String::new);
        assert!(matches!(cut, Err(Error::Damaged { .. })), "{cut:?}");
    }

    #[test]
    fn a_commit_says_who_was_behind_it_and_one_of_an_earlier_host_says_nothing() {
        let header = Header {
            by: Some("alice".into()),
            ..super::super::bookkeeping("test")
        };
        let kept = |by| {
            let record = RecordRef {
                header: &header,
                lanes: vec![3],
                changed: Vec::new(),
                before: Link::default(),
                is_mended: true,
                by,
            };
            encode(&record).unwrap()
        };
        let read = |bytes: &[u8]| decode_record(bytes, String::new).unwrap().header;
        assert_eq!(read(&kept(Some("alice"))), header);
        let mut earlier = kept(None);
        assert_eq!(earlier.pop(), Some(0));
        let expected = Header {
            by: None,
            ..header.clone()
        };
        assert_eq!(read(&earlier), expected);
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
        assert!(matches!(refused, Err(Error::Format { found: 5, known: 4 })));
    }
}
