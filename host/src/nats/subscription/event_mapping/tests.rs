use serde_json::{Value, json};

use super::*;
use crate::versions::unreadable_event;

mod random;

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
        (
            &*event.correlation_id,
            event.causation_id.as_deref().unwrap_or_default()
        ),
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
    assert_eq!(thrift.event.causation_id.as_deref(), Some("A234-1234-1234"));
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

/// Each would be a dead letter with all of the batch.
#[test]
fn of_a_batch_with_many_broken_events_they_are_told_as_one() {
    let good = json!({"specversion": "1.0", "id": "good", "source": "/a", "type": "A"});
    let mut batch = vec![json!(1); 5_000];
    batch[2_500] = good;
    batch.push(json!("x".repeat(200_000)));
    let text = serde_json::Value::Array(batch).to_string();
    let events = read_all(&BATCH, text.as_bytes(), None);
    assert_eq!(events.len(), 2);
    let said = reason(&events[0]).unwrap_or_default();
    assert!(
        said.starts_with(
            "5000 of the 5001 events of the batch cannot be read, the first of them event 1: "
        ),
        "{said}"
    );
    assert_eq!(events[0].event.data, text.as_bytes());
    assert_eq!(reason(&events[1]), None);
    // A few are told one by one, without the bytes where these are too much together; what they quote is cut.
    let mut few = vec![json!(1); MOST_BROKEN - 1];
    few.push(json!("x".repeat(1 << 20)));
    let text = serde_json::Value::Array(few).to_string();
    let events = read_all(&BATCH, text.as_bytes(), None);
    assert_eq!(events.len(), MOST_BROKEN);
    let sizes: usize = events.iter().map(ReceivedEvent::size).sum();
    assert!(sizes < 1 << 20, "{sizes}");
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
        assert_eq!(
            incoming.event.correlation_id.as_str(),
            incoming.event.id.as_str(),
            "{id}"
        );
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
    assert_eq!(plain.correlation_id.as_str(), plain.id.as_str());
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

#[test]
fn nobody_is_behind_a_message_whatever_it_says() {
    let forged = [
        ("authorization", "Bearer e30.e30.e30"),
        ("identity", "alice"),
        ("sub", "alice"),
        ("x-innkeeper-identity", "alice"),
        ("ce-identity", "alice"),
        ("ce-by", "alice"),
        ("ce-subject", "alice"),
        ("baggage", "identity=alice,sub=alice"),
    ];
    let named: Vec<_> = BINARY.into_iter().chain(forged).collect();
    let data = r#"{"identity": {"issuer": "https://login.example", "subject": "alice", "scopes": [], "claims": []}}"#;
    let structured = format!(
        r#"{{"specversion": "1.0", "id": "e1", "source": "/pms", "type": "RoomClosed", "identity": "alice", "by": "alice", "data": {data}}}"#
    );
    let batch = format!("[{structured}]");
    for (headers, payload) in [
        (&named[..], data),
        (&forged[..], data),
        (&STRUCTURED[..], &*structured),
        (&BATCH[..], &*batch),
        // Nor behind one that cannot be read.
        (&STRUCTURED[..], "{}"),
    ] {
        assert_eq!(
            read(headers, payload, None).event.identity,
            None,
            "{payload}"
        );
    }
}
