//! A message from outside as events: CloudEvents, and anything else by the mapping of `docs/events.md`.

use async_nats::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::core::{CorrelationId, EventId, TraceContext, digest};
use crate::invocation::Attributes;
use crate::journal::{Event, LARGEST_COMMIT};
use crate::nats::cloud_event::{self, CloudEvent, header};
use crate::versions::unreadable_event;

/// The most bytes of an event: one commit holds it, with all that becomes of it here.
const LARGEST: usize = LARGEST_COMMIT / 3 * 2;
/// The most events of a batch: one commit holds them all.
const MOST: usize = 10_000;

/// So many broken events of a batch are taken in one by one.
const MOST_BROKEN: usize = 16;

/// The longest reason why something cannot be read, in bytes.
const LONGEST_REASON: usize = 1_000;

/// A message in its stream.
pub(super) struct ReceivedMessage<'a> {
    pub subject: &'a str,
    pub headers: Option<&'a HeaderMap>,
    pub payload: &'a [u8],
    /// When the stream got it, in milliseconds since the Unix epoch.
    pub time: u64,
}

/// An event as it is taken in.
pub(super) struct ReceivedEvent {
    pub event: Event,
    /// What its record has no room for, if there is such.
    pub attributes: Option<Attributes>,
    /// Whether its producer has named it, so that a repeat has the same name.
    pub is_named: bool,
}

impl ReceivedEvent {
    /// About how many bytes it adds to a commit.
    pub fn size(&self) -> usize {
        self.event.size() + self.attributes.as_ref().map_or(0, Attributes::size)
    }
}

/// The id of an event: one half says where it was found, the other what its producer calls it. So whoever has seen one knows either again.
pub(super) struct EventIdHalves {
    pub place: u64,
    pub name: u64,
}

impl EventIdHalves {
    fn new(place: &[u8], index: usize, event: Option<&CloudEvent>) -> Self {
        let place = half(&digest(&[place, &(index as u64).to_be_bytes()]));
        let name = event.map_or(place, |event| {
            let named = [event.required("source"), event.required("id")];
            half(&digest(&named.map(str::as_bytes)))
        });
        Self { place, name }
    }

    /// The halves of an event's id.
    pub fn of(id: &EventId) -> Option<Self> {
        let part = |range| u64::from_str_radix(id.get(range)?, 16).ok();
        Some(Self {
            place: part(0..16)?,
            name: part(16..32)?,
        })
    }

    fn id(&self) -> EventId {
        format!("{:016x}{:016x}", self.place, self.name).into()
    }
}

fn half(digest: &str) -> u64 {
    let half = digest.get(..16).unwrap_or_default();
    u64::from_str_radix(half, 16).unwrap_or_default()
}

impl ReceivedMessage<'_> {
    /// The events in it, of this kind, whatever the message says, if one is given. `place` tells the message from all others.
    pub(super) fn events(&self, place: &[u8], kind: Option<&str>) -> Vec<ReceivedEvent> {
        let events = match cloud_event::read(self.headers, self.payload) {
            cloud_event::Message::Other => {
                return vec![
                    self.fitting(EventIdHalves::new(place, 0, None), self.plain(place, kind)),
                ];
            }
            cloud_event::Message::Events(events) => events,
        };
        let is_batch = events.len() > 1;
        let too_much = is_batch && (events.len() > MOST || self.payload.len() > LARGEST);
        if too_much {
            let reason = format!(
                "the batch has {} events and {} bytes; the most is {MOST} events and {LARGEST} bytes: publish smaller batches",
                events.len(),
                self.payload.len()
            );
            return vec![self.unreadable(&EventIdHalves::new(place, 0, None), &[], reason)];
        }
        let count = events.len();
        let mut incoming = Vec::with_capacity(count);
        let mut broken = Vec::new();
        for (index, read) in events.into_iter().enumerate() {
            let halves = EventIdHalves::new(place, index, read.as_ref().ok());
            match read.and_then(|event| self.event(&halves, event, kind)) {
                Ok(event) => incoming.push((index, self.fitting(halves, event))),
                Err(reason) => broken.push((index, reason)),
            }
        }
        // Many are told as one: each is a dead letter, of which a context has only so many.
        if broken.len() > MOST_BROKEN
            && let Some((first, reason)) = broken.first()
        {
            let reason = format!(
                "{} of the {count} events of the batch cannot be read, the first of them event {}: {reason}",
                broken.len(),
                first + 1
            );
            broken = vec![(*first, reason)];
        } else if is_batch {
            for (index, reason) in &mut broken {
                *reason = format!("event {} of the batch: {reason}", *index + 1);
            }
        }
        // Of a batch the bytes are kept with each event that is none: nobody can tell where it began. All of them have to fit into one commit.
        let sound: usize = incoming.iter().map(|(_, event)| event.size()).sum();
        let bytes = match sound + broken.len() * self.payload.len() <= LARGEST {
            true => self.payload,
            false => &[],
        };
        let broken = broken.into_iter().map(|(index, reason)| {
            let halves = EventIdHalves::new(place, index, None);
            (index, self.unreadable(&halves, bytes, reason))
        });
        incoming.extend(broken);
        incoming.sort_by_key(|(index, _)| *index);
        incoming.into_iter().map(|(_, event)| event).collect()
    }

    /// What is taken in of a message whose headers cannot be read.
    pub(super) fn without_headers(&self, place: &[u8], reason: String) -> ReceivedEvent {
        self.unreadable(&EventIdHalves::new(place, 0, None), self.payload, reason)
    }

    fn plain(&self, place: &[u8], kind: Option<&str>) -> ReceivedEvent {
        let id = EventIdHalves::new(place, 0, None).id();
        let content_type = header(self.headers, "content-type").map(str::to_owned);
        let event = Event {
            kind: named(kind, self.subject),
            subject: self.subject.to_owned(),
            time: self.time,
            data: self.payload.to_vec(),
            correlation_id: self.correlation([None, None], &id),
            causation_id: None,
            id,
            trace: None,
            identity: None,
        };
        ReceivedEvent {
            attributes: Attributes::of(&event.data, content_type, Vec::new()),
            event,
            is_named: false,
        }
    }

    fn event(
        &self,
        halves: &EventIdHalves,
        event: CloudEvent,
        kind: Option<&str>,
    ) -> Result<ReceivedEvent, String> {
        let time = event.get("time").map(milliseconds).transpose()?.flatten();
        let id = halves.id();
        let told = [event.get("correlationid"), event.get("traceparent")];
        let read = Event {
            kind: named(kind, event.required("type")),
            subject: event.get("subject").unwrap_or(self.subject).to_owned(),
            time: time.unwrap_or(self.time),
            correlation_id: self.correlation(told, &id),
            // What the other side calls it: a story can be followed there.
            causation_id: Some(event.required("id").into()),
            id,
            data: Vec::new(),
            trace: None,
            identity: None,
        };
        let content_type = event.get("datacontenttype").map(str::to_owned);
        let extensions = event.extensions();
        Ok(ReceivedEvent {
            attributes: Attributes::of(&event.data, content_type, extensions),
            event: Event {
                data: event.data,
                ..read
            },
            is_named: true,
        })
    }

    /// The event, unless it is larger than what a commit holds.
    fn fitting(&self, halves: EventIdHalves, incoming: ReceivedEvent) -> ReceivedEvent {
        let bytes = incoming.size();
        if bytes <= LARGEST {
            return incoming;
        }
        let reason = format!(
            "it has {bytes} bytes, and an event has at most {LARGEST}: publish a link to its data instead"
        );
        self.unreadable(&halves, &[], reason)
    }

    fn unreadable(
        &self,
        halves: &EventIdHalves,
        bytes: &[u8],
        mut reason: String,
    ) -> ReceivedEvent {
        // What was sent may be quoted in it.
        if reason.len() > LONGEST_REASON {
            reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
            reason.push('…');
        }
        let (subject, bytes) = (self.subject.to_owned(), bytes.to_vec());
        let event = unreadable_event::new(halves.id(), subject, self.time, bytes, reason);
        let incoming = ReceivedEvent {
            event,
            attributes: None,
            is_named: false,
        };
        match incoming.size() {
            bytes if bytes <= LARGEST => incoming,
            _ => incoming.without_bytes(),
        }
    }

    /// The first that is one of: what the event says, what the message says, the traces that they are part of; else the event's own id.
    fn correlation(&self, [said, trace]: [Option<&str>; 2], id: &EventId) -> CorrelationId {
        let said = [said, header(self.headers, "x-correlation-id")];
        let mut said = said.into_iter().flatten();
        if let Some(said) = said.find_map(|id| id.parse().ok()) {
            return said;
        }
        let traces = [trace, header(self.headers, "traceparent")];
        let trace = traces.into_iter().flatten().find_map(TraceContext::parse);
        trace.map_or_else(
            || CorrelationId::of_event(id),
            |trace| trace.correlation_id(),
        )
    }
}

impl ReceivedEvent {
    /// What cannot be read, without the bytes that it came as.
    fn without_bytes(mut self) -> Self {
        if unreadable_event::reason(&self.event).is_some() {
            self.event.data.clear();
        }
        self
    }
}

/// The kind that a context knows it as: as the manifest says, or the last word of its type or subject.
fn named(kind: Option<&str>, full: &str) -> String {
    let word = || full.rsplit(['.', '/']).find(|word| !word.is_empty());
    kind.or_else(word).unwrap_or(full).to_owned()
}

/// A time as the journal has it; none when that has no number for it.
fn milliseconds(text: &str) -> Result<Option<u64>, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    let time = time.map_err(|_| format!("`{text}` is not a time such as 2026-11-22T10:02:14Z"))?;
    Ok(u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok())
}

#[cfg(test)]
mod tests;
