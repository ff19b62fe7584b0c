//! What is done costs by what takes part in it, however many contexts there are besides.

use std::time::{Duration, Instant};

use innkeeper_tests::{Opening, Settings, TestHost, eventually, within};
use serde_json::json;

/// How many contexts have written once.
const CONTEXTS: usize = 400;
/// How many bookings are declined in a round, and how many rounds there are.
const BOOKINGS: usize = 100;
const ROUNDS: usize = 5;

async fn declined(host: &TestHost, room: u64) {
    host.stay().book(room).await.expect_problem(402);
}

/// The time for a round: the fastest of some, since others may work beside it.
async fn takes(host: &TestHost, room: u64) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..BOOKINGS {
            declined(host, room).await;
        }
        fastest = fastest.min(began.elapsed());
    }
    fastest
}

/// Each has a journal with something in it, where calls could be looked for, and has had a window of recent writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_booking_costs_the_same_beside_hundreds_of_contexts_that_wrote() {
    let few = Settings::of_the_app()
        .await
        .with("bell", "bell")
        .await
        .set("context.payment.config.declined_rooms", "1")
        .set("journal.durability", "relaxed");
    let mut many = few.clone();
    for number in 0..CONTEXTS {
        many = many.with(&format!("witness-{number}"), "witness").await;
    }
    let mut host = Opening::new(few).alone().open().await;
    let room = host.stay().room("declined").await;
    assert_eq!(room, 1);
    let beside_few = takes(&host, room).await;
    host.close().await;
    host.reopen_with(many).await;
    host.gateway()
        .post("/bells/1/rings", json!({"number": 1}))
        .await
        .expect(200);
    let wrote = within(Duration::from_secs(180), async || {
        for number in [0, CONTEXTS / 2, CONTEXTS - 1] {
            let context = host.operators().context(&format!("witness-{number}")).await;
            let quota = context["quota"].as_array().cloned().unwrap_or_default();
            let mut keys = quota.iter().filter(|used| used["resource"] == "keys");
            if !keys.any(|used| used["used"] == 1) {
                return Err(context.to_string());
            }
        }
        Ok(())
    });
    wrote.await.expect("each writes once");
    eventually("they are all quiet", async || {
        let pending = host.operators().pending().await;
        pending.is_empty().then_some(()).ok_or(pending.join("; "))
    })
    .await;
    let resident = host.resident();
    assert!(resident < 1 << 20, "{resident} KiB");
    let beside_many = takes(&host, room).await;
    eprintln!(
        "{BOOKINGS} declined bookings: {beside_few:?} beside few, {beside_many:?} beside {CONTEXTS}"
    );
    assert!(
        beside_many < beside_few * 2,
        "{beside_few:?} grew to {beside_many:?}"
    );
}
