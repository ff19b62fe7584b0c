//! What a context may keep, over all its invocations.

use http::Method;
use innkeeper_tests::{Reply, TestHost, artifacts, eventually, send};

use super::{does, metric, neighbour_works, quota, settings, used};

/// That it was refused for the context's quota.
fn refused(reply: &Reply) {
    let reply = reply.clone().expect_problem(507);
    assert_eq!(reply.body["type"], "urn:innkeeper:problem:quota-exceeded");
}

async fn removes(host: &TestHost, from: u64, count: u64) -> Reply {
    let path = format!("/hostile/keys/{from}/{count}");
    send(host.gateway().request(Method::DELETE, &path)).await
}

#[tokio::test]
async fn keys_are_as_many_as_may_be_and_those_that_are_there_can_change() {
    let settings = settings().await.set("context.hostile.quota.keys", 100);
    let mut host = TestHost::with(settings).await;
    does(&host, "keys/0/100").await.expect(204);
    refused(&does(&host, "keys/100/1").await);
    refused(&does(&host, "keys/50/51").await);
    does(&host, "keys/0/100").await.expect(204);
    removes(&host, 0, 10).await.expect(204);
    refused(&does(&host, "keys/100/11").await);
    does(&host, "keys/100/10").await.expect(204);
    let seen = quota(&host, "hostile", "keys").await;
    assert_eq!((&seen["used"], &seen["limit"]), (&100.into(), &100.into()));
    let named = |name: &str| format!("{name}{{context=\"hostile\",resource=\"keys\"}}");
    assert_eq!(metric(&host, &named("innkeeper_quota_used")).await, 100.0);
    assert_eq!(metric(&host, &named("innkeeper_quota_limit")).await, 100.0);
    assert_eq!(
        metric(&host, &named("innkeeper_quota_refusals_total")).await,
        3.0
    );
    let notices = host.operators().context("hostile").await["notices"].to_string();
    assert!(notices.contains("quota.keys"), "{notices}");
    neighbour_works(&host).await;
    assert_eq!(used(&host, "archive", "keys").await, 3);
    // It is kept with the commits, so a crash changes nothing.
    host.kill_9();
    host.reopen().await;
    assert_eq!(used(&host, "hostile", "keys").await, 100);
    refused(&does(&host, "keys/110/1").await);
}

#[tokio::test]
async fn timers_are_as_many_as_may_be_until_they_have_fired() {
    let settings = settings().await.set("context.hostile.quota.timers", 50);
    let host = TestHost::with(settings).await;
    does(&host, "timers/40/3600000").await.expect(204);
    refused(&does(&host, "timers/11/3600000").await);
    does(&host, "timers/10/50").await.expect(204);
    eventually("ten have fired", async || {
        let timers = used(&host, "hostile", "timers").await;
        (timers == 40).then_some(()).ok_or(timers)
    })
    .await;
    does(&host, "timers/10/3600000").await.expect(204);
    refused(&does(&host, "timers/1/0").await);
    neighbour_works(&host).await;
}

#[tokio::test]
async fn bytes_are_as_many_as_may_be_and_removing_goes_on() {
    let settings = settings().await.set("context.hostile.quota.bytes", "4MiB");
    let host = TestHost::with(settings).await;
    let mut rows = 0;
    let last = loop {
        let reply = does(&host, &format!("bytes/{rows}/500000")).await;
        if reply.status != 204 {
            break reply;
        }
        rows += 1;
        assert!(rows < 100, "there is no end");
    };
    refused(&last);
    assert_eq!(rows, 8);
    refused(&does(&host, "bytes/0/900000").await);
    // In the place of another one is no more.
    does(&host, "bytes/0/400000").await.expect(204);
    let before = used(&host, "hostile", "bytes").await;
    removes(&host, 0, 4).await.expect(204);
    let after = used(&host, "hostile", "bytes").await;
    assert!(after < before - 1_800_000, "{before}, and then {after}");
    does(&host, "bytes/0/500000").await.expect(204);
    neighbour_works(&host).await;
}

#[tokio::test]
async fn what_adds_nothing_goes_on_where_no_more_may_be_kept() {
    let settings = settings().await.set("context.hostile.quota.bytes", "1MiB");
    let host = TestHost::with(settings).await;
    let mut rows = 0;
    // To the last byte, or nearly so.
    for bytes in [100_000, 10_000, 100] {
        while does(&host, &format!("bytes/{rows}/{bytes}")).await.status == 204 {
            rows += 1;
            assert!(rows < 200, "there is no end");
        }
    }
    // Each answer is kept under its key, and there are more of them than there was room for.
    for number in 0..20 {
        let key = format!("key-{number}");
        for _ in 0..2 {
            let request = host
                .gateway()
                .request(Method::POST, "/hostile/cancellations/0");
            send(request.header("idempotency-key", &key))
                .await
                .expect(204);
        }
        does(&host, "bytes/0/100000").await.expect(204);
    }
    let seen = quota(&host, "hostile", "bytes").await;
    assert!(seen["used"].as_u64() > seen["limit"].as_u64(), "{seen}");
    for adds in ["bytes/500/0", "bytes/0/100001", "events/1", "timers/1/0"] {
        refused(&does(&host, adds).await);
    }
    neighbour_works(&host).await;
}

#[tokio::test]
async fn commits_are_as_many_as_may_be() {
    let settings = settings().await.set("context.hostile.quota.commits", 5);
    let host = TestHost::with(settings).await;
    let before = used(&host, "hostile", "commits").await;
    for _ in before..5 {
        does(&host, "keys/0/1").await.expect(204);
    }
    refused(&does(&host, "keys/0/1").await);
    neighbour_works(&host).await;
}

#[tokio::test]
async fn dead_letters_are_as_many_as_may_be_and_no_event_is_lost() {
    const MOST: usize = 5;
    const EVENTS: usize = 60;
    let settings = settings()
        .await
        .set("context.hostile.quota.dead_letters", MOST as i64);
    let host = TestHost::with(settings).await;
    let operators = host.operators();
    does(&host, &format!("events/{EVENTS}")).await.expect(204);
    eventually("a lane waits", async || {
        let lines = host.output().lines_with("quota.dead_letters");
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
        assert!(letters.len() <= MOST, "{}", letters.len());
        for letter in letters {
            let id = letter["id"].as_str().expect("an id").to_owned();
            let path = format!("/v1/contexts/hostile/dead-letters/{id}");
            let dropped = operators.send(Method::DELETE, &path).await;
            assert!(dropped.status < 300, "{}", dropped.text);
            seen.insert(id);
        }
    }
    operators.nothing_pending().await;
    neighbour_works(&host).await;
}

/// A lane that waits for room goes on without a dead letter when nobody wants its event any more; and only what became one is counted as one.
#[tokio::test]
async fn a_lane_waits_for_room_no_longer_than_its_event_is_wanted() {
    const CALM: u64 = 64;
    let settings = settings()
        .await
        .set("context.hostile.quota.dead_letters", 1);
    let host = TestHost::with(settings).await;
    let operators = host.operators();
    let letters = async || {
        let found = operators.get("/v1/contexts/hostile/dead-letters").await;
        found["deadLetters"].as_array().expect("a list").len()
    };
    does(&host, "events/60").await.expect(204);
    eventually("each lane waits that does not leave a letter", async || {
        let lines = host.output().lines_with("quota.dead_letters").len();
        (lines >= 2).then_some(()).ok_or(lines)
    })
    .await;
    let counted = "innkeeper_events_dead_lettered_total{context=\"hostile\"}";
    eventually("what became a dead letter is counted", async || {
        let (counted, letters) = (metric(&host, counted).await, letters().await as f64);
        (counted == letters)
            .then_some(())
            .ok_or_else(|| format!("{counted}, and there are {letters}"))
    })
    .await;
    let before = letters().await;
    // The same source is followed on, for another kind of event.
    let hermit = std::fs::read(&artifacts::components().await["hermit"]).expect("it was built");
    operators.deploy("hostile", hermit, "").await.expect(201);
    does(&host, &format!("calm/{CALM}")).await.expect(204);
    eventually("all lanes go on", async || {
        let handled = host.gateway().get("/hostile/calmed").await.expect(200);
        match handled.body.as_u64() {
            Some(CALM) => Ok(()),
            _ => Err(handled.text),
        }
    })
    .await;
    assert_eq!(letters().await, before);
    neighbour_works(&host).await;
}
