//! What a context may keep, over all its invocations.

use http::Method;
use innkeeper_tests::{Inn, Reply, eventually, send};

use super::{does, metric, neighbour_works, quota, settings, used};

/// That it was refused for the context's quota.
fn refused(reply: &Reply) {
    let reply = reply.clone().expect_problem(507);
    assert_eq!(reply.body["type"], "urn:innkeeper:problem:quota-exceeded");
}

async fn removes(inn: &Inn, from: u64, count: u64) -> Reply {
    let path = format!("/hostile/keys/{from}/{count}");
    send(inn.gateway().request(Method::DELETE, &path)).await
}

#[tokio::test]
async fn keys_are_as_many_as_may_be_and_those_that_are_there_can_change() {
    let settings = settings().await.set("context.hostile.quota.keys", 100);
    let mut inn = Inn::with(settings).await;
    does(&inn, "keys/0/100").await.expect(204);
    refused(&does(&inn, "keys/100/1").await);
    refused(&does(&inn, "keys/50/51").await);
    does(&inn, "keys/0/100").await.expect(204);
    removes(&inn, 0, 10).await.expect(204);
    refused(&does(&inn, "keys/100/11").await);
    does(&inn, "keys/100/10").await.expect(204);
    let seen = quota(&inn, "hostile", "keys").await;
    assert_eq!((&seen["used"], &seen["limit"]), (&100.into(), &100.into()));
    let named = |name: &str| format!("{name}{{context=\"hostile\",resource=\"keys\"}}");
    assert_eq!(metric(&inn, &named("innkeeper_quota_used")).await, 100.0);
    assert_eq!(metric(&inn, &named("innkeeper_quota_limit")).await, 100.0);
    assert_eq!(
        metric(&inn, &named("innkeeper_quota_refusals_total")).await,
        3.0
    );
    let notices = inn.operators().context("hostile").await["notices"].to_string();
    assert!(notices.contains("quota.keys"), "{notices}");
    neighbour_works(&inn).await;
    assert_eq!(used(&inn, "archive", "keys").await, 3);
    // It is kept with the commits, so a crash changes nothing.
    inn.kill_9();
    inn.reopen().await;
    assert_eq!(used(&inn, "hostile", "keys").await, 100);
    refused(&does(&inn, "keys/110/1").await);
}

#[tokio::test]
async fn timers_are_as_many_as_may_be_until_they_have_fired() {
    let settings = settings().await.set("context.hostile.quota.timers", 50);
    let inn = Inn::with(settings).await;
    does(&inn, "timers/40/3600000").await.expect(204);
    refused(&does(&inn, "timers/11/3600000").await);
    does(&inn, "timers/10/50").await.expect(204);
    eventually("ten have fired", async || {
        let timers = used(&inn, "hostile", "timers").await;
        (timers == 40).then_some(()).ok_or(timers)
    })
    .await;
    does(&inn, "timers/10/3600000").await.expect(204);
    refused(&does(&inn, "timers/1/0").await);
    neighbour_works(&inn).await;
}

#[tokio::test]
async fn bytes_are_as_many_as_may_be_and_removing_goes_on() {
    let settings = settings().await.set("context.hostile.quota.bytes", "4MiB");
    let inn = Inn::with(settings).await;
    let mut rows = 0;
    let last = loop {
        let reply = does(&inn, &format!("bytes/{rows}/500000")).await;
        if reply.status != 204 {
            break reply;
        }
        rows += 1;
        assert!(rows < 100, "there is no end");
    };
    refused(&last);
    assert_eq!(rows, 8);
    refused(&does(&inn, "bytes/0/900000").await);
    // In the place of another one is no more.
    does(&inn, "bytes/0/400000").await.expect(204);
    let before = used(&inn, "hostile", "bytes").await;
    removes(&inn, 0, 4).await.expect(204);
    let after = used(&inn, "hostile", "bytes").await;
    assert!(after < before - 1_800_000, "{before}, and then {after}");
    does(&inn, "bytes/0/500000").await.expect(204);
    neighbour_works(&inn).await;
}

#[tokio::test]
async fn commits_are_as_many_as_may_be() {
    let settings = settings().await.set("context.hostile.quota.commits", 5);
    let inn = Inn::with(settings).await;
    let before = used(&inn, "hostile", "commits").await;
    for _ in before..5 {
        does(&inn, "keys/0/1").await.expect(204);
    }
    refused(&does(&inn, "keys/0/1").await);
    neighbour_works(&inn).await;
}

#[tokio::test]
async fn dead_letters_are_as_many_as_may_be_and_no_event_is_lost() {
    const MOST: usize = 5;
    const EVENTS: usize = 60;
    // Each lane may be about to leave one.
    const LANES: usize = 16;
    let settings = settings()
        .await
        .set("context.hostile.quota.dead_letters", MOST as i64);
    let inn = Inn::with(settings).await;
    let operators = inn.operators();
    does(&inn, &format!("events/{EVENTS}")).await.expect(204);
    eventually("a lane waits", async || {
        let lines = inn.output().lines_with("quota.dead_letters");
        (!lines.is_empty()).then_some(()).ok_or("not yet")
    })
    .await;
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < EVENTS {
        let letters = eventually("there are some", async || {
            let found = operators.get("/v1/contexts/hostile/dead-letters").await;
            match found["deadLetters"].as_array() {
                Some(letters) if !letters.is_empty() => Ok(letters.clone()),
                _ => Err(found.to_string()),
            }
        })
        .await;
        assert!(letters.len() < MOST + LANES, "{}", letters.len());
        for letter in letters {
            let id = letter["id"].as_str().expect("an id").to_owned();
            let path = format!("/v1/contexts/hostile/dead-letters/{id}");
            let dropped = operators.send(Method::DELETE, &path).await;
            assert!(dropped.status < 300, "{}", dropped.text);
            seen.insert(id);
        }
    }
    operators.nothing_pending().await;
    neighbour_works(&inn).await;
}
