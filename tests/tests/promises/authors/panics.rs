//! A panic is logged alike wherever it comes: with its text, what has panicked, and the correlation id.

use http::Method;
use innkeeper_tests::{Settings, TestHost, artifacts, eventually, send};
use serde_json::json;

/// Waits until a line of the log has all of these.
async fn logged(host: &TestHost, parts: &[&str]) {
    eventually("the panic is logged", async || {
        let lines = host.output().lines_with(parts[0]);
        let has_all = |line: &String| parts.iter().all(|part| line.contains(part));
        match lines.iter().any(has_all) {
            true => Ok(()),
            false => Err(format!("no line has {parts:?}: {lines:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_logged_with_what_has_panicked_wherever_it_comes() {
    let settings = Settings::of_the_app()
        .await
        .with("payment", "insolvent")
        .await
        .with("clumsy", "clumsy")
        .await
        .set("context.clumsy.follow.attempts", 1)
        .set("context.clumsy.startup_probe.period", "10ms");
    let mut host = TestHost::with(settings).await;
    for (over, what) in [
        ("a chair", "the route POST /stumbles/{over}"),
        ("a policy", "the policy for Stumbled"),
        ("a timer", "the policy for StumbleDue"),
    ] {
        let path = format!("/stumbles/{}", over.replace(' ', "%20"));
        let id = format!("over-{}", over.replace(' ', "-"));
        let stumbling = host.gateway().request(Method::POST, &path);
        send(stumbling.header("x-correlation-id", &id)).await;
        logged(&host, &[&format!("stumbled over {over}"), what, &id]).await;
    }
    let room = host.stay().room("not paid for").await;
    let booking = host.gateway().request(Method::POST, "/reservations");
    let booking = booking.header("x-correlation-id", "over-a-function");
    send(booking.json(&json!({"roomId": room})))
        .await
        .expect_problem(503);
    let function = "the function stay:payment/payments@0.1.0#approve";
    logged(&host, &["bankrupt", function, "over-a-function"]).await;

    // A version that panics when it is asked whether it is ready is refused, and says why.
    host.rewrite(host.settings().set("context.clumsy.config.shy", true));
    // One that comes before the host has read that is well, and serves.
    let mut tried = 0;
    eventually("it is refused", async || {
        tried += 1;
        let edition = artifacts::edited("clumsy", &format!("shy {tried}")).await;
        let reply = host.operators().deploy("clumsy", edition, "").await;
        let is_refused = reply.status == 422 && reply.text.contains("ready");
        is_refused.then_some(()).ok_or(reply.text)
    })
    .await;
    logged(
        &host,
        &["stumbled over readiness", "the check ready", "correlation"],
    )
    .await;
}

#[tokio::test]
async fn a_mistyped_key_of_the_configuration_is_told_at_the_start() {
    let settings = Settings::empty()
        .with("members", "members")
        .await
        .with("bell", "bell")
        .await
        .set("context.members.startup_probe.period", "10ms")
        .set("context.members.startup_probe.failure_threshold", 2);
    let mut host = TestHost::with(settings.clone()).await;
    host.kill_9();
    host.rewrite(settings.clone().set("context.members.config.limt", 4));
    host.try_reopen(&[]).await.expect("it starts");
    let wrong = "unknown field `limt`, expected `limit`";
    logged(&host, &[wrong, "members"]).await;
    let told = eventually("it is shown", async || {
        let said = host.command(&["status", "members"]).await;
        let notice = said.out.lines().find(|line| line.starts_with("notice"));
        notice.map(str::to_owned).ok_or(said.out)
    })
    .await;
    assert!(told.contains(wrong), "{told}");
    // Others are not kept from serving, and what is mended serves.
    host.gateway().get("/silence").await.expect(204);
    host.kill_9();
    host.rewrite(settings.set("context.members.config.limit", 4));
    host.reopen().await;
    let ada = host.gateway().post("/members", json!({"name": "Ada"}));
    ada.await.expect(201);
}

/// Whoever changes it hears of it, and not whoever needs it first.
#[tokio::test]
async fn a_mistyped_key_is_told_when_the_configuration_changes_while_it_serves() {
    let settings = Settings::empty().with("members", "members").await;
    let mut host = TestHost::with(settings.clone()).await;
    host.rewrite(settings.set("context.members.config.limt", 4));
    let wrong = "unknown field `limt`, expected `limit`";
    logged(&host, &[wrong, "members", "its configuration has changed"]).await;
}
