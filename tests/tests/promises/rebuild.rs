//! A projection is rebuilt while it serves.

use std::time::{Duration, Instant};

use http::Method;
use innkeeper_tests::{Opening, Settings, TestHost, eventually, flood, request, within};
use serde_json::{Value, json};

/// How many events there are in a test.
const EVENTS: &str = "INNKEEPER_TESTS_REBUILD_EVENTS";
const REBUILD: &str = "/v1/contexts/viewpage/rebuild";

fn events() -> u64 {
    let given = std::env::var(EVENTS).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(8_000)
}

/// What the projection shows: all of it would be slow to read, so every hundredth page. Without the total, which grows.
async fn sample(host: &TestHost, events: u64) -> Vec<Value> {
    let mut pages = Vec::new();
    for page in (0..events / 100).step_by(100) {
        let reply = host
            .gateway()
            .get(&format!("/roomviews?size=100&page={page}"))
            .await
            .expect(200);
        let items = reply.body["items"].clone();
        assert_eq!(items.as_array().map(Vec::len), Some(100), "page {page}");
        pages.push(items);
    }
    pages
}

async fn caught_up(host: &TestHost) -> Result<(), String> {
    match host.operators().pending().await {
        pending if pending.is_empty() => Ok(()),
        pending => Err(pending.join("; ")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_is_rebuilt_while_it_serves() {
    let events = events();
    let settings = Settings::of_the_app()
        .await
        .set("journal.durability", "relaxed");
    let mut host = Opening::new(settings).alone().open().await;
    let begun = Instant::now();
    let post = |number: u64| request("POST", "/rooms", &format!(r#"{{"desc": "room {number}"}}"#));
    let flooded = flood(host.gateway().base(), 32, events, post).await;
    assert_eq!((flooded.successes, flooded.refusals), (events, 0));
    let made = begun.elapsed();
    within(Duration::from_secs(120), async || caught_up(&host).await)
        .await
        .unwrap();
    eprintln!(
        "{events} events were made in {made:?} and followed in {:?}",
        begun.elapsed()
    );
    let before = sample(&host, events).await;
    assert_eq!(host.stay().at("/roomviews?size=1").await["total"], events);

    let generation = host.operators().context("viewpage").await["journal"]["generation"].clone();
    let begun = Instant::now();
    host.operators()
        .send(Method::POST, REBUILD)
        .await
        .expect(202);
    host.operators()
        .send(Method::POST, REBUILD)
        .await
        .expect_problem(409);
    let mut progress: Vec<(u64, u64)> = Vec::new();
    let mut written = 0;
    loop {
        let now = host.operators().get(REBUILD).await;
        let number = |field: &str| now[field].as_u64().expect("a number");
        match now["state"].as_str() {
            Some("done") => break,
            Some("failed") | None => panic!("{now}"),
            Some("filling") => progress.push((number("handled"), number("total"))),
            Some(_) => {}
        }
        // The old state serves, and follows.
        let all = host.stay().at("/roomviews?size=1").await;
        assert!(all["total"].as_u64() >= Some(events), "{all}");
        if written < 20 {
            written += 1;
            let id = events + inn_room(&host, written).await;
            assert!(id > events);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(begun.elapsed() < Duration::from_secs(120), "{now}");
    }
    eprintln!(
        "rebuilt in {:?}, seen {} times",
        begun.elapsed(),
        progress.len()
    );
    assert!(progress.len() > 3, "{progress:?}");
    assert!(
        progress.is_sorted_by_key(|(handled, _)| *handled),
        "{progress:?}"
    );
    assert!(
        progress
            .iter()
            // Until its lanes are open there is nothing to count.
            .filter(|(_, total)| *total > 0)
            .all(|(handled, total)| handled <= total && *total >= events * 99 / 100),
        "{progress:?}"
    );
    assert_ne!(
        host.operators().context("viewpage").await["journal"]["generation"],
        generation
    );

    within(Duration::from_secs(60), async || caught_up(&host).await)
        .await
        .unwrap();
    assert_eq!(sample(&host, events).await, before);
    let total = host.stay().at("/roomviews?size=1").await;
    assert_eq!(total["total"], events + written);
    // The new state is the one that is there after a restart, and goes on following.
    host.kill_9();
    host.reopen().await;
    assert_eq!(sample(&host, events).await, before);
    let stay = host.stay();
    stay.booked(1).await;
    assert_eq!(stay.view(1).await["desc"], desc_of(&host, 1).await);
}

async fn inn_room(host: &TestHost, number: u64) -> u64 {
    host.stay().room(&format!("late room {number}")).await
}

async fn desc_of(host: &TestHost, room: u64) -> Value {
    host.stay().at(&format!("/rooms/{room}")).await["desc"].clone()
}

#[tokio::test]
async fn a_rebuild_that_is_cut_off_leaves_the_old_state() {
    let mut host = TestHost::open().await;
    let stay = host.stay();
    for number in 0..200 {
        stay.room(&format!("room {number}")).await;
    }
    stay.booked(1).await;
    let before = host.at_rest().await;
    for _ in 0..5 {
        // What the one before has left is removed first.
        eventually("it can be rebuilt", async || {
            let reply = host.operators().send(Method::POST, REBUILD).await;
            if reply.status == 202 {
                Ok(())
            } else {
                Err(reply.text)
            }
        })
        .await;
        host.kill_9();
        host.reopen().await;
        assert_eq!(host.at_rest().await, before);
    }
}

#[tokio::test]
async fn what_is_no_projection_is_not_rebuilt() {
    let host = TestHost::open().await;
    let stay = host.stay();
    stay.room("as it was").await;
    for context in ["room", "reservation", "payment", "message"] {
        let reply = host
            .operators()
            .send(Method::POST, &format!("/v1/contexts/{context}/rebuild"))
            .await;
        if context != "message" {
            reply.expect_problem(422);
        }
    }
    host.operators()
        .send(Method::POST, "/v1/contexts/nothing/rebuild")
        .await
        .expect_problem(404);
    host.operators()
        .send(Method::GET, REBUILD)
        .await
        .expect_problem(404);
    stay.shows("/rooms/1", json!({"desc": "as it was"})).await;
}
