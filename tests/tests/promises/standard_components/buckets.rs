//! `wasi:keyvalue` is the context's state: staged, isolated and committed as all of it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use innkeeper_tests::artifacts::edited;
use innkeeper_tests::{Client, Opening, TestHost, flood, request, send};
use serde_json::Value;

use super::visitors;

const CLIENTS: u64 = 64;
/// How many visit at a time, and how often versions are exchanged while they do.
const VISITS: u64 = 1_000;
const SWAPS: u64 = 3;

async fn shown(client: &Client, path: &str) -> String {
    client.get(path).await.expect(200).text
}

async fn ask(client: &Client, method: Method, path: &str) -> (u16, String) {
    let reply = send(client.request(method, path)).await;
    (reply.status, reply.text)
}

/// All read one number, and write the next: each answer of 200 is in it once, no other is, and versions are exchanged meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_success_counts_once_under_load_and_while_versions_are_swapped() {
    // All meet on one key: how long the last one waits is not what is looked at.
    let settings = visitors().await;
    let settings = settings
        .set("context.visitors.limits.deadline", "120s")
        .set("context.visitors.limits.attempts", 1_000);
    let mut host = Opening::new(settings).alone().open().await;
    let base = host.gateway().base().to_owned();
    let are_swapped = Arc::new(AtomicBool::new(false));
    let enough = are_swapped.clone();
    let visits = tokio::spawn(async move {
        let visit = |number: u64| {
            // Every fourth is refused after it has written.
            let path = match number % 4 {
                3 => "/visitors/all/anybody/refused/500",
                _ => "/visitors/all/anybody",
            };
            request("POST", path, "")
        };
        let (mut successes, mut refusals) = (0, 0);
        // Whoever looks at the flag after the last swap has visited during all of them.
        while !enough.load(Ordering::SeqCst) {
            let flooded = flood(&base, CLIENTS, VISITS, visit).await;
            successes += flooded.successes;
            refusals += flooded.refusals;
        }
        (successes, refusals)
    });
    for swap in 0..SWAPS {
        let edition = edited("visitors", &format!("edition-{swap}")).await;
        host.operators()
            .deploy("visitors", edition, "")
            .await
            .expect(201);
    }
    are_swapped.store(true, Ordering::SeqCst);
    let (successes, refusals) = visits.await.expect("the flood ends well");
    assert_eq!(
        refusals * 3,
        successes,
        "every fourth was to be refused, and no other"
    );
    let count = successes.to_string();
    assert_eq!(shown(host.gateway(), "/visitors/all/anybody").await, count);
    // It is on the disk, as an acknowledged commit is.
    host.kill_9();
    host.reopen().await;
    assert_eq!(shown(host.gateway(), "/visitors/all/anybody").await, count);
}

#[tokio::test]
async fn what_is_refused_or_fails_leaves_no_write() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    let post = async |path: &str| ask(client, Method::POST, path).await;
    assert_eq!(post("/visitors/b/anna").await, (200, "1".to_owned()));
    for status in [400, 404, 500, 503] {
        let refused = post(&format!("/visitors/b/anna/refused/{status}")).await;
        assert_eq!(refused, (status, "2".to_owned()));
    }
    assert_eq!(post("/visitors/b/anna/trapped").await.0, 500);
    assert_eq!(shown(client, "/visitors/b/anna").await, "1");
    // A request that only reads commits nothing.
    let commits = async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        let name = "innkeeper_commits_total{context=\"visitors\"}";
        let found = metrics.lines().find(|line| line.starts_with(name));
        found.expect("commits are counted").to_owned()
    };
    let before = commits().await;
    for _ in 0..10 {
        shown(client, "/visitors/b/anna").await;
    }
    assert_eq!(commits().await, before);
}

#[tokio::test]
async fn a_repeat_with_the_same_idempotency_key_counts_once() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    for _ in 0..3 {
        let visit = client.request(Method::POST, "/visitors/b/anna");
        let reply = send(visit.header("idempotency-key", "anna-comes")).await;
        assert_eq!(reply.expect(200).text, "1");
    }
    assert_eq!(shown(client, "/visitors/b/anna").await, "1");
}

#[tokio::test]
async fn buckets_are_kept_apart_and_listed_in_pages() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    // The character that ends a bucket's name in a row, and the one that stands for it there, are characters like others.
    for bucket in ["a", "b", "a%01", "a%02", "a%021", "a%01anna%01"] {
        let path = format!("/visitors/{bucket}/anna");
        assert_eq!(ask(client, Method::POST, &path).await.1, "1", "{bucket}");
    }
    assert_eq!(ask(client, Method::PUT, "/many/m/2500").await.0, 204);
    assert_eq!(ask(client, Method::PUT, "/many/mm/10").await.0, 204);
    let sum: u64 = (0..2_500).sum();
    assert_eq!(shown(client, "/many/m").await, format!("2500 in 3, {sum}"));
    assert_eq!(shown(client, "/many/mm").await, "10 in 1, 45");
    assert_eq!(shown(client, "/many/none").await, "0 in 1, 0");
    // A cursor holds in another invocation, too.
    for (cursor, page) in [
        ("0", "1000 from 00000, Some(1000)"),
        ("1000", "1000 from 01000, Some(2000)"),
        ("2000", "500 from 02000, None"),
        ("2500", "0 from none, None"),
        ("9999", "0 from none, None"),
    ] {
        assert_eq!(shown(client, &format!("/many/m/page/{cursor}")).await, page);
    }
    // What is removed while it is listed does not make the list skip anything.
    assert_eq!(ask(client, Method::DELETE, "/many/m").await.1, "0 left");
    assert_eq!(shown(client, "/many/m").await, "0 in 1, 0");
    assert_eq!(shown(client, "/many/mm").await, "10 in 1, 45");
    let described = host.operators().context("visitors").await;
    let tables = described["description"]["tables"].clone();
    assert!(holds(&tables, "keyvalue"), "{described}");
}

fn holds(tables: &Value, name: &str) -> bool {
    let mut tables = tables.as_array().into_iter().flatten();
    tables.any(|table| table["name"] == name)
}

#[tokio::test]
async fn numbers_are_incremented_and_what_is_none_is_an_error_for_the_guest() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    let post = async |path: &str| ask(client, Method::POST, path).await;
    assert_eq!(post("/incremented/b/n/5").await, (200, "5".to_owned()));
    assert_eq!(post("/incremented/b/n/7").await, (200, "12".to_owned()));
    let most = u64::MAX - 12;
    let path = format!("/incremented/b/n/{most}");
    assert_eq!(post(&path).await, (200, u64::MAX.to_string()));
    let (status, said) = post("/incremented/b/n/1").await;
    assert_eq!(status, 409, "{said}");
    assert_eq!(shown(client, "/visitors/b/n").await, u64::MAX.to_string());
}

/// Its row begins with the bucket, so the contract's longest key has room for less of it, and an empty one makes no empty row.
#[tokio::test]
async fn a_bucket_takes_every_key_that_makes_a_row_and_no_other() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    for (length, status) in [(0, 200), (1_013, 200), (1_014, 409), (100_000, 409)] {
        for method in [Method::PUT, Method::DELETE] {
            let (found, said) = ask(client, method.clone(), &format!("/long/b/{length}")).await;
            assert_eq!(found, status, "{method} {length}: {said}");
        }
    }
    assert_eq!(shown(client, "/many/b").await, "0 in 1, 0");
}
