//! A message from outside as an event: CloudEvents in the binary and in the structured mode, and anything else by the mapping of `docs/events.md`.

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::events::unreadable::unreadable;
use crate::journal::{Event, LARGEST_COMMIT};
use crate::observe::TraceContext;
use crate::observe::correlation::is_correlation_id;

/// The one version of CloudEvents that there is.
const VERSION: &str = "1.0";
/// The content type of the structured mode.
const STRUCTURED: &str = "application/cloudevents+json";

/// The most bytes of an event: one commit holds it, with all that becomes of it here.
const LARGEST: usize = LARGEST_COMMIT / 3 * 2;

/// A message in its stream.
pub(super) struct Outside<'a> {
    pub subject: &'a str,
    pub headers: Option<&'a HeaderMap>,
    pub payload: &'a [u8],
    /// When the stream got it, in milliseconds since the Unix epoch.
    pub time: u64,
}

/// What a CloudEvent says besides its data.
#[derive(Default, Deserialize)]
struct Attributes {
    specversion: Option<String>,
    id: Option<String>,
    source: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    time: Option<String>,
    correlationid: Option<String>,
}

/// Its data in the structured mode, as it is written there.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
}

impl Outside<'_> {
    /// The event with this id; of this kind, whatever the message says, if one is given.
    pub(super) fn event(&self, id: String, kind: Option<&str>) -> Event {
        let unreadable = |id: &str, data: &[u8], reason| {
            let subject = self.subject.to_owned();
            unreadable(id.to_owned(), subject, self.time, data.to_vec(), reason)
        };
        let event = match self.read(&id, kind) {
            Ok(event) => event,
            Err(reason) => unreadable(&id, self.payload, reason),
        };
        match event.size() {
            bytes if bytes <= LARGEST => event,
            bytes => {
                let reason = format!(
                    "it has {bytes} bytes, and an event has at most {LARGEST}: publish where its data is, rather than the data"
                );
                unreadable(&id, &[], reason)
            }
        }
    }

    fn read(&self, id: &str, kind: Option<&str>) -> Result<Event, String> {
        let content_type = self.header("content-type").unwrap_or_default();
        let is_structured = content_type.to_ascii_lowercase().starts_with(STRUCTURED);
        let (attributes, data) = match is_structured {
            true => self.structured()?,
            false => (self.binary()?, self.payload.to_vec()),
        };
        let Some(attributes) = attributes else {
            return Ok(Event {
                kind: named(kind, self.subject)?,
                subject: self.subject.to_owned(),
                time: self.time,
                data,
                correlation_id: self.correlation(None, id)?,
                causation_id: String::new(),
                id: id.to_owned(),
            });
        };
        let required = |name: &str, value: Option<String>| {
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("it is a CloudEvent without `{name}`"))
        };
        let version = required("specversion", attributes.specversion)?;
        if version != VERSION {
            return Err(format!(
                "it is of CloudEvents {version}; {VERSION} is understood"
            ));
        }
        required("source", attributes.source)?;
        let time = attributes
            .time
            .map(|text| milliseconds(&text))
            .transpose()?;
        Ok(Event {
            kind: named(kind, &required("type", attributes.kind)?)?,
            subject: attributes
                .subject
                .filter(|subject| !subject.is_empty())
                .unwrap_or_else(|| self.subject.to_owned()),
            time: time.unwrap_or(self.time),
            data,
            correlation_id: self.correlation(attributes.correlationid, id)?,
            // What the other side calls it: a story can be followed there.
            causation_id: required("id", attributes.id)?,
            id: id.to_owned(),
        })
    }

    /// The attributes from headers; none when there is no version of CloudEvents among them.
    fn binary(&self) -> Result<Option<Attributes>, String> {
        let attribute = |name: &str| {
            let Some(text) = self.header(name) else {
                return Ok(None);
            };
            match percent_decode_str(text).decode_utf8() {
                Ok(text) => Ok(Some(text.into_owned())),
                Err(_) => Err(format!("the header `{name}` is not percent-encoded UTF-8")),
            }
        };
        let attributes = Attributes {
            specversion: attribute("ce-specversion")?,
            id: attribute("ce-id")?,
            source: attribute("ce-source")?,
            kind: attribute("ce-type")?,
            subject: attribute("ce-subject")?,
            time: attribute("ce-time")?,
            correlationid: attribute("ce-correlationid")?,
        };
        let is_one = attributes.specversion.is_some() || attributes.id.is_some();
        Ok(is_one.then_some(attributes))
    }

    /// The attributes and the data from one JSON object.
    fn structured(&self) -> Result<(Option<Attributes>, Vec<u8>), String> {
        let malformed = |error: serde_json::Error| format!("it is no CloudEvent in JSON: {error}");
        let attributes: Attributes = serde_json::from_slice(self.payload).map_err(malformed)?;
        let data: Data = serde_json::from_slice(self.payload).map_err(malformed)?;
        let data = match (data.data, data.data_base64) {
            (Some(_), Some(_)) => return Err("it has `data` and `data_base64`".to_owned()),
            (Some(data), None) => data.get().as_bytes().to_vec(),
            (None, Some(text)) => BASE64_STANDARD
                .decode(text)
                .map_err(|error| format!("its `data_base64` is none: {error}"))?,
            (None, None) => Vec::new(),
        };
        Ok((Some(attributes), data))
    }

    fn correlation(&self, said: Option<String>, id: &str) -> Result<String, String> {
        let said = said.or_else(|| Some(self.header("x-correlation-id")?.to_owned()));
        match said {
            Some(said) if is_correlation_id(&said) => Ok(said),
            Some(said) => Err(format!(
                "`{said}` is no correlation id: one has 1 to 128 visible ASCII characters without commas"
            )),
            None => {
                let trace = self.header("traceparent").and_then(TraceContext::parse);
                Ok(trace.map_or_else(|| id.to_owned(), |trace| trace.trace_id()))
            }
        }
    }

    /// A header, however its name is capitalized.
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers?.iter();
        let (_, values) = headers.find(|(found, _)| {
            let found: &str = found.as_ref();
            found.eq_ignore_ascii_case(name)
        })?;
        Some(values.first()?.as_str())
    }
}

/// The kind that a context knows it as: as the manifest says, or the last word of its type or subject.
fn named(kind: Option<&str>, full: &str) -> Result<String, String> {
    let word = || full.rsplit(['.', '/']).next().unwrap_or_default();
    match kind.unwrap_or_else(word) {
        "" => Err(format!("`{full}` does not end with a word")),
        kind => Ok(kind.to_owned()),
    }
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    let time = time.map_err(|_| format!("`{text}` is no time such as 2026-11-22T10:02:14Z"))?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000)
        .map_err(|_| format!("`{text}` is before 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::unreadable;

    fn read(headers: &[(&str, &str)], payload: &str, kind: Option<&str>) -> Event {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let outside = Outside {
            subject: "pms.rooms.closed",
            headers: Some(&map),
            payload: payload.as_bytes(),
            time: 7,
        };
        outside.event("an-id".to_owned(), kind)
    }

    const BINARY: [(&str, &str); 4] = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e1"),
        ("ce-source", "/pms"),
        ("ce-type", "com.pms.RoomClosed"),
    ];

    #[test]
    fn a_cloud_event_in_headers() {
        let more = [
            ("ce-subject", "room%207"),
            ("ce-time", "1970-01-01T00:00:01+00:00"),
            ("ce-correlationid", "story-1"),
        ];
        let headers: Vec<_> = BINARY.into_iter().chain(more).collect();
        let event = read(&headers, "{}", None);
        assert_eq!(
            (&*event.kind, &*event.subject, event.time),
            ("RoomClosed", "room 7", 1_000)
        );
        assert_eq!(
            (&*event.correlation_id, &*event.causation_id, &*event.id),
            ("story-1", "e1", "an-id")
        );
        assert_eq!(event.data, b"{}");
    }

    #[test]
    fn a_cloud_event_in_json() {
        let headers = [(
            "Content-Type",
            "application/cloudevents+json; charset=utf-8",
        )];
        let json = r#"{"specversion": "1.0", "id": "e1", "source": "/pms", "type": "RoomClosed", "data": {"b": 1, "a": 2}}"#;
        let event = read(&headers, json, None);
        assert_eq!(event.data, br#"{"b": 1, "a": 2}"#);
        assert_eq!(
            (&*event.kind, &*event.subject),
            ("RoomClosed", "pms.rooms.closed")
        );
        let json = json.replace(r#""data": {"b": 1, "a": 2}"#, r#""data_base64": "aGk=""#);
        assert_eq!(read(&headers, &json, None).data, b"hi");
    }

    #[test]
    fn anything_else_is_an_event_by_its_subject() {
        let event = read(&[("x-correlation-id", "story-2")], "hello", None);
        assert_eq!(
            (&*event.kind, &*event.subject, event.time, &*event.data),
            ("closed", "pms.rooms.closed", 7, &b"hello"[..])
        );
        assert_eq!(event.correlation_id, "story-2");
        assert_eq!(read(&[], "", Some("RoomClosed")).kind, "RoomClosed");
        assert_eq!(read(&[], "", None).correlation_id, "an-id");
    }

    #[test]
    fn what_no_commit_could_hold_is_not_taken_in() {
        let event = read(&[], &"x".repeat(LARGEST - 1_000), None);
        assert_eq!(unreadable::reason(&event), None);
        let event = read(&[], &"x".repeat(LARGEST), None);
        let reason = unreadable::reason(&event).unwrap();
        assert!(reason.contains("at most 8388608"), "{reason}");
        assert!(event.data.is_empty());
    }

    #[test]
    fn what_claims_to_be_a_cloud_event_and_is_none_cannot_be_read() {
        let without = |name: &str| -> Vec<_> {
            let kept = BINARY.into_iter().filter(|(header, _)| *header != name);
            kept.collect()
        };
        let with = |name, value| -> Vec<_> {
            let others = without(name).into_iter();
            others.chain([(name, value)]).collect()
        };
        let structured = [("content-type", "application/cloudevents+json")];
        let cases: [(Vec<(&str, &str)>, &str); 10] = [
            (without("ce-specversion"), "{}"),
            (without("ce-id"), "{}"),
            (without("ce-source"), "{}"),
            (without("ce-type"), "{}"),
            (with("ce-specversion", "0.3"), "{}"),
            (with("ce-subject", "%ff"), "{}"),
            (with("ce-time", "yesterday"), "{}"),
            (with("ce-correlationid", "a,b"), "{}"),
            (structured.to_vec(), "{"),
            (
                structured.to_vec(),
                r#"{"specversion": "1.0", "id": "e1", "source": "/pms", "type": "A", "data": 1, "data_base64": ""}"#,
            ),
        ];
        for (headers, payload) in cases {
            let event = read(&headers, payload, Some("RoomClosed"));
            let reason = unreadable::reason(&event);
            assert!(
                reason.is_some_and(|reason| !reason.is_empty()),
                "{headers:?}"
            );
            assert_eq!(event.data, payload.as_bytes());
        }
    }
}
