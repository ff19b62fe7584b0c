//! CloudEvents reach guests as their producers mean them.

use async_nats::jetstream::Context;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::{Value, json};
use toml::Table;

use super::outside::publish;

async fn host(server: &NatsServer) -> TestHost {
    let settings = Settings::empty().with("postbox", "postbox").await;
    let settings = settings.set("nats.url", server.url());
    TestHost::with(settings.following("postbox", "post.>", Table::new())).await
}

/// The letters about a subject, when there are so many.
async fn letters(host: &TestHost, subject: &str, count: usize) -> Vec<Value> {
    let stay = host.stay();
    eventually("the letters are there", async || {
        let found = stay.at(&format!("/boxes/{subject}")).await["letters"].clone();
        match found.as_array() {
            Some(found) if found.len() == count => Ok(found.clone()),
            _ => Err(found.to_string()),
        }
    })
    .await
}

async fn send(context: &Context, id: &str, content_type: &str, payload: &str) {
    let headers = [("content-type", content_type)];
    publish(context, "post.in", id, &headers, payload.as_bytes()).await;
}

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

fn letter(id: &str, content_type: &str, data: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/post", "type": "com.post.LetterCame", "subject": "mine",
        "datacontenttype": content_type, "comexampleextension1": "value", "comexampleothervalue": 5, "data": data,
    })
}

#[tokio::test]
async fn guests_get_data_content_type_and_extensions() {
    let server = NatsServer::start().await;
    let context = server.make_stream("POST", "post.>").await;
    let host = host(&server).await;
    send(
        &context,
        "a",
        STRUCTURED,
        &letter("a", "text/xml", "<a/>").to_string(),
    )
    .await;
    let found = letters(&host, "mine", 1).await;
    let extensions = json!([
        ["comexampleextension1", "value"],
        ["comexampleothervalue", "5"]
    ]);
    let expected = json!({"subject": "mine", "text": "<a/>", "contentType": "text/xml", "extensions": extensions});
    assert_eq!(found[0], expected);
    // Text that is JSON is JSON.
    let json = letter("b", "application/json", "quoted").to_string();
    send(&context, "b", STRUCTURED, &json).await;
    let found = letters(&host, "mine", 2).await;
    assert_eq!(
        (&found[1]["text"], &found[1]["contentType"]),
        (&json!("quoted"), &json!("application/json"))
    );
    // A batch is each of its events.
    let batch: Value = ["c", "d", "e"]
        .iter()
        .map(|id| letter(id, "text/plain", id))
        .collect();
    send(&context, "c", BATCH, &batch.to_string()).await;
    let found = letters(&host, "mine", 5).await;
    let texts: Vec<_> = found[2..]
        .iter()
        .map(|letter| letter["text"].clone())
        .collect();
    assert_eq!(texts, ["c", "d", "e"]);
    // The binding for NATS has no headers.
    publish(
        &context,
        "post.in",
        "f",
        &[],
        letter("f", "text/plain", "bare").to_string().as_bytes(),
    )
    .await;
    letters(&host, "mine", 6).await;
}

#[tokio::test]
async fn what_is_odd_and_optional_is_no_reason_for_a_dead_letter() {
    let server = NatsServer::start().await;
    let context = server.make_stream("POST", "post.>").await;
    let host = host(&server).await;
    let long = "x".repeat(200);
    let odd = [
        ("ce-correlationid", "with a space"),
        ("ce-correlationid", ""),
        ("ce-correlationid", &long),
        ("ce-time", "1969-07-20T20:17:40Z"),
        ("ce-time", ""),
        ("ce-x", "%ff"),
    ];
    for (index, (name, value)) in odd.iter().enumerate() {
        let id = index.to_string();
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", &id),
            ("ce-source", "/post"),
            ("ce-type", "LetterCame"),
            ("ce-subject", "odd"),
            ("content-type", "text/plain"),
            (name, value),
        ];
        publish(&context, "post.in", &id, &headers, b"hello").await;
    }
    letters(&host, "odd", odd.len()).await;
    assert!(host.operators().dead_letters("postbox", 0).await.is_empty());
}

#[tokio::test]
async fn a_format_that_is_not_understood_is_a_dead_letter_with_the_reason() {
    let server = NatsServer::start().await;
    let context = server.make_stream("POST", "post.>").await;
    let host = host(&server).await;
    let formats = [
        "application/cloudevents",
        "application/cloudevents+avro",
        "application/cloudevents+xml",
    ];
    for format in formats {
        send(&context, format, format, "whatever").await;
    }
    let mixed = json!([letter("g", "text/plain", "good"), {"specversion": "1.0"}]);
    send(&context, "g", BATCH, &mixed.to_string()).await;
    letters(&host, "mine", 1).await;
    let found = host
        .operators()
        .dead_letters("postbox", formats.len() + 1)
        .await;
    let reasons: Vec<&str> = found
        .iter()
        .filter_map(|letter| letter["reason"].as_str())
        .collect();
    for format in formats {
        let named = format!("`{format}`");
        assert!(
            reasons.iter().any(|reason| reason.contains(&named)),
            "{reasons:?}"
        );
    }
    assert!(
        reasons
            .iter()
            .any(|reason| reason.contains("event 2 of the batch")),
        "{reasons:?}"
    );
}
