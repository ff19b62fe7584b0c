//! Contexts that call each other, and callees that are waited for: nobody stalls, and no time is given twice.

use std::time::{Duration, Instant};

use http::Method;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Opening, TestHost, eventually, send, try_send};
use serde_json::{Value, json};

use crate::nats::calls::{Caller, body};
use crate::undoing::{begin, play, players, undone};

async fn runs(host: &TestHost, player: &str) -> Vec<Value> {
    host.gateway().all(&format!("/{player}/runs")).await
}

/// Both write what the other writes, from either side at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_write_one_key_both_ways_get_through() {
    const CLIENTS: usize = 6;
    const EACH: usize = 5;
    let host = TestHost::with(players().await.without("context.third")).await;
    let clients = (0..2 * CLIENTS).map(|number| {
        let client = host.gateway().clone();
        let (own, other) = match number % 2 {
            0 => ("/first", "second"),
            _ => ("/second", "first"),
        };
        tokio::spawn(async move {
            let program = json!({"program": [{"write": 1}, play(other, json!([{"write": 1}]))]});
            let mut longest = Duration::ZERO;
            for _ in 0..EACH {
                loop {
                    let began = Instant::now();
                    let request = client.request(Method::POST, own);
                    let reply = send(request.json(&program)).await;
                    longest = longest.max(began.elapsed());
                    match reply.status {
                        200 => break,
                        // Somebody else was always faster: it is said at once, and changed nothing.
                        503 => {}
                        status => panic!("{status}: {}", reply.text),
                    }
                }
            }
            longest
        })
    });
    for client in futures::future::join_all(clients).await {
        let longest = client.expect("it gets through");
        assert!(longest < Duration::from_secs(15), "{longest:?}");
    }
    // Nobody is given a time that is over, and told that it was not used.
    let said = host.output().lines_with("not done after 0");
    assert!(said.is_empty(), "{said:?}");
    host.operators().nothing_pending().await;
    // Each run that has committed has written once, and each call that stands belongs to one that does.
    for (player, other) in [("first", "second"), ("second", "first")] {
        let found = runs(&host, player).await;
        let values = host.gateway().all(&format!("/{player}/values")).await;
        assert_eq!(values[0]["count"], found.len(), "{player}");
        let begun = found.iter().filter(|run| run["how"] == "begin");
        let called = runs(&host, other).await;
        let stand = called
            .iter()
            .filter(|run| run["how"] == "play" && run["undone"] == json!(false));
        assert_eq!(begun.count(), stand.count(), "calls of {player}");
    }
}

/// Waits until so many invocations of the second player run.
async fn running(host: &TestHost, count: u64) {
    eventually("its places are taken", async || {
        let found = host.operators().context("second").await;
        match found["invocations"]["running"].as_u64() {
            Some(running) if running == count => Ok(()),
            _ => Err(found["invocations"].to_string()),
        }
    })
    .await;
}

/// There is one place at each depth: a call of somebody else hangs in that of calls.
#[tokio::test]
async fn who_waits_for_a_place_of_its_callee_waits_no_longer_than_it_has() {
    let settings = players()
        .await
        .set("context.first.limits.deadline", "2s")
        .set("context.third.limits.deadline", "30s")
        .set("context.second.limits.deadline", "15s")
        .set("context.second.circuit_breaker.max_requests", 1);
    let host = TestHost::with(settings).await;
    let hanging = host.gateway().request(Method::POST, "/third");
    let program = json!({"program": [play("second", json!(["hang"]))]});
    let hanging = tokio::spawn(try_send(hanging.json(&program)));
    running(&host, 1).await;
    let began = Instant::now();
    let program =
        json!([play("second", json!([{"write": 1}])), {"either": [["refuse"], [{"write": 2}]]}]);
    begin(&host, "first", program).await.expect(200);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1), "it has waited: {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!hanging.is_finished(), "the place was taken all the while");
    let values = host.gateway().all("/first/values").await;
    assert_eq!(values[0]["key"], 2, "it went on without the call");
    let hanging = hanging.await.expect("it does not panic");
    assert_eq!(hanging.expect("it is answered").status, 200);
    host.operators().nothing_pending().await;
    let undone = undone(&host, "second").await;
    assert!(undone.is_empty(), "it ran when nobody waited: {undone:?}");
}

/// Who is called has a place at its own depth, whatever requests have taken.
#[tokio::test]
async fn a_call_does_not_wait_for_a_place_that_a_request_has() {
    let settings = players()
        .await
        .set("context.first.limits.deadline", "12s")
        .set("context.second.limits.deadline", "15s")
        .set("context.second.circuit_breaker.max_requests", 1);
    let host = TestHost::with(settings).await;
    let hanging = host.gateway().request(Method::POST, "/second");
    let hanging = tokio::spawn(try_send(hanging.json(&json!({"program": ["hang"]}))));
    running(&host, 1).await;
    let program = json!([play("second", json!([{"write": 1}])), {"either": [["refuse"], []]}]);
    begin(&host, "first", program).await.expect_problem(409);
    assert!(!hanging.is_finished(), "the place was taken all the while");
    let hanging = hanging.await.expect("it does not panic");
    assert_eq!(hanging.expect("it is answered").status, 504);
    host.operators().nothing_pending().await;
    assert_eq!(undone(&host, "second").await, [true]);
}

#[tokio::test]
async fn what_was_called_last_is_undone_first() {
    let settings = players()
        .await
        .set("context.first.limits.undo_attempts", 1_000);
    let refusing = settings.clone().set("context.third.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    let write = || json!([{"write": 1}]);
    let program = json!([
        play("second", write()),
        play("third", write()),
        play("second", write()),
        "refuse",
    ]);
    begin(&host, "first", program).await.expect_problem(409);
    eventually("the one in the middle is refused", async || {
        let undos = crate::undoing::undos(&host, "first").await;
        let mut refused = undos.iter().filter(|undo| undo["callee"] == "third");
        match refused.next().and_then(|undo| undo["failures"].as_u64()) {
            Some(3..) => Ok(()),
            _ => Err(format!("{undos:?}")),
        }
    })
    .await;
    assert_eq!(undone(&host, "second").await, [false, true]);
    assert_eq!(undone(&host, "third").await, [false]);
    host.rewrite(settings);
    host.operators().nothing_pending().await;
    assert_eq!(undone(&host, "second").await, [true, true]);
    assert_eq!(undone(&host, "third").await, [true]);
}

#[tokio::test]
async fn a_saga_of_many_large_calls_commits() {
    let settings = players()
        .await
        .set("context.first.limits.memory", "128MiB")
        .set("context.second.limits.memory", "128MiB");
    let host = TestHost::with(settings).await;
    let call = json!({"call": {"to": "second", "how": "play", "program": [{"write": 1}], "padding": 1_000_000}});
    begin(&host, "first", json!(vec![call; 14]))
        .await
        .expect(200);
    host.operators().nothing_pending().await;
    assert_eq!(undone(&host, "second").await, [false; 14]);
    let begun = runs(&host, "first").await;
    assert_eq!(begun[0]["calls"].as_array().map(Vec::len), Some(14));
}

#[tokio::test]
async fn repeats_of_a_slow_call_from_outside_hold_up_nobody_else() {
    let server = NatsServer::start().await;
    let settings = players()
        .await
        .set("app.name", "stay")
        .set("context.second.limits.deadline", "7s")
        .set("context.second.circuit_breaker.max_requests", 8);
    let opening = Opening::new(settings).variable("INNKEEPER_NATS", &server.url());
    let host = opening.open().await;
    let caller = std::sync::Arc::new(Caller::of(&host, &server).await);
    let subject = "stay.call.second.second.play";
    let repeats: Vec<_> = (0..100)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move {
                let key = [("Idempotency-Key", "slow")];
                caller.call(subject, &key, json!(["[\"hang\"]"])).await
            })
        })
        .collect();
    eventually("the first of them runs", async || {
        let found = host.operators().context("second").await;
        match found["invocations"]["running"].as_u64() {
            Some(1) => Ok(()),
            _ => Err(found["invocations"].to_string()),
        }
    })
    .await;
    let began = Instant::now();
    for _ in 0..20 {
        let answer = caller.call(subject, &[], json!(["[{\"read\":1}]"])).await;
        assert!(body(&answer)["ok"].is_string(), "{}", body(&answer));
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    for repeat in repeats {
        let answer = body(&repeat.await.expect("it was answered"));
        let status = answer["status"].as_u64();
        assert!(matches!(status, Some(409 | 504)), "{answer}");
    }
}
