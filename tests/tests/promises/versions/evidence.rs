//! Rollouts decide on evidence: what is too little is not taken for well, and operators can decide themselves.

use std::time::Duration;

use http::Method;
use innkeeper_tests::artifacts::{components, digest, edited};
use innkeeper_tests::{Opening, Settings, TestHost, Traffic, eventually, in_a_mood, request, send};
use serde_json::{Value, json};

const ROLLOUT: &str = "/v1/contexts/room/rollout";

/// A version of room that answers each request with 500.
async fn failing() -> Vec<u8> {
    let moody = std::fs::read(&components().await["room-moody"]).expect("it was built");
    in_a_mood(moody, "smuggles")
}

async fn settings() -> Settings {
    Settings::of_the_app()
        .await
        .set("context.room.rollout.max_latency", 0)
}

/// Changes rooms until so many answers were 500.
async fn fail(host: &TestHost, rooms: &[u64], failures: usize) {
    let mut seen = 0;
    for room in rooms.iter().cycle().take(failures * 10) {
        let path = format!("/rooms/{room}");
        let request = host.gateway().request(Method::PATCH, &path);
        let reply = send(request.json(&json!({"desc": "changed"}))).await;
        seen += usize::from(reply.status == 500);
        if seen == failures {
            return;
        }
    }
    panic!("{seen} of {failures} requests failed");
}

async fn held(host: &TestHost) -> Value {
    eventually("it is held", async || {
        let rollout = host.operators().get(ROLLOUT).await;
        match rollout["held"].is_string() {
            true => Ok(rollout),
            false => Err(rollout.to_string()),
        }
    })
    .await
}

/// Why a version is in the state that it is in, step by step.
async fn reasons(host: &TestHost, digest: &str) -> String {
    let versions = host.operators().versions("room").await;
    let version = versions.iter().find(|version| version["digest"] == digest);
    version.expect("it is known")["history"].to_string()
}

#[tokio::test]
async fn failures_that_are_too_few_to_be_sure_hold_the_ramp_and_then_end_it() {
    for on_too_little in ["hold", "promote"] {
        let settings = settings()
            .await
            .set("context.room.rollout.on_too_little", on_too_little)
            .set("context.room.rollout.max_hold", "1s");
        let host = TestHost::with(settings).await;
        let before = host.operators().serving("room").await;
        let mut rooms = Vec::new();
        for number in 0..2 {
            rooms.push(host.stay().room(&format!("room {number}")).await);
        }
        let failing = failing().await;
        let new = digest(&failing);
        host.operators()
            .deploy("room", failing, "ramp=99,100&step=3s")
            .await
            .expect(202);
        fail(&host, &rooms, 3).await;
        let held = held(&host).await;
        assert!(
            held["held"]
                .as_str()
                .is_some_and(|held| held.contains("3 of its 3 invocations failed")),
            "{held}"
        );
        assert_eq!(held["evidence"]["failed"], 3, "{held}");
        assert_eq!(held["weight"], 99, "{held}");
        let ended = host.operators().rollout_ended("room").await;
        assert_eq!(ended["outcome"], "refused", "{ended}");
        assert_eq!(ended["gate"], "ramp", "{ended}");
        assert_eq!(host.operators().serving("room").await, before);
        let reasons = reasons(&host, &new).await;
        assert!(
            reasons.contains("held at 99 %") && reasons.contains("confidence that it fails"),
            "{reasons}"
        );
    }
}

#[tokio::test]
async fn too_little_is_held_and_then_ends_the_ramp_or_is_promoted_as_set() {
    for (on_too_little, outcome) in [("hold", "refused"), ("promote", "current")] {
        let settings = settings()
            .await
            .set("context.room.rollout.on_too_little", on_too_little)
            .set("context.room.rollout.max_hold", "300ms");
        let host = TestHost::with(settings).await;
        let edition = edited("room", on_too_little).await;
        host.operators()
            .deploy("room", edition, "ramp=50,100&step=200ms")
            .await
            .expect(202);
        let ended = host.operators().rollout_ended("room").await;
        assert_eq!(ended["outcome"], outcome, "{ended}");
        assert!(ended.to_string().contains("too little"), "{ended}");
    }
}

#[tokio::test]
async fn what_comes_while_it_is_held_counts() {
    let settings = settings().await.set("context.room.rollout.max_hold", "60s");
    let host = TestHost::with(settings).await;
    let edition = edited("room", "slowly").await;
    let new = digest(&edition);
    host.operators()
        .deploy("room", edition, "ramp=50,100&step=100ms")
        .await
        .expect(202);
    held(&host).await;
    for number in 0..80 {
        host.stay().room(&format!("room {number}")).await;
    }
    let ended = host.operators().rollout_ended("room").await;
    assert_eq!(ended["outcome"], "current", "{ended}");
    assert_eq!(host.operators().serving("room").await, new);
}

#[tokio::test]
async fn operators_pause_resume_promote_and_abort() {
    let mut settings = settings().await;
    for role in ["read", "deploy"] {
        // The text of each token is its role, twice.
        let hash = digest(role.repeat(2).as_bytes());
        settings = settings
            .set(&format!("admin.tokens.{role}-only.role"), role)
            .set(&format!("admin.tokens.{role}-only.sha256"), hash);
    }
    let settings = settings
        .set("context.room.rollout.on_too_little", "promote")
        .set("context.room.rollout.watch", "0s");
    let host = TestHost::with(settings).await;
    let operators = host.operators();
    let order = async |order: &str, token: &str| {
        let path = format!("{ROLLOUT}/{order}?reason=to%20see");
        let request = operators.client().request(Method::POST, &path);
        send(request.bearer_auth(token)).await
    };
    let before = operators.serving("room").await;
    let refused = order("pause", "deploydeploy").await.expect_problem(409);
    assert!(refused.text.contains("no rollout"), "{}", refused.text);

    // A paused rollout stays where it is, however short its steps are.
    let edition = edited("room", "aborted").await;
    let aborted = digest(&edition);
    let begun = operators.deploy("room", edition, "ramp=10,50,100&step=2s");
    begun.await.expect(202);
    order("pause", "readread").await.expect_problem(403);
    let paused = order("pause", "deploydeploy").await.expect(200);
    assert_eq!(paused.body["paused"], true, "{}", paused.text);
    let weight = paused.number("weight");
    order("pause", "deploydeploy").await.expect_problem(409);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(operators.get(ROLLOUT).await["weight"], weight);
    let ended = order("abort", "deploydeploy").await.expect(200);
    assert_eq!(ended.body["outcome"], "aborted", "{}", ended.text);
    assert_eq!(operators.serving("room").await, before);
    let history = eventually("it is withdrawn", async || {
        match operators.state_of("room", &aborted).await.as_str() {
            "uploaded" => Ok(reasons(&host, &aborted).await),
            other => Err(other.to_owned()),
        }
    })
    .await;
    for part in [
        "deploy-only",
        "paused at",
        "deploy-only rolled it back: to see",
    ] {
        assert!(history.contains(part), "{part}: {history}");
    }

    // One that is resumed comes to its end.
    let edition = edited("room", "resumed").await;
    let resumed = digest(&edition);
    let begun = operators.deploy("room", edition, "ramp=10,50,100&step=2s");
    begun.await.expect(202);
    order("pause", "deploydeploy").await.expect(200);
    let going = order("resume", "deploydeploy").await.expect(200);
    assert_eq!(going.body["paused"], false, "{}", going.text);
    order("resume", "deploydeploy").await.expect_problem(409);
    let ended = operators.rollout_ended("room").await;
    assert_eq!(ended["outcome"], "current", "{ended}");
    assert_eq!(operators.serving("room").await, resumed);

    // One that is promoted does not wait for its steps, also where it is paused.
    let edition = edited("room", "promoted").await;
    let promoted = digest(&edition);
    let begun = operators.deploy("room", edition, "ramp=10,50,100&step=10m");
    begun.await.expect(202);
    order("pause", "deploydeploy").await.expect(200);
    order("promote", "deploydeploy").await.expect(200);
    // Nothing holds it up any more, whether it has taken over by now or not.
    for order_too_late in ["pause", "resume", "promote"] {
        order(order_too_late, "deploydeploy")
            .await
            .expect_problem(409);
    }
    let ended = operators.rollout_ended("room").await;
    assert_eq!(ended["outcome"], "current", "{ended}");
    assert_eq!(operators.serving("room").await, promoted);
    let history = reasons(&host, &promoted).await;
    assert!(history.contains("promoted at 10 %: to see"), "{history}");
    let document = operators.get("/openapi.json").await;
    for order in ["pause", "resume", "promote", "abort"] {
        let path = format!("/v1/contexts/{{name}}/rollout/{order}");
        assert!(document["paths"][&path]["post"].is_object(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_is_told_until_its_watch_has_ended() {
    let settings = settings()
        .await
        .set("context.room.rollout.watch", "2s")
        // It would be quicker than the watch.
        .set("context.room.healing.consecutive_failures", 0);
    let host = Opening::new(settings).alone().open().await;
    host.stay().room("Beautiful House").await;
    let told = async || {
        let path = format!("{ROLLOUT}?until=watched");
        let request = host.operators().request(Method::GET, &path);
        let reply = send(request.header("accept", "text/event-stream")).await;
        let text = reply.expect(200).text;
        let last = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .next_back();
        serde_json::from_str::<Value>(last.expect("something is told")).expect("JSON")
    };
    let sound = edited("room", "sound").await;
    host.operators().deploy("room", sound, "").await.expect(201);
    let last = told().await;
    assert_eq!(last["watch"]["state"], "well", "{last}");
    let change = |_| request("PATCH", "/rooms/1", r#"{"desc": "changed"}"#);
    let traffic = Traffic::start(host.gateway().base(), 4, change);
    let before = host.operators().serving("room").await;
    host.operators()
        .deploy("room", failing().await, "")
        .await
        .expect(201);
    let last = told().await;
    traffic.stop().await;
    assert_eq!(last["outcome"], "current", "{last}");
    assert_eq!(last["watch"]["state"], "taken-back", "{last}");
    assert!(
        last["watch"]["reason"]
            .to_string()
            .contains("confidence that it fails"),
        "{last}"
    );
    assert_eq!(host.operators().serving("room").await, before);
}
