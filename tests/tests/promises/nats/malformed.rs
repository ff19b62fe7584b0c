//! A server keeps and delivers whatever was published, also what no client can read. That harms nothing but itself.

use async_nats::jetstream::stream::{Config, RetentionPolicy};
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{CuttingProxy, TestHost, eventually};
use serde_json::json;

use super::calls::{Caller, body};
use super::feed::{all_published, host};
use super::outside::{heard, publish, ring, settings};

/// Blocks of headers that clients cannot read, or take for something else, and why.
const MALFORMED: [(&[u8], &str); 6] = [
    (b"NATS/1.0\r\nX-A: \xff\xfe\r\n\r\n", "not UTF-8"),
    (b"NATS/1.0\r\nno colon here\r\n\r\n", "no colon"),
    (b"NATS/1.0\r\nA B: x\r\n\r\n", "not visible ASCII"),
    (b"NATS/1.0\r\nX: a\rb\r\n\r\n", "carriage return"),
    (b"NATS/1.0 100 Idle\r\n\r\n", "a status"),
    (b"NATS/1.0 503\r\n\r\n", "a status"),
];

const WELL_FORMED: &[u8] = b"NATS/1.0\r\n\r\n";

async fn are_dead_letters_and_the_rest_is_read(retention: RetentionPolicy) {
    let server = NatsServer::start().await;
    let config = Config {
        name: "PMS".to_owned(),
        subjects: vec!["pms.>".to_owned()],
        retention,
        ..Config::default()
    };
    let context = server.make(config).await;
    let mut host = TestHost::with(settings(&server).await).await;
    publish(&context, "pms.1.BellRung", "first", &[], &ring(1, 1)).await;
    heard(&host, 1, &[1]).await;
    let mut expected = vec![1];
    for (number, (headers, _)) in (2..).zip(MALFORMED) {
        server
            .publish_raw("pms.1.BellRung", "", headers, b"bytes")
            .await;
        let id = format!("behind-{number}");
        publish(&context, "pms.1.BellRung", &id, &[], &ring(1, number)).await;
        expected.push(number);
        heard(&host, 1, &expected).await;
    }
    // A subject is no better, and as little is a header that comes right behind what can be read.
    host.kill_9();
    for number in 0..3 {
        let id = format!("beside-{number}");
        publish(&context, "pms.1.BellRung", &id, &[], &ring(1, 50 + number)).await;
        expected.push(50 + number);
        let subject = "pms.1.Bell\u{a0}Rung";
        server.publish_raw(subject, "", WELL_FORMED, b"bytes").await;
    }
    // Several in a row, and the last of all.
    for (headers, _) in MALFORMED {
        server
            .publish_raw("pms.1.BellRung", "", headers, b"bytes")
            .await;
    }
    host.reopen().await;
    let count = 2 * MALFORMED.len() + 3;
    let letters = host.operators().dead_letters("bell", count).await;
    for (_, reason) in MALFORMED {
        let told = letters
            .iter()
            .filter(|letter| letter["reason"].to_string().contains(reason));
        assert!(told.count() >= 2, "{reason}: {letters:?}");
    }
    publish(&context, "pms.1.BellRung", "last", &[], &ring(1, 99)).await;
    expected.push(99);
    heard(&host, 1, &expected).await;
    heard(&host, 1, &expected).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_cannot_be_read_are_dead_letters_and_the_rest_is_read() {
    are_dead_letters_and_the_rest_is_read(RetentionPolicy::Limits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_queue_of_work_they_are_acknowledged() {
    are_dead_letters_and_the_rest_is_read(RetentionPolicy::WorkQueue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_the_apps_own_stream_and_calls_that_cannot_be_read_stop_nothing() {
    let server = NatsServer::start().await;
    let mut host = host(&server).await;
    host.stay().room("before").await;
    all_published(&host, &server).await;
    for (headers, _) in MALFORMED {
        server
            .publish_raw("stay.room.Forged", "", headers, b"{}")
            .await;
        server
            .publish_raw("stay.call.room.rooms.hold", "_INBOX.a", headers, b"[1, 2]")
            .await;
        let room = host.stay().room("beside it").await;
        let caller = Caller::of(&host, &server).await;
        let held = caller
            .call("stay.call.room.rooms.hold", &[], json!([room, 7]))
            .await;
        assert_eq!(body(&held), json!({"ok": null}));
    }
    host.close().await;
    host.reopen().await;
    host.stay().room("after").await;
    host.operators().nothing_pending().await;
    // A test's own client cannot read the stream as a whole either.
    let rooms = MALFORMED.len() + 2;
    eventually("all are published", async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        let is_up = metrics.contains("\ninnkeeper_nats_relay_lag_events 0\n");
        is_up.then_some(()).ok_or("events wait")
    })
    .await;
    let stream = async_nats::jetstream::new(server.client().await)
        .get_stream("stay")
        .await
        .expect("it is there");
    let info = stream.cached_info();
    assert!(info.state.messages >= (rooms + MALFORMED.len()) as u64);
    let last = stream.get_raw_message(info.state.last_sequence).await;
    let last = last.expect("the last one is the relay's own");
    assert!(last.payload.starts_with(b"{"), "{last:?}");
}

/// What is sent when the connection breaks counts as sent for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_the_way_when_the_connection_broke_is_read() {
    let server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let proxy = CuttingProxy::before(server.address()).await;
    let settings = settings(&server).await.set("nats.url", proxy.url());
    let host = TestHost::with(settings).await;
    publish(&context, "pms.1.BellRung", "a", &[], &ring(1, 1)).await;
    heard(&host, 1, &[1]).await;
    for number in 2..5_u64 {
        proxy.cut_at("BellRung");
        let id = format!("cut-{number}");
        publish(&context, "pms.1.BellRung", &id, &[], &ring(1, number)).await;
        let all: Vec<u64> = (1..=number).collect();
        heard(&host, 1, &all).await;
    }
    assert_eq!(proxy.cuts(), 3);
}

/// The host may publish where a caller may not.
#[tokio::test]
async fn no_caller_has_the_host_publish_what_the_server_or_a_follower_listens_to() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    let caller = Caller::of(&host, &server).await;
    let room = host.stay().room("wanted").await;
    let (_, before) = all_published(&host, &server).await;
    let call = json!([room, 7]).to_string();
    for reply in ["$JS.API.STREAM.PURGE.stay", "stay.room.RoomRegistered"] {
        let subject = "stay.call.room.rooms.hold";
        server
            .publish_raw(subject, reply, WELL_FORMED, call.as_bytes())
            .await;
    }
    // Behind them, so they are done.
    let asked = caller
        .call("stay.call.room.rooms.hold", &[], json!([room, 8]))
        .await;
    assert_eq!(body(&asked), json!({"ok": null}), "the others were not run");
    let (_, after) = all_published(&host, &server).await;
    assert!(
        after.len() >= before.len(),
        "{} {}",
        before.len(),
        after.len()
    );
    assert!(
        after
            .iter()
            .all(|message| !message.header("ce-id").is_empty())
    );
}

#[tokio::test]
async fn whatever_a_caller_sends_is_answered_within_what_the_server_takes() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    let caller = Caller::of(&host, &server).await;
    let long = "y".repeat(1_000_000);
    let answer = caller
        .call(
            "stay.call.room.rooms.hold",
            &[],
            json!({"room-id": 1, long: 1}),
        )
        .await;
    assert_eq!(body(&answer)["status"], 422);
    assert!(answer.payload.len() < 10_000, "{}", answer.payload.len());
    let many: Vec<_> = (0..3_000).map(|number| format!("x-{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let answer = caller
        .call("stay.call.room.rooms.hold", &many, json!([4711, 7]))
        .await;
    assert!(body(&answer)["err"]["not-found"].is_string());
}
