//! A request that a stop has interrupted, and that does not end: operators see it, and can give it up; what it called is undone then.

use http::Method;
use innkeeper::journal::Space;
use innkeeper_tests::{
    Opening, Reply, Settings, TestHost, artifacts, eventually, journal, try_send,
};
use serde_json::{Value, json};

use crate::undoing::{begin, play, players, stuck, undone, undos};

const INTERRUPTED: &str = "/v1/contexts/first/interrupted";

pub async fn alone(player: &str) -> Vec<u8> {
    let file = &artifacts::components().await[&format!("player-{player}-alone")];
    std::fs::read(file).expect("it was built")
}

async fn settings() -> Settings {
    players()
        .await
        .without("context.third")
        .set("context.first.limits.deadline", "10m")
        .set("context.first.limits.stuck_after", "1s")
        .set("context.first.rollout.drain", "10m")
}

/// A host that was killed while a request had called the second player, and hung; not open again.
pub async fn killed() -> TestHost {
    killed_after(Opening::new(settings().await)).await
}

async fn killed_after(opening: Opening) -> TestHost {
    let mut host = opening.open().await;
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

pub async fn is_listed(host: &TestHost) -> Value {
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
    let refused = refused_without_undo(&host).await;
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
    let undo = stuck(&host, "first").await;
    assert!(undo["reason"].to_string().contains("damaged"), "{undo}");
    ended(&host).await;
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

/// Has nobody import any more what would undo the call; what can no longer be undone then is refused.
async fn refused_without_undo(host: &TestHost) -> Reply {
    host.operators()
        .deploy("first", alone("first").await, "")
        .await
        .expect(201);
    let refused = host
        .operators()
        .deploy("second", alone("second").await, "")
        .await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    refused
}

async fn ended(host: &TestHost) {
    eventually("it has ended", async || {
        let found = host.operators().context("first").await;
        match found["intentsPending"] == 0 {
            true => Ok(()),
            false => Err(found["intentsPending"].to_string()),
        }
    })
    .await;
}

/// Nobody can find what it called there before that context is back.
#[tokio::test]
async fn what_was_called_at_a_context_that_left_the_app_is_owed_and_undone_when_it_is_back() {
    let mut host = killed().await;
    let whole = host.settings();
    host.reopen_with(whole.clone().without("context.second"))
        .await;
    let undo = stuck(&host, "first").await;
    assert!(
        undo["reason"]
            .to_string()
            .contains("no longer part of the app"),
        "{undo}"
    );
    assert_eq!(undo["callee"], "second", "{undo}");
    assert!(undo["call"].is_null(), "nobody knows which: {undo}");
    ended(&host).await;
    let list = host.command(&["dead-letters", "list"]).await;
    assert!(list.out.contains("whatever"), "{list:?}");
    // It is kept over stops, and by whoever serves.
    host.kill_9();
    host.reopen().await;
    assert_eq!(stuck(&host, "first").await["id"], undo["id"]);
    host.close().await;
    let refusing = whole.clone().set("context.second.config.undo", "refuse");
    host.reopen_with(refusing).await;
    eventually("the call is found", async || {
        let undos = undos(&host, "first").await;
        let is_found = undos.iter().all(|undo| undo["call"].is_string());
        match undos.len() == 1 && is_found {
            true => Ok(()),
            false => Err(format!("{undos:?}")),
        }
    })
    .await;
    // Nobody imports what would undo it any more, but it is owed.
    refused_without_undo(&host).await;
    host.rewrite(whole);
    host.operators().nothing_pending().await;
    assert_eq!(undone(&host, "second").await, [true]);
}

/// The host starts, and whoever else was interrupted is taken up.
#[tokio::test]
async fn an_intent_that_cannot_be_read_is_for_an_operator_and_the_host_starts() {
    let mut host = killed().await;
    let replaced = journal::replace_records(&host.data(), "first", Space::Intent, b"\x01?").await;
    assert_eq!(replaced, 1);
    host.reopen().await;
    let request = is_listed(&host).await;
    assert!(
        request["reason"].to_string().contains("damaged"),
        "{request}"
    );
    assert!(request["began"].is_null(), "{request}");
    let id = request["id"].as_str().expect("an id");
    let list = host.command(&["dead-letters", "list"]).await;
    assert!(list.out.contains(id), "{list:?}");
    let program = json!([play("second", json!([{"write": 1}])), {"write": 1}]);
    begin(&host, "first", program).await.expect(200);
    // It keeps nobody from changing what can be changed.
    host.operators()
        .deploy("first", alone("first").await, "")
        .await
        .expect(201);
    host.operators()
        .deploy("second", alone("second").await, "")
        .await
        .expect(201);
    let retried = host.command(&["dead-letters", "retry", "first", id]).await;
    assert!(retried.is_well, "{retried:?}");
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well, "{dropped:?}");
    assert!(listed(&host).await.is_empty());
    let said = host.output().lines_with("cannot be found, and stays");
    assert_eq!(said.len(), 1, "{said:?}");
    host.operators().nothing_pending().await;
    ended(&host).await;
    assert_eq!(undone(&host, "second").await, [false, false]);
    host.kill_9();
    host.reopen().await;
    assert!(listed(&host).await.is_empty());
}

/// A disk that takes no more is no reason to forget what was called.
#[tokio::test]
async fn one_that_cannot_be_dropped_for_now_stays_and_owes_what_it_called() {
    let settings = settings().await.with("archive", "archive").await;
    // No file grows beyond so many blocks; without the signal the write fails as on a full disk.
    let opening = Opening::new(settings).under("trap '' XFSZ; ulimit -f 40000");
    let mut host = killed_after(opening).await;
    host.reopen().await;
    let request = is_listed(&host).await;
    let id = request["id"].as_str().expect("an id");
    let mut tries = 0;
    while host
        .gateway()
        .post("/entries/1000", json!(null))
        .await
        .status
        == 204
    {
        tries += 1;
        assert!(tries < 1_000, "the disk is never full");
    }
    let dropped = host
        .operators()
        .send(Method::DELETE, &format!("{INTERRUPTED}/{id}"))
        .await;
    let problem = dropped.expect_problem(503);
    assert!(problem.text.contains("disk"), "{problem:?}");
    let said = host.output().lines_with("cannot be found, and stays");
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(listed(&host).await.len(), 1);
    host.kill_9();
    host.lift_limits();
    host.reopen().await;
    assert_eq!(is_listed(&host).await["id"], request["id"]);
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well, "{dropped:?}");
    host.operators().nothing_pending().await;
    assert_eq!(undone(&host, "second").await, [true]);
}
