//! Counters: many add to one at once, nobody has to run again for it, and the sum is right.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use innkeeper_tests::{Client, Opening, Settings, TestHost, eventually, flood, request, within};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CLIENTS: u64 = 64;
const ADDITIONS: u64 = 4_000;

async fn settings() -> Settings {
    Settings::empty().with("tally", "tally").await
}

/// How many units of work had to give way.
async fn conflicts(host: &TestHost) -> u64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let found = metrics
        .lines()
        .find_map(|line| line.strip_prefix("innkeeper_conflicts_total{context=\"tally\"} "));
    found.map_or(0, |count| count.parse().expect("a number"))
}

async fn shows(client: &Client, path: &str, expected: Value) {
    eventually(path, async || {
        let found = client.get(path).await.expect(200).body;
        match found == expected {
            true => Ok(()),
            false => Err(format!("{found}, and not {expected}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_add_to_one_counter_and_none_has_to_run_again() {
    let host = Opening::new(settings().await).alone().open().await;
    let add = |path: &'static str| move |_| request("POST", path, r#"{"by":3}"#);
    let base = host.gateway().base();
    let flooded = flood(base, CLIENTS, ADDITIONS, add("/tallies/all")).await;
    assert_eq!((flooded.successes, flooded.refusals), (ADDITIONS, 0));
    let counted = conflicts(&host).await;
    shows(host.gateway(), "/tallies/all", json!(3 * ADDITIONS)).await;
    // Where each reads what is there, this many clients meet all the time.
    let flooded = flood(base, CLIENTS, ADDITIONS, add("/rows/all")).await;
    assert_eq!((flooded.successes, flooded.refusals), (ADDITIONS, 0));
    let read = conflicts(&host).await - counted;
    shows(host.gateway(), "/rows/all", json!(3 * ADDITIONS)).await;
    eprintln!("conflicts: {counted} with a counter, {read} with a row");
    assert_eq!(counted, 0, "nobody has read the counter");
    assert!(read > 100, "the comparison compares nothing: {read}");
}

#[tokio::test]
async fn an_invocation_sees_its_own_additions_and_those_that_are_committed() {
    let host = TestHost::with(settings().await).await;
    let client = host.gateway();
    for (by, sum) in [(5, 5), (-7, -2), ((1_i64 << 60), (1_i64 << 60) - 2)] {
        let told = client.post("/tallies/one/read", json!({"by": by})).await;
        assert_eq!(told.expect(200).body, sum);
    }
    client
        .post("/tallies/other", json!({"by": -1}))
        .await
        .expect(204);
    let tallies = json!([["one", (1_i64 << 60) - 2], ["other", -1]]);
    let all = json!({"count": 2, "tallies": tallies, "notes": 1});
    assert_eq!(client.get("/tallies").await.expect(200).body, all);
    // A sum that there is not fails the invocation, and changes nothing.
    for _ in 0..7 {
        let by = json!({"by": 1_i64 << 60});
        client.post("/tallies/one", by).await.expect(204);
    }
    let refused = client.post("/tallies/one", json!({"by": 2})).await;
    assert!(refused.expect_problem(500).text.contains("guest-failed"));
    assert_eq!(
        client.get("/tallies/one").await.expect(200).body,
        i64::MAX - 1
    );
}

/// Kills the host under load, several times: what was acknowledged is in the sum once, what was not is in it at most once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_is_exact_after_kills() {
    let mut host = Opening::new(settings().await).alone().open().await;
    let (acknowledged, asked) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    for _ in 0..3 {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = host.gateway().clone();
            let (acknowledged, asked) = (acknowledged.clone(), asked.clone());
            clients.spawn(async move {
                loop {
                    let request = client
                        .request(http::Method::POST, "/tallies/all")
                        .json(&json!({"by": 1}));
                    asked.fetch_add(1, Ordering::SeqCst);
                    match innkeeper_tests::try_send(request).await {
                        Ok(reply) if reply.status == 204 => {
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(_) => {}
                        Err(_) => break,
                    }
                }
            });
        }
        let before = acknowledged.load(Ordering::SeqCst);
        within(Duration::from_secs(60), async || {
            let now = acknowledged.load(Ordering::SeqCst);
            (now >= before + 500).then_some(()).ok_or(now)
        })
        .await
        .expect("clients are answered");
        host.kill_9();
        clients.join_all().await;
        host.reopen().await;
    }
    let sum = host.gateway().get("/tallies/all").await.expect(200).body;
    let sum = sum.as_i64().expect("a number");
    let (least, most) = (
        acknowledged.load(Ordering::SeqCst),
        asked.load(Ordering::SeqCst),
    );
    assert!(
        (least..=most).contains(&sum),
        "{sum} is not between the {least} acknowledged and the {most} asked for"
    );
    // Each addition leaves a note in the same commit: the two are never apart.
    let all = host.gateway().get("/tallies").await.expect(200).body;
    assert_eq!(all["notes"], sum, "{all}");
    eprintln!("{sum} of {most} asked for, {least} acknowledged");
    // And it goes on from there.
    let told = host
        .gateway()
        .post("/tallies/all/read", json!({"by": 1}))
        .await;
    assert_eq!(told.expect(200).body, sum + 1);
}
