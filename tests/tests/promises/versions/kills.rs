//! Power cuts while a version is on its way: what serves afterwards is what is documented.

use std::time::Duration;

use futures::future::join_all;
use http::Method;
use innkeeper_tests::artifacts::{components, digest, edited};
use innkeeper_tests::{Settings, TestHost, eventually, send};
use serde_json::json;
use tokio::time::timeout;

/// A host, and a version of room that it does not know.
async fn host(name: &str) -> (TestHost, Vec<u8>, String, String) {
    // More often than anybody would.
    let settings = Settings::of_the_app()
        .await
        .set("admin.upload_limit.requests_per_second", 1_000)
        .set("admin.upload_limit.burst", 1_000);
    let host = TestHost::with(settings).await;
    let edition = edited("room", name).await;
    let new = digest(&edition);
    let old = host.operators().serving("room").await;
    host.stay().room("there before").await;
    (host, edition, new, old)
}

async fn serves(host: &TestHost, digest: &str) {
    assert_eq!(host.operators().serving("room").await, digest);
    host.stay().room("there afterwards").await;
    host.at_rest().await;
}

#[tokio::test]
async fn while_it_is_uploaded_compiled_or_checked_the_old_one_goes_on() {
    // At some moments of its way through the gates.
    for moment in [1, 5, 20, 60, 150] {
        // One that was never seen, so that it is compiled, too.
        let name = format!("at {moment}: {}", rand::random::<u32>());
        let (mut host, edition, new, old) = host(&name).await;
        let operators = host.operators().clone();
        let upload = operators.deploy("room", edition.clone(), "ramp=50,100&step=60s");
        let _ = timeout(Duration::from_millis(moment), upload).await;
        host.kill_9();
        host.reopen().await;
        serves(&host, &old).await;
        let state = host.operators().state_of("room", &new).await;
        assert!(
            matches!(state.as_str(), "unknown" | "uploaded"),
            "{state} after {moment} ms"
        );
        // It can be brought again.
        host.operators()
            .deploy("room", edition, "")
            .await
            .expect(201);
        serves(&host, &new).await;
    }
}

#[tokio::test]
async fn while_it_is_ramped_up_the_old_one_goes_on() {
    let (mut host, edition, new, old) = host("ramping").await;
    host.operators()
        .deploy("room", edition, "ramp=50,100&step=60s")
        .await
        .expect(202);
    innkeeper_tests::eventually("it is ramped up", async || {
        match host.operators().state_of("room", &new).await {
            state if state == "ramping" => Ok(()),
            state => Err(state),
        }
    })
    .await;
    host.kill_9();
    host.reopen().await;
    serves(&host, &old).await;
    assert_eq!(host.operators().state_of("room", &new).await, "uploaded");
}

#[tokio::test]
async fn after_the_swap_the_new_one_goes_on() {
    let (mut host, edition, new, old) = host("swapped").await;
    host.operators()
        .deploy("room", edition, "")
        .await
        .expect(201);
    // As soon as it is said, drained or not.
    host.kill_9();
    host.reopen().await;
    serves(&host, &new).await;
    assert_eq!(host.operators().state_of("room", &old).await, "drained");
    host.operators().rollback("room").await.expect(200);
    serves(&host, &old).await;
}

#[tokio::test]
async fn what_was_rolled_back_before_a_stop_is_not_told_as_interrupted() {
    let (mut host, edition, new, old) = host("rolled back").await;
    host.operators()
        .deploy("room", edition, "")
        .await
        .expect(201);
    host.operators().rollback("room").await.expect(200);
    host.kill_9();
    host.reopen().await;
    serves(&host, &old).await;
    assert_eq!(host.operators().state_of("room", &new).await, "drained");
    let versions = host.operators().versions("room").await;
    let history = serde_json::to_string(&versions).expect("JSON");
    assert!(!history.contains("interrupted"), "{history}");
}

#[tokio::test]
async fn at_any_moment_of_many_swaps_one_of_both_serves() {
    let (mut host, _, _, old) = host("x").await;
    let editions = [edited("room", "this").await, edited("room", "that").await];
    let known = [digest(&editions[0]), digest(&editions[1]), old];
    for moment in [30, 70, 110, 170, 230] {
        let operators = host.operators().clone();
        let swapping = async {
            loop {
                for edition in &editions {
                    operators.deploy("room", edition.clone(), "").await;
                }
            }
        };
        // The moment itself is what is random here.
        let _ = timeout(Duration::from_millis(moment), swapping).await;
        host.kill_9();
        host.reopen().await;
        let serving = host.operators().serving("room").await;
        assert!(known.contains(&serving), "{serving}");
        let current = eventually("one is current", async || {
            let versions = host.operators().versions("room").await;
            let current: Vec<_> = versions
                .into_iter()
                .filter(|version| version["state"] == "current")
                .collect();
            match current.len() {
                1 => Ok(current[0]["digest"].as_str().unwrap().to_owned()),
                count => Err(format!("{count} are current")),
            }
        })
        .await;
        assert_eq!(current, serving);
        serves(&host, &serving).await;
    }
}

#[tokio::test]
async fn while_the_state_is_migrated_the_old_one_goes_on() {
    let component =
        async |name: &str| std::fs::read(&components().await[name]).expect("it was built");
    let settings = Settings::empty().with("ledgerbook", "ledgerbook-one").await;
    let settings = settings.set("journal.durability", "relaxed");
    let mut host = TestHost::with(settings).await;
    let client = host.gateway().clone();
    for _ in 0..100 {
        let entries = (0..40).map(|_| client.post("/entries", json!({"text": "one two"})));
        for reply in join_all(entries).await {
            reply.expect(201);
        }
    }
    let two = component("ledgerbook-two").await;
    let operators = host.operators().clone();
    let migrating = tokio::spawn({
        let two = two.clone();
        async move { operators.try_deploy("ledgerbook", two, "").await }
    });
    eventually("it migrates", async || {
        let request = host
            .operators()
            .request(Method::GET, "/v1/contexts/ledgerbook/rollout");
        let reply = send(request).await;
        match reply.body["stage"] == "migrating" {
            true => Ok(()),
            false => Err(reply.text),
        }
    })
    .await;
    host.kill_9();
    assert!(migrating.await.unwrap().is_err(), "it was cut short");
    host.reopen().await;
    let client = host.gateway();
    let entry = client.get("/entries/1").await.expect(200);
    assert_eq!(entry.body["edition"], "one", "{}", entry.text);
    assert_eq!(client.get("/entries").await.number("total"), 4_000);
    // It begins again from the start, and ends.
    host.operators()
        .deploy("ledgerbook", two, "")
        .await
        .expect(201);
    assert_eq!(client.get("/entries").await.number("total"), 4_000);
    let entry = client.get("/entries/4000").await.expect(200);
    assert_eq!(entry.number("words"), 2, "{}", entry.text);
}
