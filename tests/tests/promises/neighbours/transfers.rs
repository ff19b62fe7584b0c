//! What a guest hands to the host at once: the host takes no more of it than the limits could let pass.

use innkeeper_tests::{TestHost, eventually};

use super::{does, neighbour_works, settings};

#[tokio::test]
async fn what_is_handed_over_at_once_is_bounded_before_any_other_limit_looks_at_it() {
    let settings = settings()
        .await
        .set("context.hostile.limits.memory", "512MiB")
        .set("context.hostile.limits.log.line", 1_000);
    let host = TestHost::with(settings).await;
    // As a name, a value, a line of the log, and an answer. Guests keep what they hand over in memory of their own, which is another limit.
    for trick in [
        "names/60000000",
        "bytes/0/60000000",
        "groups/60000000",
        "lines/1/60000000",
    ] {
        let before = host.output().lines_with("to the host at once").len();
        does(&host, trick).await.expect_problem(500);
        eventually(trick, async || {
            let lines = host.output().lines_with("to the host at once").len();
            (lines > before)
                .then_some(())
                .ok_or("the log does not say why")
        })
        .await;
    }
    let answer = host.gateway().get("/hostile/answers/60000000").await;
    answer.expect_problem(500);
    // What the limits let pass is handed over as ever, and what they do not is said by their names.
    does(&host, "bytes/0/3000000").await.expect(204);
    does(&host, "groups/1000000").await.expect(204);
    does(&host, "bytes/0/6000000").await.expect_problem(500);
    eventually("the limit is named", async || {
        let lines = host.output().lines_with("limits.staged)");
        (!lines.is_empty()).then_some(()).ok_or("not yet")
    })
    .await;
    neighbour_works(&host).await;
}
