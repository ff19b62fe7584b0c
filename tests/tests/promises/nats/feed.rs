//! What a subscriber gets who knows nothing but NATS and CloudEvents.

use std::collections::BTreeMap;

use innkeeper_tests::nats::{NatsServer, Received};
use innkeeper_tests::{Opening, Settings, TestHost, eventually};
use serde_json::{Value, json};

/// An app whose events go to a server.
pub async fn host(server: &NatsServer) -> TestHost {
    let settings = Settings::of_the_app().await;
    let opening = Opening::new(settings).variable("INNKEEPER_NATS", &server.url());
    opening.open().await
}

/// Waits until NATS has every event of the app, and gives them from both sides: as the journals have them, and as they were received.
pub async fn all_published(host: &TestHost, server: &NatsServer) -> (Vec<Value>, Vec<Received>) {
    host.operators().nothing_pending().await;
    eventually("everything is published", async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        let lag = metrics
            .lines()
            .find_map(|line| line.strip_prefix("innkeeper_nats_relay_lag_events "));
        match lag {
            Some("0") => Ok(()),
            other => Err(format!("the lag is {other:?}")),
        }
    })
    .await;
    (host.operators().events().await, server.read("stay").await)
}

/// What each source has published, in order.
pub fn by_source(events: impl IntoIterator<Item = Value>) -> BTreeMap<String, Vec<Value>> {
    let mut sources = BTreeMap::<String, Vec<Value>>::new();
    for event in events {
        let source = event["source"].as_str().unwrap_or_default().to_owned();
        sources.entry(source).or_default().push(event);
    }
    sources
}

#[tokio::test]
async fn a_subscriber_gets_every_event_of_the_scenario() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    let stay = host.stay();
    let room = stay.room("Schönes \"Haus\", 100 %").await;
    let rsv = stay.booked(room).await;
    stay.cancel(rsv).await.expect(200);
    stay.shows(
        &format!("/rooms/{room}"),
        json!({"status": "available", "lastAction": "cancelled"}),
    )
    .await;
    let review = stay.review(room, "Good Room").await;
    let client = host.gateway();
    client
        .delete(&format!("/reviews/{review}"))
        .await
        .expect(204);
    client.delete(&format!("/rooms/{room}")).await.expect(204);

    let (told, received) = all_published(&host, &server).await;
    assert!(told.len() >= 10, "{told:?}");
    for message in &received {
        assert_eq!(message.subject, message.header("ce-type"));
        assert_eq!(message.header("Nats-Msg-Id"), message.header("ce-id"));
        assert_eq!(message.header("content-type"), "application/json");
    }
    let events = received.iter().map(Received::event);
    assert_eq!(by_source(events), by_source(told));
    let contexts = host.operators().client().get("/v1/contexts").await;
    assert_eq!(contexts.expect(200).body["nats"]["lag"], json!(0));
}
