//! What one invocation may put into its commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use innkeeper_tests::{TestHost, command, eventually, seed, try_send};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use tokio::task::JoinSet;

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

/// Large commits of two clients, and small ones of a neighbour, until the power is cut: each of the large ones is there as a whole or not at all, and what was answered is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_leaves_large_commits_whole() {
    const CUTS: usize = 6;
    const CLIENTS: u64 = 2;
    const KEYS: u64 = 5_000;
    let mut dice = StdRng::seed_from_u64(seed());
    let mut host = TestHost::with(settings().await).await;
    let (begun, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for _ in 0..CUTS {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = host.gateway().clone();
            let (begun, answered) = (begun.clone(), answered.clone());
            clients.spawn(async move {
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    let path = format!("/hostile/keys/{}/{KEYS}", number * KEYS);
                    match try_send(client.request(Method::POST, &path)).await {
                        Ok(reply) => reply.expect(204),
                        Err(_) => return,
                    };
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let client = host.gateway().clone();
        clients.spawn(async move {
            let entries = client.request(Method::POST, "/totals");
            while let Ok(reply) = try_send(entries.try_clone().expect("no body")).await {
                assert!(reply.status < 300, "{reply:?}");
            }
        });
        // The moment itself is what is random here: there is nothing to wait for.
        tokio::time::sleep(Duration::from_millis(dice.random_range(100..1_500))).await;
        host.kill_9();
        while let Some(ended) = clients.join_next().await {
            ended.expect("all that was answered was answered well");
        }
        host.reopen().await;
        let keys = used(&host, "hostile", "keys").await;
        let least = KEYS * answered.load(Ordering::Relaxed);
        let most = KEYS * begun.load(Ordering::Relaxed);
        assert!(
            keys.is_multiple_of(KEYS) && (least..=most).contains(&keys),
            "{keys} keys, of {least} to {most}"
        );
    }
    assert!(answered.load(Ordering::Relaxed) > 0);
    neighbour_works(&host).await;
    host.close().await;
    let data = host.data();
    let data = data.to_str().expect("a path in UTF-8");
    let verified = command(&["journal", "verify", "--data", data]).await;
    assert!(verified.is_well, "{verified:?}");
}
