//! What a call has answered is kept for as long as somebody may need it, whatever the retention says.

use http::Method;
use innkeeper_tests::{TestHost, eventually, send};
use serde_json::json;

use crate::interrupted::{alone, is_listed, killed};
use crate::undoing::{begin, play, players, undone};

#[tokio::test]
async fn what_is_owed_an_undo_is_kept_beyond_the_retention() {
    let mut settings = players()
        .await
        .set("journal.result_retention", "4s")
        .set("context.first.limits.undo_attempts", 1_000);
    for player in ["first", "second", "third"] {
        settings = settings
            .set(&format!("context.{player}.limits.deadline"), "4s")
            .set(&format!("context.{player}.follow.attempts"), 1);
    }
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    let program = json!([play("second", json!([{"write": 1}])), "refuse"]);
    begin(&host, "first", program).await.expect_problem(409);
    // What is stored later in the same context, and nobody needs, is forgotten meanwhile.
    an_old_answer_is_forgotten(&host).await;
    host.rewrite(settings);
    eventually("it is undone all the same", async || {
        match undone(&host, "second").await[..] {
            [true, ..] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    host.operators().nothing_pending().await;
}

/// Waits until the second player knows no longer what it has answered under an `Idempotency-Key`.
async fn an_old_answer_is_forgotten(host: &TestHost) {
    let repeat = async || {
        let request = host.gateway().request(Method::POST, "/second");
        let request = request.header("idempotency-key", "a");
        let reply = send(request.json(&json!({"program": [{"write": 2}]}))).await;
        let reply = reply.expect(200);
        reply.headers.contains_key("idempotent-replayed")
    };
    assert!(!repeat().await);
    eventually("an old answer is forgotten", async || {
        (!repeat().await).then_some(()).ok_or("it is still known")
    })
    .await;
}

#[tokio::test]
async fn what_a_context_that_left_the_app_called_is_kept_until_it_is_back() {
    let mut host = killed().await;
    let whole = host.settings();
    let without = whole.clone().without("context.first");
    host.reopen_with(
        without
            .set("journal.result_retention", "4s")
            .set("context.second.limits.deadline", "4s")
            .set("context.second.follow.attempts", 1),
    )
    .await;
    an_old_answer_is_forgotten(&host).await;
    // Nobody in the app imports what would undo its call, but the call may still have to be undone.
    let refused = host
        .operators()
        .deploy("second", alone("second").await, "")
        .await;
    assert!(
        refused.status == 422 && refused.text.contains("test:player/second@0.1.0#unplay"),
        "{}",
        refused.text
    );
    let runs = undone(&host, "second").await.len();
    host.close().await;
    host.reopen_with(whole).await;
    let request = is_listed(&host).await;
    let id = request["id"].as_str().expect("an id");
    let dropped = host.command(&["dead-letters", "drop", "first", id]).await;
    assert!(dropped.is_well, "{dropped:?}");
    host.operators().nothing_pending().await;
    // It was not called once more, and what it had done is undone.
    let undone = undone(&host, "second").await;
    assert_eq!(undone.len(), runs, "{undone:?}");
    let count = undone.iter().filter(|&&is_undone| is_undone).count();
    assert_eq!(count, 1, "{undone:?}");
}
