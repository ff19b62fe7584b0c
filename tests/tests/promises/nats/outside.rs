//! What is published outside reaches the contexts that follow it: in order, once, or it is kept as a dead letter.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::try_join_all;
use http::Method;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually, within};
use serde_json::{Value, json};
use toml::Table;

const BELLS: u64 = 100;
const RINGS: u64 = 100;

/// Bells that are rung from outside, too.
pub async fn settings(server: &NatsServer) -> Settings {
    Settings::empty()
        .with("bell", "bell")
        .await
        .set("nats.url", server.url())
        .following("bell", "pms.>", Table::new())
}

/// Publishes until the server has it. A repeat is dropped by the server, which knows its id.
pub async fn publish(
    context: &Context,
    subject: &str,
    id: &str,
    headers: &[(&str, &str)],
    data: &[u8],
) {
    within(Duration::from_secs(60), async || {
        let mut all = HeaderMap::new();
        all.insert("Nats-Msg-Id", id);
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        let sent = context.publish_with_headers(subject.to_owned(), all, data.to_vec().into());
        let confirmed = async {
            sent.await
                .map_err(|error| error.to_string())?
                .await
                .map_err(|error| error.to_string())
        };
        tokio::time::timeout(Duration::from_secs(2), confirmed)
            .await
            .map_err(|_| "no answer".to_owned())?
    })
    .await
    .expect("the server takes it");
}

pub fn ring(bell: u64, number: u64) -> Vec<u8> {
    json!({"bell": bell, "number": number})
        .to_string()
        .into_bytes()
}

pub async fn heard(host: &TestHost, bell: u64, numbers: &[u64]) {
    let stay = host.stay();
    within(Duration::from_secs(60), async || {
        match stay.at(&format!("/bells/{bell}")).await["numbers"].clone() {
            found if found == json!(numbers) => Ok(()),
            found => Err(format!("bell {bell}: {found}")),
        }
    })
    .await
    .expect("it is heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_take_effect_once_each_whatever_dies() {
    let mut server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let mut host = TestHost::with(settings(&server).await).await;
    let send_all = async {
        for number in 0..RINGS {
            let of_bell = async |bell: u64| {
                let subject = format!("pms.bells.{bell}.BellRung");
                let id = format!("{bell}-{number}");
                publish(&context, &subject, &id, &[], &ring(bell, number)).await;
                Ok::<_, ()>(())
            };
            try_join_all((0..BELLS).map(of_bell))
                .await
                .expect("it is sent");
        }
    };
    let kill_all = async {
        let taken_in = async |host: &TestHost| {
            host.stay().at("/bells/0").await["numbers"]
                .as_array()
                .map_or(0, Vec::len)
        };
        for round in 1..=4 {
            let begun = taken_in(&host).await;
            eventually("some more are handled", async || {
                let now = taken_in(&host).await;
                (now > begun || now == RINGS as usize)
                    .then_some(())
                    .ok_or(now)
            })
            .await;
            if round % 2 == 0 {
                server.restart().await;
            }
            host.kill_9();
            host.reopen().await;
        }
    };
    tokio::join!(send_all, kill_all);
    let all: Vec<u64> = (0..RINGS).collect();
    for bell in 0..BELLS {
        heard(&host, bell, &all).await;
    }
    host.operators().nothing_pending().await;
    for bell in 0..BELLS {
        heard(&host, bell, &all).await;
    }
}

#[tokio::test]
async fn cloud_events_and_other_messages_arrive_and_what_is_malformed_is_kept() {
    let server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let host = TestHost::with(settings(&server).await).await;
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "a"),
        ("ce-source", "/pms"),
        ("ce-type", "com.pms.BellRung"),
        ("ce-subject", "7"),
        ("ce-correlationid", "story-of-bell-7"),
    ];
    publish(&context, "pms.one", "a", &binary, &ring(7, 1)).await;
    let data: Value = serde_json::from_slice(&ring(7, 2)).expect("JSON");
    let event = json!({
        "specversion": "1.0", "id": "b", "source": "/pms", "type": "BellRung", "subject": "7", "data": data,
    });
    let structured = [("content-type", "application/cloudevents+json")];
    let text = event.to_string();
    publish(&context, "pms.two", "b", &structured, text.as_bytes()).await;
    heard(&host, 7, &[1, 2]).await;
    publish(&context, "pms.7.BellRung", "c", &[], &ring(7, 3)).await;
    heard(&host, 7, &[1, 2, 3]).await;
    // Nobody follows this kind.
    publish(&context, "pms.7.Muted", "d", &[], b"?").await;
    let story = host.operators().get("/v1/stories/story-of-bell-7").await;
    assert!(story.to_string().contains("BellRung"), "{story}");

    let bytes = [0xff, 0, b'{'];
    publish(&context, "pms.two", "e", &structured, &bytes).await;
    // It can be read, and bell cannot make sense of it.
    publish(&context, "pms.7.BellRung", "f", &[], b"\"no ring\"").await;
    publish(&context, "pms.8.BellRung", "g", &[], &ring(8, 1)).await;
    heard(&host, 8, &[1]).await;
    let letters = host.operators().dead_letters("bell", 2).await;
    let unreadable = letters
        .iter()
        .find(|letter| {
            letter["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("not a CloudEvent in JSON"))
        })
        .unwrap_or_else(|| panic!("{letters:?}"));
    assert_eq!(unreadable["event"]["subject"], "pms.two", "{unreadable}");
    assert_eq!(
        unreadable["event"]["data_base64"],
        BASE64_STANDARD.encode(bytes),
        "{unreadable}"
    );
    let id = unreadable["id"].as_str().expect("an id");
    let path = format!("/v1/contexts/bell/dead-letters/{id}");
    host.operators()
        .send(Method::POST, &format!("{path}/retry"))
        .await
        .expect_problem(409);
    host.operators()
        .send(Method::DELETE, &path)
        .await
        .expect(204);
}

#[tokio::test]
async fn a_stream_that_is_not_there_yet_is_waited_for() {
    let server = NatsServer::start().await;
    let host = TestHost::with(settings(&server).await).await;
    let waits = "no stream has the subject `pms.>`";
    eventually(waits, async || {
        match host.output().lines_with(waits).len() {
            0 => Err(host.output().tail(5)),
            _ => Ok(()),
        }
    })
    .await;
    let context = server.make_stream("PMS", "pms.>").await;
    publish(&context, "pms.1.BellRung", "a", &[], &ring(1, 1)).await;
    heard(&host, 1, &[1]).await;
    assert_eq!(host.output().lines_with(waits).len(), 1, "it is said once");
}
