//! A request that a stop has interrupted, and that does not end: operators see it, and can give it up; what it called is undone then.

use http::Method;
use innkeeper::journal::Space;
use innkeeper_tests::{TestHost, artifacts, eventually, journal, try_send};
use serde_json::{Value, json};

use crate::undoing::{play, players, undone};

const INTERRUPTED: &str = "/v1/contexts/first/interrupted";

async fn alone(player: &str) -> Vec<u8> {
    let file = &artifacts::components().await[&format!("player-{player}-alone")];
    std::fs::read(file).expect("it was built")
}

/// A host that was killed while a request had called the second player, and hung; not open again.
async fn killed() -> TestHost {
    let settings = players()
        .await
        .without("context.third")
        .set("context.first.limits.deadline", "10m")
        .set("context.first.limits.stuck_after", "1s")
        .set("context.first.rollout.drain", "10m");
    let mut host = TestHost::with(settings).await;
    let program = json!({"program": [play("second", json!([{"write": 1}])), "hang"]});
    let request = host.gateway().request(Method::POST, "/first");
    let hanging = tokio::spawn(try_send(request.json(&program)));
    eventually("it has called", async || {
        match undone(&host, "second").await[..] {
            [false] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    host.kill_9();
    let answered = hanging.await.expect("it does not panic");
    assert!(answered.is_err(), "it was not answered");
    host
}

async fn listed(host: &TestHost) -> Vec<Value> {
    let found = host.operators().get(INTERRUPTED).await;
    found["interrupted"].as_array().expect("a list").clone()
}

async fn is_listed(host: &TestHost) -> Value {
    eventually("it is listed", async || {
        let mut listed = listed(host).await;
        listed.pop().ok_or("it is not")
    })
    .await
}

#[tokio::test]
async fn what_does_not_end_is_listed_and_what_it_called_is_undone_when_it_is_dropped() {
    let mut host = killed().await;
    host.reopen().await;
    let request = is_listed(&host).await;
    assert_eq!(request["what"], "POST /first", "{request}");
    let id = request["id"].as_str().expect("an id");
    let list = host.command(&["dead-letters", "list"]).await;
    assert!(
        list.out.contains(id) && list.out.contains("was interrupted"),
        "{list:?}"
    );
    // Nobody imports what would undo its call any more, but the call may still have to be undone.
    host.operators()
        .deploy("first", alone("first").await, "")
        .await
        .expect(201);
    let refused = host
        .operators()
        .deploy("second", alone("second").await, "")
        .await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    assert!(
        refused.text.contains("test:player/second@0.1.0#unplay"),
        "{}",
        refused.text
    );
    let retried = host.command(&["dead-letters", "retry", "first", id]).await;
    assert!(retried.is_well, "{retried:?}");
    let unknown = host
        .command(&["dead-letters", "drop", "first", "request-000000000000"])
        .await;
    assert!(
        !unknown.is_well && unknown.err.contains("no interrupted request"),
        "{unknown:?}"
    );
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well && dropped.out.contains(id), "{dropped:?}");
    eventually("its call is undone", async || {
        match undone(&host, "second").await[..] {
            [true] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    host.operators().nothing_pending().await;
    assert!(listed(&host).await.is_empty());
    host.operators()
        .send(Method::DELETE, &format!("{INTERRUPTED}/{id}"))
        .await
        .expect_problem(404);
    host.operators()
        .deploy("second", alone("second").await, "")
        .await
        .expect(201);
}

/// Whatever can be found of what it called is undone, and the rest is told to operators.
#[tokio::test]
async fn one_whose_calls_cannot_be_read_ends_and_holds_up_no_deployment() {
    let mut host = killed().await;
    let replaced = journal::replace_records(&host.data(), "second", Space::Result, b"\x01?").await;
    assert_eq!(replaced, 1);
    let settings = host
        .settings()
        .set("context.first.limits.undo_attempts", 1)
        .set("context.first.limits.deadline", "1s");
    host.reopen_with(settings).await;
    let undo = crate::undoing::stuck(&host, "first").await;
    assert!(undo["reason"].to_string().contains("damaged"), "{undo}");
    eventually("it has ended", async || {
        let found = host.operators().context("first").await;
        match found["intentsPending"] == 0 {
            true => Ok(()),
            false => Err(found["intentsPending"].to_string()),
        }
    })
    .await;
    host.operators()
        .deploy("first", alone("first").await, "")
        .await
        .expect(201);
    host.operators()
        .deploy("second", alone("second").await, "")
        .await
        .expect(201);
    let id = undo["id"].as_str().expect("an id");
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well, "{dropped:?}");
    host.operators().nothing_pending().await;
}
