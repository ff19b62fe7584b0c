//! Who fails a caller too often in a row gets no more of its work for a while, and is tried again.

use innkeeper_tests::{Reply, TestHost, eventually};

use super::{ask, is_turned_away, metric, operator, settings, state, told};

/// That a call was answered `unavailable`, for a reason with this in it.
#[track_caller]
fn is_unavailable(reply: Reply, reason: &str) {
    let reply = reply.expect_problem(503);
    let detail = reply.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(reason), "{reply:?}");
}

#[tokio::test]
async fn one_callers_breaker_opens_half_opens_and_closes_and_the_others_stays_closed() {
    let settings = settings()
        .await
        .set("context.shaky.circuit_breaker.consecutive_errors", 3)
        .set("context.shaky.circuit_breaker.base_ejection_time", "3s");
    let host = TestHost::with(settings).await;
    for _ in 0..3 {
        is_unavailable(ask(&host, "/one/trap").await, "trapped");
    }
    is_unavailable(ask(&host, "/one/ok").await, "circuit breaker open");
    ask(&host, "/two/ok").await.expect(200);
    ask(&host, "/shaky/ok").await.expect(200);
    assert_eq!(state(&host, "asker-one").await, "open");
    assert_eq!(state(&host, "asker-two").await, "closed");
    assert_eq!(state(&host, "gateway").await, "closed");
    let of_one = r#"{caller="asker-one",callee="shaky""#;
    let name = format!("innkeeper_circuit_breaker_state{of_one}}}");
    assert_eq!(metric(&host, &name).await, 1.0);
    let name = format!(r#"innkeeper_circuit_breaker_rejected_total{of_one},reason="open"}}"#);
    assert_eq!(metric(&host, &name).await, 1.0);
    let name = format!("innkeeper_circuit_breaker_opened_total{of_one}}}");
    assert_eq!(metric(&host, &name).await, 1.0);

    let said = operator(&host, &["status", "shaky"]).await;
    let line = |start: &str| {
        let line = said.out.lines().find(|line| line.contains(start));
        line.unwrap_or_else(|| panic!("no {start} in {said:?}"))
    };
    assert!(line("asker-one: open").contains("1 turned away while it was open"));
    line("asker-two: closed");
    let said = operator(&host, &["graph"]).await;
    let row = said.out.lines().find(|line| line.starts_with("asker-one"));
    let row: Vec<_> = row.expect("a row").split_whitespace().collect();
    assert_eq!((row[1], row.last()), ("shaky", Some(&"open")), "{said:?}");

    // It is tried when its time is over, and works.
    eventually("the breaker closes", async || {
        match ask(&host, "/one/ok").await {
            reply if reply.status == 200 => Ok(()),
            reply => Err(reply.text),
        }
    })
    .await;
    assert_eq!(state(&host, "asker-one").await, "closed");
    for kind in [
        "CircuitBreakerOpened",
        "CircuitBreakerHalfOpened",
        "CircuitBreakerClosed",
    ] {
        let data = told(&host, kind, 1).await;
        assert_eq!(
            (&data[0]["caller"], &data[0]["callee"]),
            (&"asker-one".into(), &"shaky".into()),
            "{data:?}"
        );
    }
    let said = operator(&host, &["describe", "shaky"]).await;
    for part in [
        "CircuitBreakerOpened",
        "calls of asker-one are rejected for",
        "failed 3 times in a row",
        "CircuitBreakerClosed",
        "VersionCurrent",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[tokio::test]
async fn what_is_the_contexts_own_fault_counts_and_what_is_not_does_not() {
    let settings = settings()
        .await
        .set("context.shaky.limits.deadline", "300ms")
        .set("context.shaky.circuit_breaker.consecutive_errors", 2)
        .set("context.shaky.circuit_breaker.base_ejection_time", "300ms");
    let host = TestHost::with(settings).await;
    for _ in 0..5 {
        ask(&host, "/shaky/refuse").await.expect(409);
        ask(&host, "/one/refuse").await.expect(409);
    }
    assert_eq!(state(&host, "gateway").await, "closed");
    for (how, status) in [("trap", 500), ("error", 500), ("hang", 504)] {
        for _ in 0..2 {
            ask(&host, &format!("/shaky/{how}")).await.expect(status);
        }
        is_turned_away(ask(&host, "/shaky/ok").await, "open");
        eventually("the breaker closes", async || {
            match ask(&host, "/shaky/ok").await {
                reply if reply.status == 200 => Ok(()),
                reply => Err(reply.text),
            }
        })
        .await;
    }
    told(&host, "CircuitBreakerOpened", 3).await;
    // What fails for one caller says nothing of the others.
    assert_eq!(state(&host, "asker-one").await, "closed");
}

#[tokio::test]
async fn no_client_can_close_a_context_to_all_others_unless_the_manifest_says_so() {
    let host = TestHost::with(settings().await).await;
    for _ in 0..20 {
        ask(&host, "/shaky/trap").await.expect(500);
    }
    ask(&host, "/shaky/ok").await.expect(200);
    // Between contexts five in a row are enough.
    for _ in 0..5 {
        is_unavailable(ask(&host, "/two/trap").await, "trapped");
    }
    is_unavailable(ask(&host, "/two/ok").await, "circuit breaker open");
    assert_eq!(state(&host, "gateway").await, "closed");
    told(&host, "CircuitBreakerOpened", 1).await;
}

#[tokio::test]
async fn a_version_that_serves_alone_is_not_left_when_only_a_part_may_be() {
    let settings = settings()
        .await
        .set("context.shaky.circuit_breaker.consecutive_errors", 1)
        .set("context.shaky.circuit_breaker.max_ejection_percent", 50);
    let host = TestHost::with(settings).await;
    for _ in 0..5 {
        is_unavailable(ask(&host, "/one/trap").await, "trapped");
    }
    ask(&host, "/one/ok").await.expect(200);
}
