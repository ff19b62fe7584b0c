//! What cannot be a key is refused by whichever way it comes, and leaves nothing.

use http::Method;
use innkeeper_tests::{Settings, TestHost, eventually, send};
use serde_json::Value;

#[tokio::test]
async fn a_key_that_is_empty_or_too_long_is_refused_and_nothing_is_changed() {
    let settings = Settings::empty().with("archive", "archive").await;
    let host = TestHost::with(settings).await;
    let ask = async |method: Method, length: usize| {
        send(host.gateway().request(method, &format!("/raw/{length}"))).await
    };
    ask(Method::POST, 1_024).await.expect(204);
    let keys = async || {
        let found = host.operators().context("archive").await;
        let quota = found["quota"].as_array().expect("what it keeps");
        let keys = quota.iter().find(|used| used["resource"] == "keys");
        keys.expect("keys are counted")["used"].clone()
    };
    let before = keys().await;
    for length in [0, 1_025, 4_000] {
        for method in [Method::POST, Method::DELETE] {
            let refused = ask(method, length).await.expect_problem(500);
            assert_eq!(
                refused.body["type"], "urn:innkeeper:problem:guest-failed",
                "{length}: {refused:?}"
            );
        }
        eventually("it is logged why", async || {
            let says = format!("a state key of {length} bytes is not allowed");
            let lines = host.output().lines_with(&says);
            (lines.len() >= 2).then_some(()).ok_or(lines.len())
        })
        .await;
    }
    assert_eq!(keys().await, before);
    ask(Method::DELETE, 1_024).await.expect(204);
}

/// What is filled anew with a key that the contract forbids has a dead letter for it, and no such key.
#[tokio::test]
async fn a_rebuild_makes_no_key_that_put_refuses() {
    const REBUILD: &str = "/v1/contexts/gossip/rebuild";
    const ROOMS: u64 = 3;
    let settings = Settings::of_the_app()
        .await
        .with("gossip", "gossip")
        .await
        .set("context.gossip.follow.attempts", 1);
    let mut host = TestHost::with(settings.clone()).await;
    for number in 0..ROOMS {
        host.stay().room(&number.to_string()).await;
    }
    let heard = async |host: &TestHost, status: u16| {
        let found = host.gateway().get(&format!("/gossip/{ROOMS}")).await.status;
        (found == status).then_some(()).ok_or(found)
    };
    eventually("it has heard of all", async || heard(&host, 200).await).await;
    for (length, is_allowed) in [("0", false), ("1025", false), ("1024", true)] {
        // Its configuration is read live, or anew.
        host.close().await;
        host.reopen_with(settings.clone().set("context.gossip.config.key", length))
            .await;
        eventually("it can be rebuilt", async || {
            let reply = host.operators().send(Method::POST, REBUILD).await;
            (reply.status == 202).then_some(()).ok_or(reply.text)
        })
        .await;
        eventually("it is rebuilt", async || {
            let progress = host.operators().get(REBUILD).await;
            (progress["state"] == "done").then_some(()).ok_or(progress)
        })
        .await;
        let letters = host
            .operators()
            .get("/v1/contexts/gossip/dead-letters")
            .await;
        let letters = letters["deadLetters"].as_array().expect("a list");
        let reasons: Vec<&Value> = letters.iter().map(|letter| &letter["reason"]).collect();
        match is_allowed {
            true => {
                assert!(reasons.is_empty(), "{reasons:?}");
                eventually("it is there", async || heard(&host, 200).await).await;
            }
            false => {
                assert_eq!(reasons.len() as u64, ROOMS, "{reasons:?}");
                let says = format!("a state key of {length} bytes is not allowed");
                let all = reasons
                    .iter()
                    .all(|reason| reason.to_string().contains(&says));
                assert!(all, "{reasons:?}");
                eventually("nothing of it is there", async || heard(&host, 404).await).await;
            }
        }
    }
}
