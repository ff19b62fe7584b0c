//! What streams are known by: not their names, nor numbers that only grow.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use futures::StreamExt;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually, within};
use serde_json::Value;
use toml::Table;

use super::outside::{heard, publish, ring, settings};

/// How long it may take a server to bring again what was not acknowledged.
const BROUGHT_AGAIN: Duration = Duration::from_secs(30);

/// Rings bell 1, a number each. Plain messages: nothing but the stream tells them apart.
async fn ring_all(context: &Context, round: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let id = format!("{round}-{number}");
        publish(context, "pms.1.BellRung", &id, &[], &ring(1, number)).await;
    }
}

/// Sends a CloudEvent; the server does not know repeats of it.
async fn send(context: &Context, message: &str, id: &str, number: u64) {
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-source", "/pms"),
        ("ce-type", "BellRung"),
        ("ce-subject", "1"),
    ];
    publish(
        context,
        "pms.1.BellRung",
        message,
        &headers,
        &ring(1, number),
    )
    .await;
}

async fn says(host: &TestHost, text: &str) {
    eventually(text, async || match host.output().lines_with(text).len() {
        0 => Err(host.output().tail(5)),
        _ => Ok(()),
    })
    .await;
}

/// What is said of the one followed subject, when it is as it should be.
async fn subscription(host: &TestHost, is: impl Fn(&Value) -> bool) -> Value {
    eventually("the followed subject is as it should be", async || {
        let found = host.operators().get("/v1/contexts").await["nats"]["subscriptions"][0].clone();
        match is(&found) {
            true => Ok(found),
            false => Err(found.to_string()),
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_comes_back_with_an_older_store_is_noticed() {
    let mut server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let mut host = TestHost::with(settings(&server).await).await;
    ring_all(&context, "first", 1..=5).await;
    heard(&host, 1, &[1, 2, 3, 4, 5]).await;
    let saved = server.save().await;
    ring_all(&context, "first", 6..=15).await;
    let before: Vec<u64> = (1..=15).collect();
    heard(&host, 1, &before).await;
    host.kill_9();
    server.go_back(&saved).await;
    // More than were lost, so that the numbers go beyond those that were taken in.
    let context = async_nats::jetstream::new(server.client().await);
    ring_all(&context, "second", 16..=27).await;
    host.reopen().await;
    let all: Vec<u64> = (1..=27).collect();
    heard(&host, 1, &all).await;
    says(&host, "lost messages that had been read").await;
    // While the host runs, too.
    server.go_back(&saved).await;
    let context = async_nats::jetstream::new(server.client().await);
    ring_all(&context, "third", 28..=30).await;
    let all: Vec<u64> = (1..=30).collect();
    heard(&host, 1, &all).await;
}

#[tokio::test]
async fn what_producers_publish_again_after_a_loss_is_recognized() {
    let mut server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let mut host = TestHost::with(settings(&server).await).await;
    send(&context, "a", "1", 1).await;
    heard(&host, 1, &[1]).await;
    let saved = server.save().await;
    send(&context, "b", "2", 2).await;
    send(&context, "c", "3", 3).await;
    heard(&host, 1, &[1, 2, 3]).await;
    host.kill_9();
    server.go_back(&saved).await;
    let context = async_nats::jetstream::new(server.client().await);
    for (message, id, number) in [("d", "2", 2), ("e", "3", 3), ("f", "4", 4)] {
        send(&context, message, id, number).await;
    }
    host.reopen().await;
    heard(&host, 1, &[1, 2, 3, 4]).await;
    // The stream is deleted, made anew, and filled by its producers again.
    context
        .delete_stream("PMS")
        .await
        .expect("it can be deleted");
    let context = server.make_stream("PMS", "pms.>").await;
    for (message, id, number) in [("g", "1", 1), ("h", "4", 4), ("i", "5", 5)] {
        send(&context, message, id, number).await;
    }
    heard(&host, 1, &[1, 2, 3, 4, 5]).await;
    says(&host, "the stream was replaced by another one").await;
}

#[tokio::test]
async fn a_subject_that_is_written_otherwise_handles_nothing_again() {
    let server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let following = async |subject: &str| {
        let settings = Settings::empty().with("bell", "bell").await;
        let settings = settings.set("nats.url", server.url());
        settings.following("bell", subject, Table::new())
    };
    let mut host = TestHost::with(following("pms.>").await).await;
    ring_all(&context, "a", 1..=3).await;
    heard(&host, 1, &[1, 2, 3]).await;
    let mut numbers = vec![1, 2, 3];
    for (number, subject) in (4..).zip(["pms.*.*", "pms.1.>", "pms.>"]) {
        host.close().await;
        ring_all(&context, "a", [number]).await;
        host.reopen_with(following(subject).await).await;
        numbers.push(number);
        heard(&host, 1, &numbers).await;
        host.operators().nothing_pending().await;
        heard(&host, 1, &numbers).await;
    }
}

/// A stream that keeps messages only until they are read.
async fn nothing_is_lost_of(retention: RetentionPolicy) {
    let mut server = NatsServer::start().await;
    let config = Config {
        name: "PMS".to_owned(),
        subjects: vec!["pms.>".to_owned()],
        retention,
        ..Config::default()
    };
    let context = server.make(config).await;
    let mut host = TestHost::with(settings(&server).await).await;
    subscription(&host, |subscription| subscription["stream"] == "PMS").await;
    ring_all(&context, "a", 1..=10).await;
    host.kill_9();
    ring_all(&context, "a", 11..=20).await;
    host.reopen().await;
    ring_all(&context, "a", 21..=30).await;
    server.restart().await;
    let context = async_nats::jetstream::new(server.client().await);
    ring_all(&context, "a", 31..=40).await;
    let all: Vec<u64> = (1..=40).collect();
    heard(&host, 1, &all).await;
    let stream = context.get_stream("PMS").await.expect("it is there");
    // What the consumer says, not whether the stream is empty: a server that is killed may forget that it has removed a message, not that it was acknowledged.
    let acknowledged = within(BROUGHT_AGAIN, async || {
        let mut consumers = stream.consumers();
        let consumer = match consumers.next().await {
            Some(Ok(consumer)) => consumer,
            other => return Err(format!("{other:?}")),
        };
        let floor = consumer.ack_floor.stream_sequence;
        match (floor, consumer.num_ack_pending, consumer.num_pending) {
            (40, 0, 0) => Ok(()),
            _ => Err(format!("{consumer:?}")),
        }
    });
    acknowledged.await.expect("all are acknowledged");
    heard(&host, 1, &all).await;
}

#[tokio::test]
async fn what_is_kept_by_interest_is_acknowledged_after_its_commit() {
    nothing_is_lost_of(RetentionPolicy::Interest).await;
}

#[tokio::test]
async fn a_queue_of_work_is_acknowledged_after_its_commit() {
    nothing_is_lost_of(RetentionPolicy::WorkQueue).await;
}

#[tokio::test]
async fn messages_that_a_stream_has_dropped_are_said() {
    let server = NatsServer::start().await;
    let config = Config {
        name: "PMS".to_owned(),
        subjects: vec!["pms.>".to_owned()],
        max_messages: 5,
        ..Config::default()
    };
    let context = server.make(config).await;
    let mut host = TestHost::with(settings(&server).await).await;
    ring_all(&context, "a", 1..=3).await;
    heard(&host, 1, &[1, 2, 3]).await;
    host.kill_9();
    ring_all(&context, "a", 4..=13).await;
    host.reopen().await;
    heard(&host, 1, &[1, 2, 3, 9, 10, 11, 12, 13]).await;
    says(&host, "the stream dropped 5 messages").await;
    subscription(&host, |subscription| {
        subscription["dropped"] == 5 && subscription["waiting"] == 0
    })
    .await;
    let metrics = host.operators().client().get("/metrics").await.text;
    let counted = "innkeeper_nats_subscription_dropped_total{source=\"pms\",subject=\"pms.>\"} 5";
    assert!(metrics.contains(counted), "{metrics}");
    // It is still known after a restart.
    host.close().await;
    host.reopen().await;
    subscription(&host, |subscription| subscription["dropped"] == 5).await;
}

/// Waits until the host is not ready for what a stream has lost, and is told so.
async fn is_unready(host: &TestHost, what: &str) {
    eventually("it is not ready", async || {
        let reply = host.operators().client().get("/readyz").await;
        let says_how = reply
            .text
            .contains("innkeeper nats acknowledge pms 'pms.>'");
        match reply.status == 503 && reply.text.contains(what) && says_how {
            true => Ok(()),
            false => Err(reply.text),
        }
    })
    .await;
}

async fn acknowledge(host: &TestHost) {
    let said = host.command(&["nats", "acknowledge", "pms", "pms.>"]).await;
    assert!(said.is_well, "{said:?}");
    eventually("it is ready", async || host.operators().ready().await).await;
    subscription(host, |subscription| subscription["loss"].is_null()).await;
}

#[tokio::test]
async fn what_was_lost_is_shown_until_an_operator_has_seen_it() {
    let server = NatsServer::start().await;
    let config = || Config {
        name: "PMS".to_owned(),
        subjects: vec!["pms.>".to_owned()],
        max_messages: 5,
        ..Config::default()
    };
    let context = server.make(config()).await;
    let how = Table::from_iter([("unready_when_lost".to_owned(), true.into())]);
    let settings = Settings::empty().with("bell", "bell").await;
    let settings = settings.set("nats.url", server.url());
    let mut host = TestHost::with(settings.following("bell", "pms.>", how)).await;
    ring_all(&context, "a", 1..=3).await;
    heard(&host, 1, &[1, 2, 3]).await;
    host.kill_9();
    ring_all(&context, "a", 4..=13).await;
    for _ in 0..2 {
        host.try_reopen(&[]).await.expect("it starts");
        heard(&host, 1, &[1, 2, 3, 9, 10, 11, 12, 13]).await;
        is_unready(&host, "dropped 5 messages").await;
        let loss = subscription(&host, |subscription| subscription["loss"].is_object()).await;
        assert_eq!(loss["loss"]["dropped"], 5, "{loss}");
        host.kill_9();
    }
    host.try_reopen(&[]).await.expect("it starts");
    is_unready(&host, "dropped 5 messages").await;
    acknowledge(&host).await;
    let again = host.command(&["nats", "acknowledge", "pms", "pms.>"]).await;
    assert!(
        !again.is_well && again.err.contains("nothing was lost"),
        "{again:?}"
    );
    // How many there were in all is known as before.
    subscription(&host, |subscription| subscription["dropped"] == 5).await;

    context
        .delete_stream("PMS")
        .await
        .expect("it can be deleted");
    let context = server.make(config()).await;
    ring_all(&context, "b", [14]).await;
    heard(&host, 1, &[1, 2, 3, 9, 10, 11, 12, 13, 14]).await;
    is_unready(&host, "was replaced by another one").await;
    let metrics = host.operators().client().get("/metrics").await.text;
    let counted = "innkeeper_nats_subscription_disturbed_total{source=\"pms\",subject=\"pms.>\",kind=\"replaced\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    acknowledge(&host).await;
    host.close().await;
    host.reopen().await;
    subscription(&host, |shown| shown["loss"].is_null()).await;
}

#[tokio::test]
async fn a_repeat_is_recognized_where_that_is_asked_for() {
    let server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let following = async |how: Table| {
        let settings = Settings::empty().with("bell", "bell").await;
        let settings = settings.set("nats.url", server.url());
        settings.following("bell", "pms.>", how)
    };
    let recognizing = Table::from_iter([("deduplicate".to_owned(), "2m".into())]);
    let mut host = TestHost::with(following(recognizing).await).await;
    send(&context, "a", "1", 1).await;
    send(&context, "b", "1", 1).await;
    send(&context, "c", "2", 2).await;
    heard(&host, 1, &[1, 2]).await;
    host.kill_9();
    host.reopen().await;
    send(&context, "d", "1", 1).await;
    send(&context, "e", "3", 3).await;
    heard(&host, 1, &[1, 2, 3]).await;
    host.close().await;
    host.reopen_with(following(Table::new()).await).await;
    send(&context, "f", "1", 1).await;
    heard(&host, 1, &[1, 2, 3, 1]).await;
}

#[tokio::test]
async fn readiness_waits_for_what_is_followed_only_when_asked_to() {
    let server = NatsServer::start().await;
    let context = server.make_stream("PMS", "pms.>").await;
    let waiting = Table::from_iter([("unready_when_behind".to_owned(), 10.into())]);
    let settings = Settings::empty().with("bell", "bell").await;
    let settings = settings.set("nats.url", server.url());
    // It opens only when it is ready.
    let host = TestHost::with(settings.following("bell", "pms.>", waiting)).await;
    context
        .delete_stream("PMS")
        .await
        .expect("it can be deleted");
    eventually("it is not ready", async || {
        let reply = host.operators().client().get("/readyz").await;
        match reply.status == 503 && reply.text.contains("nats pms pms.>") {
            true => Ok(()),
            false => Err(reply.text),
        }
    })
    .await;
}
