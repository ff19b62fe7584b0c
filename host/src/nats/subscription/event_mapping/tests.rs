use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::versions::unreadable_event;

fn read_all(headers: &[(&str, &str)], payload: &[u8], kind: Option<&str>) -> Vec<ReceivedEvent> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    let message = ReceivedMessage {
        subject: "pms.rooms.closed",
        headers: Some(&map),
        payload,
        time: 7,
    };
    message.events(b"a place", kind)
}

fn read(headers: &[(&str, &str)], payload: &str, kind: Option<&str>) -> ReceivedEvent {
    let mut events = read_all(headers, payload.as_bytes(), kind);
    assert_eq!(events.len(), 1, "{payload}");
    events.remove(0)
}

fn reason(incoming: &ReceivedEvent) -> Option<&str> {
    unreadable_event::reason(&incoming.event)
}

fn content_type(incoming: &ReceivedEvent) -> String {
    let kept = incoming.attributes.as_ref();
    kept.map_or_else(
        || crate::core::cloud_event::content_type(&incoming.event.data).to_owned(),
        |attributes| attributes.content_type.clone(),
    )
}

fn extension(incoming: &ReceivedEvent, name: &str) -> Option<String> {
    let extensions = &incoming.attributes.as_ref()?.extensions;
    let found = extensions.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.clone())
}

const BINARY: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "e1"),
    ("ce-source", "/pms"),
    ("ce-type", "com.pms.RoomClosed"),
];
const STRUCTURED: [(&str, &str); 1] = [("content-type", "application/cloudevents+json")];
const BATCH: [(&str, &str); 1] = [("content-type", "application/cloudevents-batch+json")];

#[test]
fn a_cloud_event_in_headers() {
    let more = [
        ("ce-subject", "room%207"),
        ("ce-time", "1970-01-01T00:00:01+00:00"),
        ("ce-correlationid", "story-1"),
        ("Ce-Floor", "\"the \\\"third\\\"\""),
    ];
    let headers: Vec<_> = BINARY.into_iter().chain(more).collect();
    let incoming = read(&headers, "{}", None);
    let event = &incoming.event;
    assert_eq!(
        (&*event.kind, &*event.subject, event.time),
        ("RoomClosed", "room 7", 1_000)
    );
    assert_eq!(
        (&*event.correlation_id, &*event.causation_id),
        ("story-1", "e1")
    );
    assert_eq!(event.data, b"{}");
    assert_eq!(
        extension(&incoming, "floor").as_deref(),
        Some("the \"third\"")
    );
}

#[test]
fn a_cloud_event_in_json() {
    let headers = [(
        "Content-Type",
        "application/cloudevents+json; charset=utf-8",
    )];
    let json = r#"{"specversion": "1.0", "id": "e1", "source": "/pms", "type": "RoomClosed", "data": {"b": 1, "a": 2}}"#;
    let event = read(&headers, json, None).event;
    assert_eq!(event.data, br#"{"b": 1, "a": 2}"#);
    assert_eq!(
        (&*event.kind, &*event.subject),
        ("RoomClosed", "pms.rooms.closed")
    );
    let json = json.replace(r#""data": {"b": 1, "a": 2}"#, r#""data_base64": "aGk=""#);
    assert_eq!(read(&headers, &json, None).event.data, b"hi");
}

/// The examples of the JSON format and of its batches, as the specification has them, but for the words that stand there for base64.
#[test]
fn the_examples_of_the_specification() {
    let common = r#""specversion" : "1.0", "type" : "com.example.someevent", "source" : "/mycontext", "time" : "2018-04-05T17:31:00Z",
        "comexampleextension1" : "value", "comexampleothervalue" : 5"#;
    let of = |rest: &str| read(&STRUCTURED, &format!("{{ {common}, {rest} }}"), None);

    let thrift = of(
        r#""id" : "A234-1234-1234", "datacontenttype" : "application/vnd.apache.thrift.binary", "data_base64" : "AAEC/w==""#,
    );
    assert_eq!(thrift.event.data, [0, 1, 2, 255]);
    assert_eq!(
        content_type(&thrift),
        "application/vnd.apache.thrift.binary"
    );
    assert_eq!(thrift.event.causation_id, "A234-1234-1234");
    assert_eq!(thrift.event.time, 1_522_949_460_000);
    assert_eq!(
        extension(&thrift, "comexampleextension1").as_deref(),
        Some("value")
    );
    assert_eq!(
        extension(&thrift, "comexampleothervalue").as_deref(),
        Some("5")
    );

    let xml = of(
        r#""id" : "B234-1234-1234", "unsetextension": null, "datacontenttype" : "application/xml", "data" : "<much wow=\"xml\"/>""#,
    );
    assert_eq!(xml.event.data, br#"<much wow="xml"/>"#);
    assert_eq!(content_type(&xml), "application/xml");
    assert_eq!(extension(&xml, "unsetextension"), None);

    let object = of(
        r#""subject": null, "id" : "C234-1234-1234", "datacontenttype" : "application/json", "data" : { "appinfoA" : "abc", "appinfoB" : 123 }"#,
    );
    assert_eq!(
        object.event.data,
        br#"{ "appinfoA" : "abc", "appinfoB" : 123 }"#
    );
    assert_eq!(object.event.subject, "pms.rooms.closed");

    let string = of(r#""subject": null, "id" : "D234-1234-1234", "data" : "I'm just a string""#);
    assert_eq!(string.event.data, br#""I'm just a string""#);
    assert_eq!(content_type(&string), "application/json");

    let batch = format!(
        r#"[ {{ {common}, "id" : "B234-1234-1234", "datacontenttype" : "application/vnd.apache.thrift.binary", "data_base64" : "aGk=" }},
            {{ "specversion" : "1.0", "type" : "com.example.someotherevent", "source" : "/mycontext/9", "id" : "C234-1234-1234",
               "datacontenttype" : "application/json", "data" : {{ "appinfoA" : "abc" }} }} ]"#
    );
    let events = read_all(&BATCH, batch.as_bytes(), None);
    let shown: Vec<_> = events
        .iter()
        .map(|one| (&*one.event.kind, &*one.event.data))
        .collect();
    assert_eq!(
        shown,
        [
            ("someevent", &b"hi"[..]),
            ("someotherevent", br#"{ "appinfoA" : "abc" }"#)
        ]
    );
    assert_ne!(events[0].event.id, events[1].event.id);
    assert!(read_all(&BATCH, b"[]", None).is_empty());

    // The example of the binding for NATS: nothing but the event.
    let bare = format!(r#"{{ {common}, "id" : "E1", "data" : {{ "a" : 1 }} }}"#);
    assert_eq!(read(&[], &bare, None).event.kind, "someevent");
}

#[test]
fn text_is_not_quoted_and_json_text_is() {
    let of = |content_type: &str, data: &str| {
        let event = json!({"specversion": "1.0", "id": "1", "source": "/a", "type": "A", "datacontenttype": content_type, "data": data});
        read(&STRUCTURED, &event.to_string(), None)
    };
    assert_eq!(of("text/xml", "<a/>").event.data, b"<a/>");
    for json in ["application/json", "text/JSON; a=b", "application/x+json"] {
        let event = of(json, "<a/>");
        assert_eq!(event.event.data, b"\"<a/>\"", "{json}");
        assert_eq!(content_type(&event), json);
    }
}

#[test]
fn a_batch_is_each_of_its_events_and_a_broken_one_is_alone() {
    let good =
        |id: &str| json!({"specversion": "1.0", "id": id, "source": "/a", "type": "A", "data": 1});
    let batch = json!([good("1"), {"specversion": "1.0"}, good("3")]).to_string();
    let events = read_all(&BATCH, batch.as_bytes(), None);
    assert_eq!(events.len(), 3);
    assert_eq!(
        reason(&events[1]),
        Some("event 2 of the batch: it is a CloudEvent without `id`")
    );
    assert!(reason(&events[0]).is_none() && reason(&events[2]).is_none());
    let broken = read_all(&BATCH, b"{}", None);
    assert!(reason(&broken[0]).is_some_and(|reason| reason.contains("not a CloudEvent in JSON")));
}

#[test]
fn a_format_that_is_not_understood_is_named() {
    for format in [
        "application/cloudevents",
        "application/cloudevents+avro",
        "Application/CloudEvents+XML; charset=utf-8",
        "application/cloudevents-batch+protobuf",
    ] {
        let incoming = read(&[("content-type", format)], "{}", Some("A"));
        let said = reason(&incoming).unwrap_or_default();
        assert!(said.contains("unsupported format"), "{format}: {said}");
    }
    // This one has nothing to do with them.
    let other = read(
        &[("content-type", "application/cloudeventsomething")],
        "{}",
        None,
    );
    assert_eq!(reason(&other), None);
}

#[test]
fn what_is_odd_and_optional_does_not_matter() {
    let of = |name: &'static str, value: &'static str| {
        let headers: Vec<_> = BINARY.into_iter().chain([(name, value)]).collect();
        read(&headers, "{}", None)
    };
    let long: &'static str = "x".repeat(200).leak();
    for id in ["a b", "", "a,b", long] {
        let incoming = of("ce-correlationid", id);
        assert_eq!(incoming.event.correlation_id, incoming.event.id, "{id}");
    }
    for (time, milliseconds) in [
        ("1969-07-20T20:17:40Z", 7),
        ("0000-01-01T00:00:00Z", 7),
        ("1970-01-01t00:00:02.5z", 2_500),
        ("1970-01-01T01:00:02.123456789123+01:00", 2_123),
        ("2016-12-31T23:59:60Z", 1_483_228_799_999),
        ("", 7),
    ] {
        let incoming = of("ce-time", time);
        assert_eq!(reason(&incoming), None, "{time}");
        assert_eq!(incoming.event.time, milliseconds, "{time}");
    }
    for (name, value) in [
        ("ce-subject", ""),
        ("ce-dataschema", "not a uri at all"),
        ("ce-datacontenttype", "nonsense"),
        ("ce-averyveryverylongextensionname", "x"),
        ("ce-traceparent", "nonsense"),
        ("ce-x", "%ff"),
        ("ce-bad_name", "x"),
    ] {
        assert_eq!(reason(&of(name, value)), None, "{name}");
    }
    for kind in ["a.", "/", "..", "a//"] {
        let headers: Vec<_> = BINARY[..3]
            .iter()
            .copied()
            .chain([("ce-type", kind)])
            .collect();
        let incoming = read(&headers, "{}", None);
        assert_eq!(reason(&incoming), None, "{kind}");
        assert!(!incoming.event.kind.is_empty());
    }
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = of("ce-traceparent", trace);
    assert_eq!(
        traced.event.correlation_id,
        "0af7651916cd43dd8448eb211c80319c"
    );
}

#[test]
fn a_repeat_has_the_name_of_the_first_and_a_place_of_its_own() {
    let halves = |incoming: &ReceivedEvent| EventIdHalves::of(&incoming.event.id).unwrap();
    let first = read(&BINARY, "1", None);
    let place = |place: &[u8]| {
        let message = ReceivedMessage {
            subject: "a",
            headers: None,
            payload:
                br#"{"specversion": "1.0", "id": "e1", "source": "/pms", "type": "x", "data": 1}"#,
            time: 9,
        };
        message.events(place, None).remove(0)
    };
    let (again, other) = (place(b"another place"), place(b"a third"));
    assert_eq!(halves(&first).name, halves(&again).name);
    assert_ne!(halves(&first).place, halves(&again).place);
    assert_ne!(halves(&other).place, halves(&again).place);
    let plain = read(&[], "x", None);
    assert_eq!(halves(&plain).name, halves(&plain).place);
    assert!(!plain.is_named && first.is_named);
}

#[test]
fn anything_else_is_an_event_by_its_subject() {
    let incoming = read(&[("x-correlation-id", "story-2")], "hello", None);
    let event = &incoming.event;
    assert_eq!(
        (&*event.kind, &*event.subject, event.time, &*event.data),
        ("closed", "pms.rooms.closed", 7, &b"hello"[..])
    );
    assert_eq!(event.correlation_id, "story-2");
    assert_eq!(content_type(&incoming), "application/octet-stream");
    let typed = read(&[("content-type", "text/plain")], "hello", None);
    assert_eq!(content_type(&typed), "text/plain");
    assert_eq!(read(&[], "", Some("RoomClosed")).event.kind, "RoomClosed");
    let plain = read(&[], "", None).event;
    assert_eq!(plain.correlation_id, plain.id);
}

#[test]
fn what_no_commit_could_hold_is_not_taken_in() {
    let incoming = read(&[], &"x".repeat(LARGEST - 1_000), None);
    assert_eq!(reason(&incoming), None);
    let incoming = read(&[], &"x".repeat(LARGEST), None);
    let said = reason(&incoming).unwrap();
    assert!(said.contains("at most 8388608"), "{said}");
    assert!(incoming.event.data.is_empty());
    let many = vec![json!({"a": "x".repeat(1_000_000)}); 7];
    let broken = read_all(&BATCH, Value::from(many).to_string().as_bytes(), None);
    assert_eq!(broken.len(), 7);
    let bytes: usize = broken.iter().map(ReceivedEvent::size).sum();
    assert!(bytes <= LARGEST, "{bytes}");
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
    let json = |rest: &str| {
        format!(r#"{{"specversion": "1.0", "id": "e1", "source": "/pms", "type": "A"{rest}}}"#)
    };
    let cases: [(Vec<(&str, &str)>, String); 13] = [
        (without("ce-specversion"), "{}".into()),
        (without("ce-id"), "{}".into()),
        (without("ce-source"), "{}".into()),
        (without("ce-type"), "{}".into()),
        (with("ce-specversion", "0.3"), "{}".into()),
        (with("ce-subject", "%ff"), "{}".into()),
        (with("ce-time", "yesterday"), "{}".into()),
        (STRUCTURED.to_vec(), "{".into()),
        (STRUCTURED.to_vec(), json(r#", "time": 7"#)),
        (STRUCTURED.to_vec(), json(r#", "id": {}"#)),
        (
            STRUCTURED.to_vec(),
            json(r#", "data": 1, "data_base64": """#),
        ),
        (STRUCTURED.to_vec(), json(r#", "data_base64": "?""#)),
        (
            STRUCTURED.to_vec(),
            json(r#", "datacontenttype": "text/xml", "data": {}"#),
        ),
    ];
    for (headers, payload) in cases {
        let incoming = read(&headers, &payload, Some("RoomClosed"));
        assert!(
            reason(&incoming).is_some_and(|reason| !reason.is_empty()),
            "{headers:?} {payload}"
        );
        assert_eq!(incoming.event.data, payload.as_bytes());
    }
}

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
        assert_eq!(event.causation_id, self.id);
        assert_eq!(
            event.subject,
            self.subject.as_deref().unwrap_or("pms.rooms.closed")
        );
        let time = self.time.and_then(|time| u64::try_from(time * 1_000).ok());
        assert_eq!(event.time, time.unwrap_or(7));
        assert!(self.kind.ends_with(&event.kind) || self.kind.contains(&event.kind));
        assert!(is_correlation_id(&event.correlation_id));
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
