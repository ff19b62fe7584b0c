//! What was called is undone, whatever happens: however large it was, however often undoing is refused, and whoever is deployed meanwhile.

use std::time::Duration;

use http::Method;
use innkeeper_tests::{Opening, Reply, Settings, TestHost, artifacts, eventually, send};
use serde_json::{Value, json};

pub async fn players() -> Settings {
    let mut settings = Settings::empty().set("app.name", "players");
    for player in ["first", "second", "third"] {
        settings = settings.with(player, &format!("player-{player}")).await;
    }
    settings
}

pub async fn begin(host: &TestHost, player: &str, program: Value) -> Reply {
    let request = host.gateway().request(Method::POST, &format!("/{player}"));
    send(request.json(&json!({"program": program}))).await
}

pub fn play(to: &str, program: Value) -> Value {
    json!({"call": {"to": to, "how": "play", "program": program}})
}

/// The runs of a player, by whether they are undone.
pub async fn undone(host: &TestHost, player: &str) -> Vec<bool> {
    let runs = host.gateway().all(&format!("/{player}/runs")).await;
    let undone = runs.iter().map(|run| run["undone"] == json!(true));
    undone.collect()
}

pub async fn undos(host: &TestHost, context: &str) -> Vec<Value> {
    let path = format!("/v1/contexts/{context}/undos");
    let found = host.operators().get(&path).await;
    found["undos"].as_array().expect("a list").clone()
}

/// Waits until an undo waits for an operator, and gives it.
pub async fn stuck(host: &TestHost, context: &str) -> Value {
    eventually("an undo waits for an operator", async || {
        let undos = undos(host, context).await;
        let mut stuck = undos.into_iter().filter(|undo| undo["reason"].is_string());
        stuck.next().ok_or("none does".to_owned())
    })
    .await
}

#[tokio::test]
async fn a_saga_of_many_large_calls_is_undone() {
    let settings = players()
        .await
        .set("context.second.limits.memory", "128MiB");
    let host = TestHost::with(settings).await;
    let call = json!({"call": {"to": "second", "how": "play", "program": [{"write": 1}], "padding": 1_000_000}});
    let mut program = vec![call; 14];
    program.push(json!("refuse"));
    begin(&host, "first", json!(program))
        .await
        .expect_problem(409);
    host.operators().nothing_pending().await;
    assert_eq!(undone(&host, "second").await, [true; 14]);
}

/// All events of the conductor are in one lane.
#[tokio::test]
async fn an_event_that_is_declined_after_many_large_calls_is_undone_and_its_lane_goes_on() {
    let settings = players()
        .await
        .with("conductor", "conductor")
        .await
        .set("context.conductor.limits.memory", "128MiB")
        .set("context.second.limits.memory", "128MiB");
    let mut host = TestHost::with(settings).await;
    let order = async |host: &TestHost, number: u64, calls: u64, padding: u64, declined: bool| {
        let piece =
            json!({"number": number, "calls": calls, "padding": padding, "declined": declined});
        host.gateway().post("/pieces", piece).await.expect(204);
    };
    let played = async |host: &TestHost, number: u64| {
        eventually("the next one in the lane is handled", async || {
            let pieces = host.gateway().all("/pieces").await;
            (pieces.len() as u64 == number)
                .then_some(())
                .ok_or(format!("{pieces:?}"))
        })
        .await;
    };
    order(&host, 1, 14, 1_000_000, true).await;
    order(&host, 2, 1, 0, false).await;
    played(&host, 1).await;
    let letters = host
        .operators()
        .get("/v1/contexts/conductor/dead-letters")
        .await;
    let letters = letters["deadLetters"].as_array().expect("a list").clone();
    assert_eq!(letters.len(), 1, "{letters:?}");
    let reason = letters[0]["reason"].to_string();
    assert!(reason.contains("it was declined"), "{reason}");
    eventually(
        "all that it called is undone, and nothing else",
        async || {
            let undone = undone(&host, "second").await;
            let count = undone.iter().filter(|undone| **undone).count();
            match (undone.len(), count) {
                (15, 14) => Ok(()),
                _ => Err(format!("{undone:?}")),
            }
        },
    )
    .await;
    // Nothing of it is left for the next start.
    host.kill_9();
    host.reopen().await;
    order(&host, 3, 1, 0, false).await;
    played(&host, 2).await;
    let conductor = host.operators().context("conductor").await;
    assert_eq!(conductor["intentsPending"], 0, "{conductor}");
    assert_eq!(conductor["compensationsPending"], 0, "{conductor}");
    assert_eq!(undone(&host, "second").await.len(), 16);
}

#[tokio::test]
async fn what_is_owed_keeps_the_function_that_undoes_it() {
    let settings = players().await.without("context.third");
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    let program = json!([play("second", json!([{"write": 1}])), "refuse"]);
    begin(&host, "first", program).await.expect_problem(409);
    let alone = async |player: &str| {
        let file = &artifacts::components().await[&format!("player-{player}-alone")];
        std::fs::read(file).expect("it was built")
    };
    let caller = alone("first").await;
    host.operators()
        .deploy("first", caller, "")
        .await
        .expect(201);
    let callee = alone("second").await;
    let refused = host.operators().deploy("second", callee.clone(), "").await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    assert!(
        refused.text.contains("test:player/second@0.1.0#unplay"),
        "{}",
        refused.text
    );
    assert_eq!(undone(&host, "second").await, [false]);
    // Its configuration is read live.
    host.rewrite(settings);
    eventually("it is undone", async || {
        match undone(&host, "second").await[..] {
            [true] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    host.operators().nothing_pending().await;
    host.operators()
        .deploy("second", callee, "")
        .await
        .expect(201);
}

#[tokio::test]
async fn an_undo_that_is_refused_again_and_again_waits_for_an_operator() {
    let settings = players().await.set("context.first.limits.undo_attempts", 2);
    let refusing = settings.clone().set("context.second.config.undo", "refuse");
    let mut host = TestHost::with(refusing).await;
    let program = json!([play("second", json!([{"write": 1}])), "refuse"]);
    begin(&host, "first", program.clone())
        .await
        .expect_problem(409);
    let undo = stuck(&host, "first").await;
    assert_eq!(undo["callee"], "second");
    assert!(
        undo["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("not now")),
        "{undo}"
    );
    // It is kept over a restart, and by what is deployed.
    host.kill_9();
    host.reopen().await;
    let kept = stuck(&host, "first").await;
    assert_eq!(kept["id"], undo["id"]);
    host.rewrite(settings.clone());
    let id = undo["id"].as_str().expect("an id");
    let path = format!("/v1/contexts/first/undos/{id}");
    eventually("the configuration is read", async || {
        host.operators()
            .send(Method::POST, &format!("{path}/retry"))
            .await;
        match undone(&host, "second").await[..] {
            [true] => Ok(()),
            ref undone => Err(format!("{undone:?}")),
        }
    })
    .await;
    host.operators().nothing_pending().await;
    host.operators()
        .send(Method::DELETE, &path)
        .await
        .expect_problem(404);
}

#[tokio::test]
async fn an_undo_that_is_dropped_leaves_what_was_called() {
    let settings = players()
        .await
        .set("context.first.limits.undo_attempts", 1)
        .set("context.second.config.undo", "refuse");
    let host = TestHost::with(settings).await;
    let program = json!([play("second", json!([{"write": 1}])), "refuse"]);
    begin(&host, "first", program).await.expect_problem(409);
    let undo = stuck(&host, "first").await;
    let id = undo["id"].as_str().expect("an id");
    let path = format!("/v1/contexts/first/undos/{id}");
    host.operators()
        .send(Method::DELETE, &path)
        .await
        .expect(204);
    assert!(undos(&host, "first").await.is_empty());
    assert_eq!(undone(&host, "second").await, [false]);
    host.operators().nothing_pending().await;
}

#[tokio::test]
async fn a_callee_that_hangs_is_unavailable_before_its_caller_has_to_end() {
    let settings = players().await.set("context.first.limits.deadline", "1s");
    let host = TestHost::with(settings).await;
    let program = json!([
        play("third", json!([{"write": 1}])),
        play("second", json!(["hang"])),
        {"either": [["refuse"], [{"write": 2}]]},
    ]);
    begin(&host, "first", program).await.expect(200);
    assert_eq!(
        undone(&host, "third").await,
        [false],
        "its caller went on without the other"
    );
    let values = host.gateway().all("/first/values").await;
    assert_eq!(values[0]["count"], 1);
}

#[tokio::test]
async fn calls_that_come_back_to_their_caller_hold_up_under_load() {
    let host = Opening::new(players().await).alone().open().await;
    let program =
        json!([play("second", json!([play("first", json!([{"read": 1}]))])), {"read": 2}]);
    let body = json!({"program": program}).to_string();
    let load = async |connections: u64, times: u64| {
        let request = innkeeper_tests::request("POST", "/first", &body);
        let begun = std::time::Instant::now();
        let flooded = innkeeper_tests::flood(
            host.gateway().base(),
            connections,
            connections * times,
            move |_| request.clone(),
        )
        .await;
        (flooded, begun.elapsed())
    };
    // In turns, so that both see the same machine; the first ones warm it up. What the machine does besides passes.
    load(100, 6).await;
    let (mut best, mut good) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        for (connections, times, most) in [(100, 6, &mut best), (600, 2, &mut good)] {
            let (flooded, took) = load(connections, times).await;
            assert_eq!(flooded.refusals, 0, "of {connections} connections");
            *most = most.max(flooded.successes as f64 / took.as_secs_f64());
        }
    }
    assert!(good > 0.8 * best, "{good} instead of {best}");
}

#[tokio::test]
async fn repeats_of_a_slow_request_hold_up_nobody_else() {
    let settings = players()
        .await
        .set("context.first.limits.deadline", "3s")
        .set("context.first.circuit_breaker.max_requests", 8);
    let host = TestHost::with(settings).await;
    let slow = json!({"program": ["hang"]}).to_string();
    let repeats: Vec<_> = (0..100)
        .map(|_| {
            let request = host.gateway().request(Method::POST, "/first");
            let request = request
                .header("idempotency-key", "slow")
                .header("content-type", "application/json");
            tokio::spawn(send(request.body(slow.clone())))
        })
        .collect();
    eventually("the first of them runs", async || {
        let found = host.operators().context("first").await;
        match found["invocations"]["running"].as_u64() {
            Some(1) => Ok(()),
            _ => Err(found.to_string()),
        }
    })
    .await;
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        begin(&host, "first", json!([{"read": 1}]))
            .await
            .expect(200);
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    for repeat in repeats {
        let status = repeat.await.expect("it was answered").status;
        assert!(status == 409 || status == 504, "{status}");
    }
}
