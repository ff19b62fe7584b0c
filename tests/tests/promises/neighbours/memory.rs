//! Memory of guests: who wants all of it leaves some for the others.

use std::time::Duration;

use innkeeper_tests::{Opening, Traffic, flood, request};
use serde_json::json;

use super::settings;

/// How many clients want memory, and how much each.
const CLIENTS: u64 = 32;
const MEBIBYTES: u64 = 6;
/// Far less than it takes a guest that has some to end: whoever had to wait for that would be later.
const LATE: Duration = Duration::from_millis(1_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_all_of_it_leaves_some_for_others() {
    let settings = settings()
        .await
        .set("context.hostile.limits.deadline", "4s")
        .set("host.memory", "256MiB")
        .set("host.guests_memory", "64MiB");
    let host = Opening::new(settings).alone().open().await;
    let base = host.gateway().base();
    let client = host.gateway();
    client.post("/entries/10", json!(null)).await.expect(204);
    let make = |_| request("POST", &format!("/hostile/memory/{MEBIBYTES}"), "");
    let greedy = Traffic::start(base, CLIENTS, make);
    let read = |_| request("GET", "/entries?size=10", "");
    // Over the time of several generations of guests that take what there is.
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let flooded = flood(base, 2, 100, read).await;
        assert_eq!(flooded.refusals, 0);
        slowest = slowest.max(flooded.percentile(99));
    }
    let tried = greedy.stop().await;
    eprintln!("{slowest:?} at worst, beside {} tries", tried.len());
    assert!(slowest < LATE, "{slowest:?}");
    assert!(tried.len() as u64 >= CLIENTS, "{}", tried.len());
}
