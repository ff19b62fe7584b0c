//! What one invocation may put into its commit.

use innkeeper_tests::{TestHost, eventually};

use super::{does, neighbour_works, settings, used};

const CENTURIES: &str = "18446744073709551615";

#[tokio::test]
async fn one_commit_takes_so_much_and_no_more() {
    let host = TestHost::with(settings().await).await;
    let keeps = async || {
        let mut keeps = Vec::new();
        for resource in ["keys", "timers", "sequences", "commits"] {
            keeps.push(used(&host, "hostile", resource).await);
        }
        keeps
    };
    let before = keeps().await;
    // Bytes are few in all of them.
    for (trick, said) in [
        ("timers/1001/3600000", "limits.commit.timers"),
        ("timers/40000/3600000", "limits.commit.timers"),
        ("events/1001", "limits.commit.events"),
        ("keys/0/5001", "limits.commit.keys"),
        ("lost-numbers/100001", "limits.commit.numbers"),
        ("names/129", "129 bytes"),
        ("names/0", "0 bytes"),
    ] {
        let reply = does(&host, trick).await;
        reply.expect_problem(500);
        eventually(trick, async || {
            let lines = host.output().lines_with(said);
            (!lines.is_empty())
                .then_some(())
                .ok_or("the log does not say why")
        })
        .await;
    }
    assert_eq!(keeps().await, before);
    for trick in [
        "timers/1000/3600000",
        "events/1000",
        "keys/0/5000",
        "names/128",
    ] {
        does(&host, trick).await.expect(204);
    }
    assert_eq!(used(&host, "hostile", "timers").await, 1_000);
    assert_eq!(used(&host, "hostile", "keys").await, 5_000);
    neighbour_works(&host).await;
}

#[tokio::test]
async fn a_timer_is_not_set_farther_ahead_than_it_may_be() {
    let settings = settings()
        .await
        .set("context.hostile.limits.commit.timer_delay", "1h");
    let host = TestHost::with(settings).await;
    does(&host, "timers/1/3600000").await.expect(204);
    for delay in ["3600001", CENTURIES] {
        let trick = format!("timers/1/{delay}");
        does(&host, &trick).await.expect_problem(500);
    }
    eventually("the log says why", async || {
        let lines = host.output().lines_with("limits.commit.timer_delay");
        (lines.len() >= 2).then_some(()).ok_or("not yet")
    })
    .await;
    assert_eq!(used(&host, "hostile", "timers").await, 1);
}

#[tokio::test]
async fn timers_that_nobody_has_set_are_reads_like_others() {
    let settings = settings()
        .await
        .set("context.hostile.limits.read.keys", 1_000);
    let host = TestHost::with(settings).await;
    does(&host, "cancellations/1000").await.expect(204);
    does(&host, "cancellations/1001").await.expect_problem(500);
}
