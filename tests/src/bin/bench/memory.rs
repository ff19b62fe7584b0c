//! Memory of the host over a million requests.

use innkeeper_tests::{Opening, Settings};

use super::load::scripted;
use super::table::{Report, rate};

const REQUESTS: u64 = 1_000_000;

/// One of ten requests changes a room, the others look at it.
const SCRIPT: &str = r#"
local count = 0
request = function()
    count = count + 1
    if count % 10 == 0 then
        return wrk.format('PATCH', '/rooms/1', {['content-type'] = 'application/json'}, '{"desc": "Beautiful House"}')
    end
    return wrk.format('GET', '/rooms/1')
end
"#;

/// Watches it.
pub async fn watch(report: &mut Report) {
    let note = "The whole app, resident memory in MiB. *Reads*: `GET /rooms/1`, each run by the guest. *Mixed*: one of ten requests is `PATCH /rooms/1`, which \
                viewpage follows, at durability `relaxed`, so that it does not take long. Reads leave nothing behind; with commits \
                it grows, and where it goes has not been traced; `journal.cache` is 16 MiB here.";
    let table = report.table(
        "Memory over a million requests",
        note,
        &["requests", "reads", "requests", "mixed"],
    );
    let reads = run("").await;
    let mixed = run(SCRIPT).await;
    for ((requests, resident), (mixed_requests, mixed_resident)) in reads.into_iter().zip(mixed) {
        table.row([
            rate(requests as f64),
            format!("{resident:.1}"),
            rate(mixed_requests as f64),
            format!("{mixed_resident:.1}"),
        ]);
    }
}

/// The requests so far and the resident memory then, at the end of each tenth.
async fn run(script: &str) -> Vec<(u64, f64)> {
    let settings = Settings::of_the_app()
        .await
        .set("journal.durability", "relaxed")
        .set("journal.cache", "16MiB")
        .set("context.room.limits.answers", 0);
    let inn = Opening::new(settings).alone().open().await;
    inn.stay().room("Beautiful House").await;
    let base = inn.gateway().base().to_owned();
    let mut requests = 0;
    let mut seen = Vec::new();
    for tenth in 1..=10 {
        while requests < REQUESTS / 10 * tenth {
            requests += scripted(&base, "/rooms/1", 2, 32, script).await.requests;
        }
        seen.push((requests, inn.resident() as f64 / 1024.0));
        eprintln!("{requests} requests: {} KiB", inn.resident());
    }
    seen
}
