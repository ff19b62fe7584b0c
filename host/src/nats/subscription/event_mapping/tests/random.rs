//! Random events of the grammar of CloudEvents, in every mode.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{BATCH, STRUCTURED, content_type, extension, read, read_all, reason};
use crate::nats::subscription::event_mapping::*;

/// What the binding has written as `%` and two digits.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A value of an attribute, by the types of CloudEvents.
#[derive(Clone, Debug)]
enum Typed {
    Boolean(bool),
    Integer(i32),
    Text(String),
    Binary(Vec<u8>),
}

impl Typed {
    fn text(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Binary(bytes) => BASE64_STANDARD.encode(bytes),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            other => other.text().into(),
        }
    }
}

/// Strings of the specification: Unicode but for controls, noncharacters and surrogates.
fn text(least: usize) -> impl Strategy<Value = String> {
    let forbidden = |c: &char| {
        c.is_control() || ('\u{fdd0}'..='\u{fdef}').contains(c) || (*c as u32) & 0xfffe == 0xfffe
    };
    let character = any::<char>().prop_filter("allowed", move |c| !forbidden(c));
    let common = proptest::sample::select(" \"%\\,./:;<>aZ0~é'".chars().collect::<Vec<_>>());
    let characters = proptest::collection::vec(prop_oneof![common, character], least..12);
    characters.prop_map(String::from_iter)
}

fn typed() -> impl Strategy<Value = Typed> {
    prop_oneof![
        any::<bool>().prop_map(Typed::Boolean),
        any::<i32>().prop_map(Typed::Integer),
        text(1).prop_map(Typed::Text),
        proptest::collection::vec(any::<u8>(), 1..9).prop_map(Typed::Binary),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text(0).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text(0), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Data, as a producer has it.
#[derive(Clone, Debug)]
enum Payload {
    None,
    Json(Option<&'static str>, Value),
    Text(String),
    Bytes(Option<&'static str>, Vec<u8>),
}

fn payload() -> impl Strategy<Value = Payload> {
    let json = proptest::sample::select(vec![
        None,
        Some("application/json"),
        Some("text/json; charset=utf-8"),
        Some("application/vnd.pms+json"),
    ]);
    let bytes = proptest::sample::select(vec![
        Some("image/png"),
        Some("application/json"),
        Some("text/xml"),
    ]);
    prop_oneof![
        Just(Payload::None),
        (json, json_value()).prop_map(|(declared, value)| Payload::Json(declared, value)),
        text(0).prop_map(Payload::Text),
        (bytes, proptest::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(declared, bytes)| Payload::Bytes(declared, bytes)),
    ]
}

#[derive(Clone, Debug)]
struct Produced {
    id: String,
    source: String,
    kind: String,
    subject: Option<String>,
    time: Option<i64>,
    extensions: std::collections::BTreeMap<String, Typed>,
    payload: Payload,
}

fn produced() -> impl Strategy<Value = Produced> {
    let known = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "data",
    ];
    let name =
        "[a-z0-9]{1,20}".prop_filter("an extension", move |name| !known.contains(&name.as_str()));
    let name = prop_oneof![
        name,
        Just("correlationid".to_owned()),
        Just("traceparent".to_owned())
    ];
    let extensions = proptest::collection::btree_map(name, typed(), 0..4);
    let time = proptest::option::of(-62_167_219_200i64..253_402_300_800);
    let subject = proptest::option::of(text(1));
    let named = (text(1), text(1), text(1));
    let all = (named, subject, time, extensions, payload());
    all.prop_map(
        |((id, source, kind), subject, time, extensions, payload)| Produced {
            id,
            source,
            kind,
            subject,
            time,
            extensions,
            payload,
        },
    )
}

impl Produced {
    fn attributes(&self) -> Vec<(String, Typed)> {
        let text = |name: &str, value: &str| (name.to_owned(), Typed::Text(value.to_owned()));
        let mut attributes = vec![
            text("specversion", "1.0"),
            text("id", &self.id),
            text("source", &self.source),
            text("type", &self.kind),
        ];
        if let Some(subject) = &self.subject {
            attributes.push(text("subject", subject));
        }
        if let Some(time) = self.time {
            let time = OffsetDateTime::from_unix_timestamp(time).unwrap();
            attributes.push(text("time", &time.format(&Rfc3339).unwrap()));
        }
        if let Some(declared) = self.declared() {
            attributes.push(text("datacontenttype", declared));
        }
        let extensions = self.extensions.iter();
        attributes.extend(extensions.map(|(name, value)| (name.clone(), value.clone())));
        attributes
    }

    fn declared(&self) -> Option<&'static str> {
        match &self.payload {
            Payload::None => None,
            Payload::Json(declared, _) | Payload::Bytes(declared, _) => *declared,
            Payload::Text(_) => Some("text/plain"),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.payload {
            Payload::None => Vec::new(),
            Payload::Json(_, value) => value.to_string().into_bytes(),
            Payload::Text(text) => text.clone().into_bytes(),
            Payload::Bytes(_, bytes) => bytes.clone(),
        }
    }

    fn structured(&self) -> Value {
        let attributes = self.attributes().into_iter();
        let mut members: Map<String, Value> = attributes
            .map(|(name, value)| (name, value.json()))
            .collect();
        match &self.payload {
            Payload::None => {}
            Payload::Json(_, value) => {
                members.insert("data".into(), value.clone());
            }
            Payload::Text(text) => {
                members.insert("data".into(), text.clone().into());
            }
            Payload::Bytes(_, bytes) => {
                let text = BASE64_STANDARD.encode(bytes);
                members.insert("data_base64".into(), text.into());
            }
        }
        members.into()
    }

    fn binary(&self) -> Vec<ReceivedEvent> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.attributes() {
            let value = utf8_percent_encode(&value.text(), ENCODED).to_string();
            match name == "datacontenttype" {
                true => headers.insert("content-type", value.replace("%20", " ")),
                false => headers.insert(format!("ce-{name}"), value),
            }
        }
        let payload = self.bytes();
        let message = ReceivedMessage {
            subject: "pms.rooms.closed",
            headers: Some(&headers),
            payload: &payload,
            time: 7,
        };
        message.events(b"a place", None)
    }

    fn check(&self, incoming: &ReceivedEvent) {
        let event = &incoming.event;
        assert_eq!(reason(incoming), None);
        assert_eq!(event.causation_id.as_deref(), Some(&*self.id));
        assert_eq!(
            event.subject,
            self.subject.as_deref().unwrap_or("pms.rooms.closed")
        );
        let time = self.time.and_then(|time| u64::try_from(time * 1_000).ok());
        assert_eq!(event.time, time.unwrap_or(7));
        assert!(self.kind.ends_with(&event.kind) || self.kind.contains(&event.kind));
        assert!(event.correlation_id.parse::<CorrelationId>().is_ok());
        match &self.payload {
            Payload::Json(_, value) => {
                let read: Value = serde_json::from_slice(&event.data).unwrap();
                assert_eq!(&read, value);
            }
            _ => assert_eq!(event.data, self.bytes()),
        }
        if let Some(declared) = self.declared() {
            assert_eq!(content_type(incoming), declared);
        }
        for (name, value) in &self.extensions {
            assert_eq!(extension(incoming, name), Some(value.text()), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn every_event_of_the_grammar_is_read_in_every_mode(events in proptest::collection::vec(produced(), 1..4)) {
        for event in &events {
            let binary = event.binary();
            prop_assert_eq!(binary.len(), 1);
            event.check(&binary[0]);
            let structured = event.structured().to_string();
            event.check(&read(&STRUCTURED, &structured, None));
            // Both are the same event, so one is known as a repeat of the other.
            let name = |incoming: &ReceivedEvent| EventIdHalves::of(&incoming.event.id).unwrap().name;
            prop_assert_eq!(name(&binary[0]), name(&read(&STRUCTURED, &structured, None)));
        }
        let batch: Value = events.iter().map(Produced::structured).collect();
        let read = read_all(&BATCH, batch.to_string().as_bytes(), None);
        prop_assert_eq!(read.len(), events.len());
        for (event, incoming) in events.iter().zip(&read) {
            event.check(incoming);
        }
    }

    #[test]
    fn no_bytes_whatever_are_too_much(
        content_type in proptest::sample::select(vec!["application/cloudevents+json", "application/cloudevents-batch+json", "application/cloudevents", "text/plain"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        json in json_value(),
    ) {
        for payload in [bytes, json.to_string().into_bytes()] {
            for incoming in read_all(&[("content-type", content_type)], &payload, None) {
                prop_assert_eq!(incoming.event.id.len(), 32);
            }
        }
    }
}
