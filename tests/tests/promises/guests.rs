//! Guests that misbehave: each ends in one clear error, for that invocation alone.

use std::time::{Duration, Instant};

use futures::future::join_all;
use innkeeper_tests::{Opening, Settings, Stay, TestHost, flood, holds_once, request};
use serde_json::json;

async fn settings() -> Settings {
    Settings::of_the_app()
        .await
        .with("unruly", "unruly")
        .await
        .with("caller", "caller")
        .await
        .set("context.unruly.limits.deadline", "700ms")
        .set("context.unruly.limits.memory", "32MiB")
        // It fails on purpose, all the time.
        .set("context.unruly.healing.consecutive_failures", 0)
        .set("context.caller.limits.deadline", "2s")
}

/// Every way to misbehave, the status that answers it, and what the log says of it.
const WAYS: [(&str, u16, &str); 13] = [
    ("loop", 504, "not done after"),
    ("recursion", 500, "stack"),
    ("frames", 500, "trap"),
    ("memory", 500, "limits.memory"),
    ("trap", 500, "trap"),
    ("panic", 500, "trap"),
    ("response", 500, "limits.response"),
    ("event", 500, "Smuggled"),
    ("staged", 500, "limits.staged"),
    ("status", 500, "status 99"),
    ("header", 500, "not a valid header name"),
    ("key", 500, "5006 bytes"),
    ("subject", 500, "2000 bytes"),
];

async fn misbehaves(stay: &Stay, how: &str) -> (u16, String) {
    let correlation = format!("{how}-{}", rand::random::<u32>());
    let request = stay
        .client()
        .request(http::Method::POST, &format!("/unruly/{how}"));
    let reply = innkeeper_tests::send(request.header("x-correlation-id", &correlation)).await;
    let status = reply.status;
    reply.expect_problem(status);
    (status, correlation)
}

#[tokio::test]
async fn each_way_to_misbehave_ends_in_one_clear_error() {
    let host = TestHost::with(settings().await).await;
    let stay = host.stay();
    for (how, expected, said) in WAYS {
        let (status, correlation) = misbehaves(&stay, how).await;
        assert_eq!(status, expected, "{how}");
        innkeeper_tests::eventually("the log says what happened", async || {
            let lines = host.output().lines_with(&correlation);
            let clear = lines.iter().any(|line| line.contains(said));
            if clear {
                Ok(())
            } else {
                Err(format!("{how}: no {said:?} in {lines:#?}"))
            }
        })
        .await;
    }
    // None of it left a mark, or an event.
    assert_eq!(stay.at("/unruly").await["total"], 0);
    assert!(host.operators().events_of("Marked").await.is_empty());
    // And the context goes on.
    let (status, _) = misbehaves(&stay, "calmly").await;
    assert_eq!(status, 404);
    stay.room("as ever").await;
}

#[tokio::test]
async fn a_caller_is_told_that_the_time_of_its_call_was_up() {
    let host = TestHost::with(settings().await).await;
    let stay = host.stay();
    let begun = Instant::now();
    let reply = stay
        .client()
        .post("/calls", json!({}))
        .await
        // What the caller makes of `deadline-exceeded`; of `unavailable` it makes a 503.
        .expect_problem(504);
    assert!(reply.text.contains("not done after"), "{}", reply.text);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(stay.at("/calls").await["total"], 0);
    host.operators().nothing_pending().await;
}

#[tokio::test]
async fn a_caller_with_less_time_than_its_callee_is_told_in_time() {
    let settings = settings()
        .await
        .set("context.unruly.limits.deadline", "30s")
        .set("context.caller.limits.deadline", "1s");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    let begun = Instant::now();
    let reply = stay.client().post("/calls", json!({})).await;
    assert_eq!(reply.status, 504, "{}", reply.text);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_contexts_go_on_at_full_speed() {
    let settings = settings().await.set("context.unruly.limits.deadline", "1s");
    let host = Opening::new(settings).alone().open().await;
    let stay = host.stay();
    stay.room("calm").await;
    let reads = async || {
        flood(host.gateway().base(), 4, 2_000, |_| {
            request("GET", "/rooms/1", "")
        })
        .await
    };
    reads().await;
    holds_once("a neighbour of guests that misbehave", async || {
        let undisturbed = reads().await;
        let unruly = async {
            let ways = WAYS
                .iter()
                .cycle()
                .filter(|(how, ..)| *how != "response")
                .take(60);
            join_all(ways.map(|(how, ..)| misbehaves(&stay, how))).await
        };
        let (disturbed, replies) = tokio::join!(reads(), unruly);
        assert!(replies.iter().all(|(status, _)| *status >= 500));
        assert_eq!(disturbed.refusals, 0);
        // Five loops compute all the time, on two processors; a turn of each takes a few milliseconds.
        match disturbed.percentile(99) < Duration::from_millis(250) {
            true => Ok(()),
            false => Err(format!(
                "99 of 100 reads: {:?} undisturbed, {:?} disturbed",
                undisturbed.percentile(99),
                disturbed.percentile(99)
            )),
        }
    })
    .await;
}
