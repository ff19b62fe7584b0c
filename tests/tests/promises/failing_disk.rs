//! A disk that takes no more: whose outcome is unknown hears so, nothing that was acknowledged is missing, and what did not happen is said as that.

use http::Method;
use innkeeper_tests::{Client, Opening, Reply, Settings, TestHost, eventually, send};
use serde_json::json;

use crate::undoing::players;

/// How many entries one write adds.
const STEP: u64 = 1_000;

async fn fill(client: &Client) -> Reply {
    client.post(&format!("/entries/{STEP}"), json!(null)).await
}

#[tokio::test]
async fn a_write_that_meets_a_full_disk_is_told_that_its_outcome_is_unknown() {
    let settings = Settings::empty()
        .with("archive", "archive")
        .await
        .set("context.archive.limits.answers", 0);
    // No file grows beyond so many blocks; without the signal the write fails as on a full disk.
    let opening = Opening::new(settings).under("trap '' XFSZ; ulimit -f 12000");
    let mut host = opening.open().await;
    let mut acknowledged = 0;
    let failed = loop {
        let reply = fill(host.gateway()).await;
        match reply.status {
            204 => acknowledged += STEP,
            _ => break reply,
        }
        assert!(acknowledged < 1_000_000, "the disk is never full");
    };
    assert!(acknowledged > 0, "{failed:?}");
    let problem = failed.expect_problem(500);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:outcome-unknown",
        "{problem:?}"
    );
    assert!(problem.text.contains("innkeeper story"), "{problem:?}");
    // From then on nothing is written, and is said not to be.
    let problem = fill(host.gateway()).await.expect_problem(500);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:journal-failed",
        "{problem:?}"
    );
    assert!(problem.text.contains("nothing was changed"), "{problem:?}");
    // What the flush was to write may not be there after a restart, so it is not shown.
    let path = "/entries?after=0&size=10";
    let read = host.gateway().get(path).await.expect_problem(500);
    assert_eq!(
        read.body["type"], "urn:innkeeper:problem:journal-failed",
        "{read:?}"
    );
    eventually("the host is not ready", async || {
        let ready = host.operators().client().get("/readyz").await;
        match ready.status == 503 && ready.text.contains("the journal stopped") {
            true => Ok(()),
            false => Err(ready.text),
        }
    })
    .await;
    let alive = host.operators().client().get("/livez").await;
    assert_eq!(alive.status, 200, "a restart would not mend it");

    host.kill_9();
    host.lift_limits();
    host.reopen().await;
    let found = host.gateway().get("/entries?size=1").await.expect(200);
    let total = found.number("total");
    assert!(
        total == acknowledged || total == acknowledged + STEP,
        "{acknowledged} were acknowledged, and one more was unknown: {total}"
    );
    fill(host.gateway()).await.expect(204);
}

/// Nearly all that is written are intents, since these keep the request: its body is large, and what it does is small.
#[tokio::test]
async fn an_intent_that_meets_a_full_disk_takes_effect_as_a_whole_or_not_at_all() {
    let settings = players().await.without("context.third");
    let opening = Opening::new(settings).under("trap '' XFSZ; ulimit -f 30000");
    let mut host = opening.open().await;
    let program = json!([{"call": {"to": "second", "how": "play", "program": [{"write": 1}]}}]);
    let body = json!({"program": program}).to_string() + &" ".repeat(500_000);
    let ask = async |host: &TestHost| {
        let request = host.gateway().request(Method::POST, "/first");
        let request = request.header("content-type", "application/json");
        send(request.body(body.clone())).await
    };
    let mut acknowledged = 0;
    let failed = loop {
        let reply = ask(&host).await;
        match reply.status {
            200 => acknowledged += 1,
            _ => break reply,
        }
        assert!(acknowledged < 10_000, "the disk is never full");
    };
    assert!(acknowledged > 0, "{failed:?}");
    let problem = failed.expect_problem(500);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:outcome-unknown",
        "{problem:?}"
    );
    let began = host.output().lines_with("a call failed");
    assert!(began.is_empty(), "it was the intent that failed: {began:?}");
    // Nobody begins anything any more, and is told that nothing was changed.
    let problem = ask(&host).await.expect_problem(500);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:journal-failed",
        "{problem:?}"
    );
    host.kill_9();
    host.lift_limits();
    host.reopen().await;
    eventually("what was begun has ended", async || {
        let first = host.operators().context("first").await;
        match first["intentsPending"] == 0 {
            true => Ok(()),
            false => Err(first.to_string()),
        }
    })
    .await;
    host.operators().nothing_pending().await;
    let count = async |player: &str| {
        let runs = host.gateway().all(&format!("/{player}/runs")).await;
        let stand = runs.iter().filter(|run| run["undone"] == json!(false));
        stand.count()
    };
    let (begun, called) = (count("first").await, count("second").await);
    assert_eq!(begun, called, "both or neither");
    assert!(
        begun == acknowledged || begun == acknowledged + 1,
        "{acknowledged} were acknowledged, and one more was unknown: {begun}"
    );
    ask(&host).await.expect(200);
}
