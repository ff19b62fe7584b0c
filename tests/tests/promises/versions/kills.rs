//! Power cuts while a version is on its way: what serves afterwards is what is documented.

use std::time::Duration;

use innkeeper_tests::artifacts::{digest, edited};
use innkeeper_tests::{Inn, Settings, eventually};
use tokio::time::timeout;

/// An inn, and a version of room that it does not know.
async fn inn(name: &str) -> (Inn, Vec<u8>, String, String) {
    // More often than anybody would.
    let settings = Settings::of_the_app()
        .await
        .set("admin.upload_limit.requests_per_second", 1_000)
        .set("admin.upload_limit.burst", 1_000);
    let inn = Inn::with(settings).await;
    let edition = edited("room", name).await;
    let new = digest(&edition);
    let old = inn.operators().serving("room").await;
    inn.stay().room("there before").await;
    (inn, edition, new, old)
}

async fn serves(inn: &Inn, digest: &str) {
    assert_eq!(inn.operators().serving("room").await, digest);
    inn.stay().room("there afterwards").await;
    inn.at_rest().await;
}

#[tokio::test]
async fn while_it_is_uploaded_compiled_or_checked_the_old_one_goes_on() {
    // At some moments of its way through the gates.
    for moment in [1, 5, 20, 60, 150] {
        let (mut inn, edition, new, old) = inn(&format!("at {moment}")).await;
        let operators = inn.operators().clone();
        let upload = operators.deploy("room", edition.clone(), "ramp=50,100&step=60s");
        let _ = timeout(Duration::from_millis(moment), upload).await;
        inn.kill_9();
        inn.reopen().await;
        serves(&inn, &old).await;
        let state = inn.operators().state_of("room", &new).await;
        assert!(
            matches!(state.as_str(), "unknown" | "uploaded"),
            "{state} after {moment} ms"
        );
        // It can be brought again.
        inn.operators()
            .deploy("room", edition, "")
            .await
            .expect(201);
        serves(&inn, &new).await;
    }
}

#[tokio::test]
async fn while_it_is_ramped_up_the_old_one_goes_on() {
    let (mut inn, edition, new, old) = inn("ramping").await;
    inn.operators()
        .deploy("room", edition, "ramp=50,100&step=60s")
        .await
        .expect(202);
    assert_eq!(inn.operators().state_of("room", &new).await, "ramping");
    inn.kill_9();
    inn.reopen().await;
    serves(&inn, &old).await;
    assert_eq!(inn.operators().state_of("room", &new).await, "uploaded");
}

#[tokio::test]
async fn after_the_swap_the_new_one_goes_on() {
    let (mut inn, edition, new, old) = inn("swapped").await;
    inn.operators()
        .deploy("room", edition, "")
        .await
        .expect(201);
    // As soon as it is said, drained or not.
    inn.kill_9();
    inn.reopen().await;
    serves(&inn, &new).await;
    assert_eq!(inn.operators().state_of("room", &old).await, "drained");
    inn.operators().rollback("room").await.expect(200);
    serves(&inn, &old).await;
}

#[tokio::test]
async fn at_any_moment_of_many_swaps_one_of_both_serves() {
    let (mut inn, _, _, old) = inn("x").await;
    let editions = [edited("room", "this").await, edited("room", "that").await];
    let known = [digest(&editions[0]), digest(&editions[1]), old];
    for moment in [30, 70, 110, 170, 230] {
        let operators = inn.operators().clone();
        let swapping = async {
            loop {
                for edition in &editions {
                    operators.deploy("room", edition.clone(), "").await;
                }
            }
        };
        // The moment itself is what is random here.
        let _ = timeout(Duration::from_millis(moment), swapping).await;
        inn.kill_9();
        inn.reopen().await;
        let serving = inn.operators().serving("room").await;
        assert!(known.contains(&serving), "{serving}");
        let current = eventually("one is current", async || {
            let versions = inn.operators().versions("room").await;
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
        serves(&inn, &serving).await;
    }
}
