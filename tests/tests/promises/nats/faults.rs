//! Whatever dies: nothing is lost, nothing comes twice, order is kept, and no request notices.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use innkeeper_tests::nats::{NatsServer, Received};
use innkeeper_tests::{Load, Opening, Record, Settings, eventually};
use serde_json::Value;

use super::feed::{all_published, by_source, host};

/// How many rounds of faults there are, each about ten seconds long; six make a minute.
const ROUNDS: &str = "INNKEEPER_TESTS_NATS_ROUNDS";
/// How long the server stands still; the promise is about `10`.
const PAUSE: &str = "INNKEEPER_TESTS_NATS_PAUSE";

fn number(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_dies() {
    let mut server = NatsServer::start().await;
    let mut host = host(&server).await;
    let record = Arc::new(Record::default());
    for _ in 0..12 {
        record
            .register(host.gateway())
            .await
            .expect("the host is open");
    }
    let pause = Duration::from_secs(number(PAUSE, 6));
    for round in 0..number(ROUNDS, 2) {
        let load = Load::start(host.gateway(), &record, 8, round);
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.kill_9();
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.restart().await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.pause(pause).await;
        let before = record.successes();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(record.successes() > before, "requests wait for NATS");
        // While it stands still, what is on its way arrives after the host is gone.
        if round % 2 == 1 {
            let pausing = server.pause(Duration::from_secs(1));
            let killing = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                host.kill_9();
            };
            tokio::join!(pausing, killing);
        } else {
            host.kill_9();
        }
        load.stop().await;
        host.reopen().await;
        record.repeat_bookings(host.gateway()).await;
    }
    let begun = Instant::now();
    let (told, received) = all_published(&host, &server).await;
    eprintln!(
        "{} events, {} requests; caught up in {:?}",
        told.len(),
        record.successes(),
        begun.elapsed()
    );
    let ids = |events: &[Value]| -> BTreeSet<String> {
        let ids = events.iter().map(|event| event["id"].as_str());
        ids.map(|id| id.unwrap_or_default().to_owned()).collect()
    };
    let events: Vec<Value> = received.iter().map(Received::event).collect();
    let (of_stream, of_journals) = (ids(&events), ids(&told));
    let lost: Vec<_> = of_journals.difference(&of_stream).collect();
    let ghosts: Vec<_> = of_stream.difference(&of_journals).collect();
    assert!(
        lost.is_empty() && ghosts.is_empty(),
        "lost {lost:?}, ghosts {ghosts:?}"
    );
    assert_eq!(
        events.len(),
        of_stream.len(),
        "an event is in the stream twice"
    );
    let (streamed, journaled) = (by_source(events), by_source(told));
    for (source, events) in journaled {
        assert!(
            streamed.get(&source) == Some(&events),
            "the order of {source} is not kept"
        );
    }
}

#[tokio::test]
async fn the_host_serves_before_there_is_a_server() {
    let mut server = NatsServer::start().await;
    server.kill_9();
    let host = host(&server).await;
    let stay = host.stay();
    let room = stay.room("early").await;
    stay.booked(room).await;
    server.restart().await;
    let (told, received) = all_published(&host, &server).await;
    assert_eq!(told.len(), received.len());
}

#[tokio::test]
async fn readiness_waits_for_it_only_when_asked_to() {
    let mut server = NatsServer::start().await;
    let settings = Settings::of_the_app().await.set("nats.url", server.url());
    let host = Opening::new(settings.set("nats.unready_when_behind", 3))
        .open()
        .await;
    let ready = async |status: u16| {
        eventually("the readiness follows the lag", async || {
            let reply = host.operators().client().get("/readyz").await;
            match reply.status == status {
                true => Ok(reply.text),
                false => Err(reply.text),
            }
        })
        .await
    };
    ready(200).await;
    server.kill_9();
    for _ in 0..4 {
        host.stay().room("meanwhile").await;
    }
    let reason = ready(503).await;
    assert!(reason.contains("waiting to be published"), "{reason}");
    server.restart().await;
    ready(200).await;
}
