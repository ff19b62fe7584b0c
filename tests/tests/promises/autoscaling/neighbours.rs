//! Neighbours of a context that is flooded keep what is theirs.

use std::time::{Duration, Instant};

use innkeeper_tests::{
    Flooded, Opening, Settings, TestHost, Traffic, eventually, flood, holds_once, request,
};

use super::{condition, has_slots, scaled};

const REQUESTS: u64 = 3_000;
/// What is left to it at the least, with what both sides of so many connections cost taken off.
const LEAST_SHARE: f64 = 5.0;
/// Where nothing else slows the machine down.
const SLOWEST: Duration = Duration::from_millis(50);

async fn measure(host: &TestHost, path: &'static str) -> (Flooded, f64) {
    let began = Instant::now();
    let base = host.gateway().base();
    let flooded = flood(base, 4, REQUESTS, move |_| request("GET", path, "")).await;
    let rate = REQUESTS as f64 / began.elapsed().as_secs_f64();
    (flooded, rate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_one_leaves_the_other_its_rate_and_its_latency() {
    let settings = Settings::of_the_app()
        .await
        .with("archive", "archive")
        .await
        .set("context.archive.autoscale.max", 10)
        .set("context.archive.limits.answers", 0)
        .set("context.room.autoscale.max", 10)
        .set("context.room.limits.answers", 0);
    let host = Opening::new(settings).alone().open().await;
    host.stay().room("calm").await;
    measure(&host, "/rooms/1").await;
    holds_once("a neighbour of a flood", async || {
        let (before, calm) = measure(&host, "/rooms/1").await;
        let traffic = Traffic::start(host.gateway().base(), 200, |_| {
            request("GET", "/entries?size=20", "")
        });
        has_slots(host.operators(), "archive", 10).await;
        let (beside, rate) = measure(&host, "/rooms/1").await;
        let flooding = traffic.stop().await;
        assert_eq!(beside.refusals, 0);
        assert!(flooding.iter().all(|answer| answer.status == 200));
        let (before, beside) = (before.percentile(99), beside.percentile(99));
        let found = format!(
            "alone {calm:.0}/s, p99 {before:?}; beside a flood {rate:.0}/s, p99 {beside:?}"
        );
        // In one queue with 200 it would be one of fifty that are served, and wait for all of them.
        match rate >= calm / LEAST_SHARE && beside < SLOWEST.max(5 * before) {
            true => Ok(()),
            false => Err(found),
        }
    })
    .await;
}

/// The neighbour takes every instance that it can get, and keeps each for two seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_for_one_is_there_when_another_has_taken_all_the_rest() {
    let settings = Settings::of_the_app()
        .await
        .with("unruly", "unruly")
        .await
        .set("host.instances", 24)
        .set("context.unruly.limits.deadline", "2s")
        .set("context.room.autoscale.min", 2)
        .set("context.room.limits.answers", 0);
    let host = Opening::new(settings).alone().open().await;
    host.stay().room("calm").await;
    let spinning = Traffic::start(host.gateway().base(), 64, |_| {
        request("POST", "/unruly/loop", "{}")
    });
    eventually("all are at it", async || {
        let unruly = host.operators().context("unruly").await;
        let running = unruly["invocations"]["running"].as_u64();
        (running >= Some(60))
            .then_some(())
            .ok_or(unruly.to_string())
    })
    .await;
    holds_once("whoever has a minimum", async || {
        let flooded = flood(host.gateway().base(), 2, 100, |_| {
            request("GET", "/rooms/1", "")
        })
        .await;
        assert_eq!((flooded.successes, flooded.refusals), (100, 0));
        // Whoever waited for an instance would wait for most of two seconds.
        match flooded.percentile(100) < Duration::from_millis(500) {
            true => Ok(()),
            false => Err(format!("the slowest took {:?}", flooded.percentile(100))),
        }
    })
    .await;
    let _ended = spinning.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_want_is_shared_and_never_more_than_the_host_has() {
    let mut settings = Settings::of_the_app()
        .await
        .with("archive", "archive")
        .await
        // Nine first calls at once, of which one is for the host itself.
        .set("host.instances", 24);
    for context in ["archive", "room", "payment"] {
        settings = settings
            .set(&format!("context.{context}.autoscale.max"), 100)
            .set(
                &format!("context.{context}.autoscale.stabilization_window"),
                "2s",
            )
            .set(&format!("context.{context}.limits.answers"), 0);
    }
    let host = Opening::new(settings).alone().open().await;
    host.stay().room("shared").await;
    let base = host.gateway().base();
    let rooms = Traffic::start(base, 50, |_| request("GET", "/rooms/1", ""));
    let entries = Traffic::start(base, 50, |_| request("GET", "/entries?size=1", ""));
    let shares = eventually("both have their share", async || {
        let mut all = Vec::new();
        for context in ["room", "archive", "payment"] {
            all.push(scaled(host.operators(), context).await);
        }
        let slots: Vec<_> = all.iter().filter_map(|one| one["slots"].as_u64()).collect();
        let is_full = |one| condition(one, "ScalingLimited") == ("True", "HostIsFull");
        match slots[..] {
            // The last is idle, and its minimum is kept.
            [one, other, 1] if one.abs_diff(other) <= 1 && one >= 3 && is_full(&all[0]) => {
                Ok(slots)
            }
            _ => Err(format!("{all:?}")),
        }
    })
    .await;
    assert!(shares.iter().sum::<u64>() <= 8, "{shares:?}");
    let _ended = rooms.stop().await;
    // Who is left has what the others leave.
    let alone = eventually("one has the rest", async || {
        let archive = scaled(host.operators(), "archive").await;
        let slots = archive["slots"].as_u64().unwrap_or_default();
        (slots >= 5).then_some(slots).ok_or(archive.to_string())
    })
    .await;
    assert!(alone <= 6, "{alone}");
    let answers = entries.stop().await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}
