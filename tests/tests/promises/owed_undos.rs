//! What cannot be undone now is tried until it can, at no cost, and operators see it in time.

use http::Method;
use innkeeper::journal::Space;
use innkeeper_tests::{TestHost, eventually, journal};
use serde_json::{Value, json};

use crate::undoing::{begin, play, players, stuck, undone, undos};

/// The program of a saga that is owed an undo: it calls, and refuses.
fn owed() -> Value {
    json!([play("second", json!([{"write": 1}])), "refuse"])
}

/// Waits until nothing is owed any more: only then the callee may be asked, which may not be ready before.
async fn are_undone(host: &TestHost, count: usize) {
    host.operators().nothing_pending().await;
    assert_eq!(undone(host, "second").await, vec![true; count]);
}

async fn commits(host: &TestHost, context: &str) -> u64 {
    let status = host.operators().context(context).await;
    status["journal"]["flushed"].as_u64().expect("a number")
}

fn said(host: &TestHost) -> usize {
    let trying = host.output().lines_with("a call cannot be undone for now");
    let overdue = host.output().lines_with("it is tried on, and listed by");
    trying.len() + overdue.len()
}

/// What a counter of the first player's compensations says; 0 where nothing has been counted.
async fn counted(host: &TestHost, what: &str) -> u64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let name = format!("innkeeper_compensations_{what}_total{{context=\"first\"}} ");
    let found = metrics.lines().find_map(|line| line.strip_prefix(&name));
    found.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn what_cannot_be_reached_costs_no_commits_and_is_undone_when_it_is_back() {
    let settings = players()
        .await
        .set("context.first.limits.undo_attempts", 1_000)
        .set("context.first.limits.stuck_after", "1s");
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    for _ in 0..5 {
        begin(&host, "first", owed()).await.expect_problem(409);
    }
    host.close().await;
    host.reopen_with(settings.clone().without("context.second"))
        .await;
    let undo = stuck(&host, "first").await;
    let reason = undo["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("no longer part of the app"), "{undo}");
    let (before, tries) = (commits(&host, "first").await, undo["failures"].as_u64());
    eventually("it is tried on", async || {
        let now = stuck(&host, "first").await["failures"].as_u64();
        (now >= tries.map(|tries| tries + 3))
            .then_some(())
            .ok_or(format!("{now:?}"))
    })
    .await;
    assert_eq!(
        commits(&host, "first").await,
        before,
        "tries are no commits"
    );
    let said = said(&host);
    assert!((1..=2).contains(&said), "{said} lines for five undos");
    // Nobody has to decide about it, and all five wait for the same.
    assert_eq!(counted(&host, "overdue").await, 1);
    assert_eq!(counted(&host, "stuck").await, 0);

    host.close().await;
    host.reopen_with(settings).await;
    are_undone(&host, 5).await;
}

/// Commits are never removed, so it matters how many there are: that it is about to call, that its calls are to be undone, and that each is.
#[tokio::test]
async fn a_refusal_costs_its_context_no_commit_and_after_calls_two_and_one_for_each() {
    const TIMES: u64 = 5;
    let host = TestHost::with(players().await.without("context.third")).await;
    let before = commits(&host, "first").await;
    for _ in 0..TIMES {
        begin(&host, "first", json!(["refuse"]))
            .await
            .expect_problem(409);
    }
    assert_eq!(commits(&host, "first").await, before);
    for _ in 0..TIMES {
        begin(&host, "first", owed()).await.expect_problem(409);
    }
    are_undone(&host, TIMES as usize).await;
    let after_one = commits(&host, "first").await;
    assert_eq!(after_one, before + 3 * TIMES);
    let call = |number: u64| play("second", json!([{"write": number}]));
    let twice = json!([call(1), call(2), "refuse"]);
    for _ in 0..TIMES {
        begin(&host, "first", twice.clone())
            .await
            .expect_problem(409);
    }
    are_undone(&host, 3 * TIMES as usize).await;
    assert_eq!(commits(&host, "first").await, after_one + 4 * TIMES);
}

#[tokio::test]
async fn a_callee_that_is_not_ready_is_waited_for_and_found_again() {
    let probe = |key: &str| format!("context.second.readiness_probe.{key}");
    let settings = players()
        .await
        .set("context.first.limits.undo_attempts", 1_000)
        .set("context.first.limits.stuck_after", "1s")
        .set(&probe("period"), "100ms")
        .set(&probe("failure_threshold"), 1);
    let refuse = "context.second.config.undo";
    let closed = settings.clone().set("context.second.config.ready", "no");
    let mut host = TestHost::with(settings.clone().set(refuse, "refuse")).await;
    begin(&host, "first", owed()).await.expect_problem(409);
    host.rewrite(closed.clone().set(refuse, "refuse"));
    eventually("the callee is not ready", async || {
        let found = host.operators().context("second").await;
        match found["health"]["state"] == "notReady" {
            true => Ok(()),
            false => Err(found["health"].to_string()),
        }
    })
    .await;
    host.rewrite(closed);
    let undo = eventually("it is listed", async || {
        let undo = stuck(&host, "first").await;
        match undo["reason"].to_string().contains("not ready") {
            true => Ok(undo),
            false => Err(undo.to_string()),
        }
    })
    .await;
    let before = commits(&host, "first").await;
    // Whoever asks for it has it tried at once, and it stays.
    let id = undo["id"].as_str().expect("an id");
    let listed = host.command(&["dead-letters", "list", "first"]).await;
    assert!(listed.is_well && listed.out.contains(id), "{listed:?}");
    let retried = host.command(&["dead-letters", "retry", "first", id]).await;
    assert!(retried.is_well, "{retried:?}");
    let tries = undo["failures"].as_u64();
    eventually("it is tried again", async || {
        let now = stuck(&host, "first").await["failures"].as_u64();
        (now > tries).then_some(()).ok_or(format!("{now:?}"))
    })
    .await;
    assert_eq!(commits(&host, "first").await, before);
    host.rewrite(settings);
    are_undone(&host, 1).await;
    assert!(undos(&host, "first").await.is_empty());
}

#[tokio::test]
async fn a_result_that_cannot_be_read_is_for_an_operator_and_holds_up_nobody() {
    let settings = players().await.set("context.first.limits.undo_attempts", 2);
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing.set("context.first.limits.undo_attempts", 1_000)).await;
    begin(&host, "first", owed()).await.expect_problem(409);
    host.close().await;
    let replaced = journal::replace_records(&host.data(), "second", Space::Result, b"\x01?").await;
    assert_eq!(replaced, 1);
    host.reopen_with(settings).await;
    let undo = stuck(&host, "first").await;
    assert!(
        undo["reason"].to_string().contains("damaged"),
        "why it is not undone is said: {undo}"
    );
    // What comes later is undone as ever.
    begin(&host, "first", owed()).await.expect_problem(409);
    eventually("the second is undone", async || {
        match undone(&host, "second").await[..] {
            [false, true] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    let id = undo["id"].as_str().expect("an id");
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well, "{dropped:?}");
    let again = host
        .operators()
        .send(Method::DELETE, &format!("/v1/contexts/first/undos/{id}"))
        .await;
    again.expect_problem(404);
    host.operators().nothing_pending().await;
}

/// The others of its pass are undone, and so is what comes later.
#[tokio::test]
async fn a_record_that_cannot_be_read_is_for_an_operator_and_holds_up_nobody() {
    let settings = players()
        .await
        .set("context.first.limits.undo_attempts", 1_000);
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    for _ in 0..3 {
        begin(&host, "first", owed()).await.expect_problem(409);
    }
    host.close().await;
    let (data, value) = (host.data(), b"\x01?");
    let replaced = journal::replace_first_records(&data, "first", Space::Compensation, value, 1);
    assert_eq!(replaced.await, 1);
    host.reopen_with(settings).await;
    let undo = stuck(&host, "first").await;
    assert!(undo["reason"].to_string().contains("damaged"), "{undo}");
    assert!(undo["call"].is_null() && undo["callee"].is_null(), "{undo}");
    assert!(undo["caller"].is_string(), "{undo}");
    eventually("the other two are undone", async || {
        let undone = undone(&host, "second").await;
        let count = undone.iter().filter(|undone| **undone).count();
        (count == 2).then_some(()).ok_or(format!("{undone:?}"))
    })
    .await;
    begin(&host, "first", owed()).await.expect_problem(409);
    eventually("what comes later is undone", async || {
        let undone = undone(&host, "second").await;
        let count = undone.iter().filter(|undone| **undone).count();
        (count == 3).then_some(()).ok_or(format!("{undone:?}"))
    })
    .await;
    assert_eq!(counted(&host, "stuck").await, 1);
    let id = undo["id"].as_str().expect("an id");
    let listed = host.command(&["dead-letters", "list"]).await;
    let line = listed.out.lines().find(|line| line.contains(id));
    let line = line.unwrap_or_default();
    assert!(line.contains("damaged"), "{listed:?}");
    // To try it again is no harm, and no help.
    let retried = host.command(&["dead-letters", "retry", "first", id]).await;
    assert!(retried.is_well, "{retried:?}");
    assert_eq!(stuck(&host, "first").await["id"], undo["id"]);
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well, "{dropped:?}");
    assert!(undos(&host, "first").await.is_empty());
    host.operators().nothing_pending().await;
    let left = undone(&host, "second").await;
    let left = left.iter().filter(|undone| !**undone).count();
    assert_eq!(left, 1, "what it was about stays as it is");
}

#[tokio::test]
async fn operators_see_retry_and_drop_what_was_refused_too_often() {
    let settings = players().await.set("context.first.limits.undo_attempts", 1);
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    begin(&host, "first", owed()).await.expect_problem(409);
    let id = stuck(&host, "first").await["id"].clone();
    let id = id.as_str().expect("an id");
    assert_eq!(counted(&host, "stuck").await, 1);
    assert_eq!(counted(&host, "overdue").await, 0);
    let listed = host.command(&["dead-letters", "list"]).await;
    let line = listed.out.lines().find(|line| line.contains(id));
    let line = line.unwrap_or_default();
    assert!(
        line.starts_with("first") && line.contains("not now"),
        "{listed:?}"
    );
    let json = host.command(&["dead-letters", "list", "--json"]).await;
    let found: Value = serde_json::from_str(json.out.trim()).expect("one object");
    assert_eq!(
        (&found["context"], &found["id"]),
        (&json!("first"), &json!(id))
    );
    let unknown = host
        .command(&["dead-letters", "drop", "first", "undo-000000000000"])
        .await;
    assert!(
        !unknown.is_well && unknown.err.contains("no undo"),
        "{unknown:?}"
    );

    host.rewrite(settings.clone());
    eventually("it is undone when the configuration is read", async || {
        host.command(&["dead-letters", "retry", "first", id]).await;
        match undone(&host, "second").await[..] {
            [true] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    host.rewrite(settings.set("context.second.config.undo", "refuse"));
    let id = eventually("the next one is refused", async || {
        begin(&host, "first", owed()).await.expect_problem(409);
        let undos = undos(&host, "first").await;
        let mut stuck = undos.iter().filter(|undo| undo["reason"].is_string());
        stuck
            .next()
            .map(|undo| undo["id"].clone())
            .ok_or("none is".to_owned())
    })
    .await;
    let id = id.as_str().expect("an id");
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well && dropped.out.contains(id), "{dropped:?}");
    let listed = host.command(&["dead-letters"]).await;
    assert!(!listed.out.contains(id), "{listed:?}");
    assert!(
        undone(&host, "second").await.contains(&false),
        "it stays as it is"
    );
}
