//! Faults that are injected on purpose: they hit as they should, are seen by whoever looks, and end by themselves.

use std::time::{Duration, Instant};

use http::Method;
use innkeeper_tests::{Operators, TestHost, eventually};
use serde_json::json;

use super::{ask, metric, operator, settings, state, told};

#[tokio::test]
async fn what_is_aborted_says_so_and_the_guest_does_not_run() {
    let settings = settings()
        .await
        .set("context.shaky.circuit_breaker.consecutive_errors", 1);
    let host = TestHost::with(settings).await;
    // An answer that could be given again is hit as well.
    host.gateway().get("/shaky").await.expect(200);
    let said = operator(&host, &["fault", "shaky", "--abort", "100%:418"]).await;
    assert!(
        said.is_well && said.out.contains("100 % aborted with 418"),
        "{said:?}"
    );
    for reply in [
        ask(&host, "/shaky/ok").await,
        host.gateway().get("/shaky").await,
    ] {
        let reply = reply.expect_problem(418);
        assert_eq!(reply.body["type"], "urn:innkeeper:problem:fault-injected");
        assert_eq!(reply.header("x-innkeeper-fault"), "abort");
    }
    let reply = ask(&host, "/one/ok").await.expect_problem(503);
    let detail = reply.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("fault injected"), "{reply:?}");
    let name = r#"innkeeper_faults_injected_total{context="shaky",kind="abort"}"#;
    assert_eq!(metric(&host, name).await, 3.0);
    // It is the host that has failed, not the guest.
    assert_eq!(state(&host, "asker-one").await, "closed");
    assert_eq!(state(&host, "gateway").await, "closed");
    for arguments in [&["status"][..], &["status", "shaky"], &["graph"]] {
        let said = operator(&host, arguments).await;
        assert!(
            said.out.contains("100 % aborted with 418 until 20"),
            "{said:?}"
        );
    }
    let data = told(&host, "FaultInjectionStarted", 1).await;
    assert_eq!(data[0]["abort"], json!({"percent": 100, "status": 418}));

    let said = operator(&host, &["fault", "shaky", "--off"]).await;
    assert!(
        said.is_well && said.out.contains("nothing goes wrong"),
        "{said:?}"
    );
    ask(&host, "/one/ok").await.expect(200);
    let items = host.gateway().get("/shaky").await.expect(200).body["items"].clone();
    assert_eq!(
        items.as_array().map(Vec::len),
        Some(1),
        "only the last one ran"
    );
    told(&host, "FaultInjectionEnded", 1).await;
}

#[tokio::test]
async fn what_is_delayed_says_so_and_it_ends_by_itself() {
    let settings = settings()
        .await
        .set("context.shaky.circuit_breaker.consecutive_errors", 1);
    let host = TestHost::with(settings).await;
    let put = async |query: &str| {
        let path = format!("/v1/contexts/shaky/fault?{query}");
        host.operators().send(Method::PUT, &path).await
    };
    put("delay=100%25:400ms&for=2s").await.expect(200);
    let begun = Instant::now();
    let reply = ask(&host, "/shaky/ok").await.expect(200);
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert_eq!(reply.header("x-innkeeper-fault"), "delay");
    eventually("it ends", async || {
        let seen = host.operators().get("/v1/contexts/shaky/fault").await;
        match seen == json!({}) {
            true => Ok(()),
            false => Err(seen.to_string()),
        }
    })
    .await;
    let reply = ask(&host, "/shaky/ok").await.expect(200);
    assert_eq!(reply.header("x-innkeeper-fault"), "");
    told(&host, "FaultInjectionEnded", 1).await;

    // Longer than the deadline: nobody waits longer than that, and the guest is not to blame.
    put("delay=100%25:1m&for=1m").await.expect(200);
    let reply = ask(&host, "/shaky/ok").await.expect_problem(504);
    assert_eq!(reply.header("x-innkeeper-fault"), "delay");
    let reply = ask(&host, "/one/ok").await.expect_problem(503);
    let detail = reply.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("not done after"), "{reply:?}");
    assert_eq!(state(&host, "gateway").await, "closed");
    assert_eq!(state(&host, "asker-one").await, "closed");

    for (query, word) in [
        ("for=1m", "nothing would go wrong"),
        ("delay=10:2s&for=1m", "not a delay"),
        ("abort=5%25:200&for=1m", "not an abort"),
        ("abort=5%25:503&for=2d", "a day at most"),
    ] {
        let reply = put(query).await.expect_problem(422);
        let detail = reply.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word), "{query}: {detail}");
    }
    put("abort=5%25:503").await.expect_problem(400);
    let nobody = Operators::new(host.operators().client().clone(), "nobody");
    let path = "/v1/contexts/shaky/fault";
    nobody.send(Method::DELETE, path).await.expect_problem(401);
}

#[tokio::test]
async fn what_the_manifest_makes_go_wrong_is_said_from_the_start_and_can_be_switched_off() {
    let settings = settings()
        .await
        .set("context.shaky.fault.abort.percent", 100)
        .set("context.shaky.fault.abort.status", 503);
    let host = TestHost::with(settings).await;
    let said = host
        .output()
        .lines_with("faults are injected, as the manifest says");
    assert_eq!(said.len(), 1, "{said:?}");
    told(&host, "FaultInjectionStarted", 1).await;
    let path = "/v1/contexts/shaky/fault";
    let seen = host.operators().get(path).await;
    assert_eq!(seen, json!({"abort": {"percent": 100, "status": 503}}));
    ask(&host, "/shaky/ok").await.expect_problem(503);
    // What an operator says goes before it, for a time.
    let query = format!("{path}?delay=1%25:1ms&for=1s");
    host.operators().send(Method::PUT, &query).await.expect(200);
    ask(&host, "/shaky/ok").await.expect(200);
    eventually("it comes back", async || {
        match ask(&host, "/shaky/ok").await {
            reply if reply.header("x-innkeeper-fault") == "abort" => Ok(()),
            reply => Err(reply.text),
        }
    })
    .await;
    host.operators()
        .send(Method::DELETE, path)
        .await
        .expect(204);
    ask(&host, "/shaky/ok").await.expect(200);
}
