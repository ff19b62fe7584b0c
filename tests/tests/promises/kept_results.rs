//! What a call has answered is kept for as long as somebody may need it, whatever the retention says.

use http::Method;
use innkeeper_tests::{TestHost, eventually, send};
use serde_json::json;

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
