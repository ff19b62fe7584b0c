//! Schedules: events at certain times, each once, also over restarts and for the times at which the host was down.

use std::time::Duration;

use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::Value;

/// The times that a schedule had events for, in milliseconds.
async fn published(host: &TestHost, kind: &str) -> Vec<u64> {
    let events = host.operators().events_of(kind).await;
    let mut times: Vec<u64> = events
        .iter()
        .map(|event: &Value| {
            let time = event["data"]["time"].as_str().expect("it says its time");
            let time: innkeeper::core::Timestamp = time.parse().expect("a time");
            time.0
        })
        .collect();
    times.sort_unstable();
    times
}

async fn at_least(host: &TestHost, kind: &str, count: usize) -> Vec<u64> {
    eventually(&format!("{count} events of {kind}"), async || {
        let times = published(host, kind).await;
        (times.len() >= count)
            .then_some(times.clone())
            .ok_or(format!("{times:?}"))
    })
    .await
}

fn scheduled(settings: Settings) -> Settings {
    settings
        .set("context.room.schedule.second.every", "1s")
        .set("context.room.schedule.second.event", "SecondDue")
        .set("context.room.schedule.skipping.every", "1s")
        .set("context.room.schedule.skipping.event", "SkippingDue")
        .set("context.room.schedule.skipping.missed", "skip")
}

#[tokio::test]
async fn each_time_has_one_event_and_what_was_missed_is_caught_up_with_or_skipped() {
    let mut host = TestHost::with(scheduled(Settings::of_the_app().await)).await;
    let before = at_least(&host, "SecondDue", 2).await.len();
    host.kill_9();
    tokio::time::sleep(Duration::from_secs(3)).await;
    host.reopen().await;
    let times = at_least(&host, "SecondDue", before + 5).await;
    let steps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        steps.iter().all(|step| *step == 1_000),
        "none is missing, none is there twice: {times:?}"
    );
    let skipping = at_least(&host, "SkippingDue", 4).await;
    let gaps = skipping
        .windows(2)
        .filter(|pair| pair[1] - pair[0] >= 3_000)
        .count();
    assert_eq!(
        gaps, 1,
        "the times at which the host was down: {skipping:?}"
    );
}

#[tokio::test]
async fn a_schedule_that_is_none_is_refused_with_what_would_be_one() {
    let settings = Settings::of_the_app()
        .await
        .set("context.room.schedule.nightly.cron", "0 3 * *")
        .set("context.room.schedule.nightly.event", "NightlyDue");
    let mut host = TestHost::with(Settings::of_the_app().await).await;
    host.close().await;
    host.rewrite(settings);
    let refused = host.try_reopen(&[]).await.expect_err("it is refused");
    assert!(
        refused.contains("context.room.schedule.nightly.cron") && refused.contains("`0 3 * * *`"),
        "{refused}"
    );
}
