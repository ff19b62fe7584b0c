//! Memory of the host: over a million requests, and as its journals grow.

use innkeeper_tests::{Opening, Settings, TestHost, flood, request};

use super::load::scripted;
use super::table::{Report, rate};

const REQUESTS: u64 = 1_000_000;
/// How many commits fill the journal's cache before the requests are counted.
const FILLING: u64 = 150_000;
/// How many rooms the commits are about.
const ROOMS: u64 = 64;
/// The sizes of the journal's cache that are compared.
const CACHES: [&str; 3] = ["1MiB", "16MiB", "64MiB"];
/// How far the journals grow then, and in how many steps.
const COMMITS: u64 = 400_000;
const STEPS: u64 = 8;
/// How often the memory is looked at in each step: what the journal has in hand for the disk comes and goes, 16 MiB at a time.
const LOOKS: u64 = 25;

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

/// Watches both.
pub async fn watch(report: &mut Report) {
    over_requests(report).await;
    over_commits(report).await;
}

async fn over_requests(report: &mut Report) {
    let note = format!(
        "The whole app, resident memory in MiB, the middle of what was seen in each tenth. *Reads*: `GET /rooms/1`, each run by the guest. *Mixed*: one of ten \
         requests is `PATCH /rooms/1`, which viewpage follows, at durability `relaxed`, so that it does not take long. Before that, {} changes of rooms fill \
         `journal.cache`, which is 1 MiB here: what a larger one takes is in the next table.",
        rate(FILLING as f64)
    );
    let head = ["requests", "reads", "requests", "mixed", "journal on disk"];
    let table = report.table("Memory over a million requests", note, &head);
    let reads = run("").await;
    let mixed = run(SCRIPT).await;
    for (reads, mixed) in reads.into_iter().zip(mixed) {
        table.row([
            rate(reads.requests as f64),
            format!("{:.0}", reads.resident),
            rate(mixed.requests as f64),
            format!("{:.0}", mixed.resident),
            format!("{:.0}", mixed.journal),
        ]);
    }
}

/// What was seen at the end of a tenth.
struct Seen {
    requests: u64,
    resident: f64,
    journal: f64,
}

async fn run(script: &str) -> Vec<Seen> {
    let host = open("1MiB").await;
    change(&host, FILLING, &mut Vec::new()).await;
    let base = host.gateway().base().to_owned();
    let mut requests = 0;
    let mut seen = Vec::new();
    for tenth in 1..=10 {
        let mut looks = Vec::new();
        while requests < REQUESTS / 10 * tenth {
            requests += scripted(&base, "/rooms/1", 1, 32, script).await.requests;
            looks.push(resident(&host));
        }
        let resident = middle(looks);
        let journal = on_disk(&host);
        eprintln!("{requests} requests: {resident:.0} MiB, {journal:.0} MiB on disk");
        seen.push(Seen {
            requests,
            resident,
            journal,
        });
    }
    seen
}

async fn over_commits(report: &mut Report) {
    let note = format!(
        "The whole app while rooms are changed, at durability `relaxed`; a change is two commits, room's and viewpage's. Resident memory in MiB by \
         `journal.cache`, the middle of {LOOKS} looks. It has three parts: what the host has from the start, with some 16 MiB at a time that are on their way \
         to the disk; the cache, which fills up, and takes somewhat more than it counts; and an index that says where each page of the journal is, which \
         grows as long as the journal does."
    );
    let mut head = vec!["changes", "journal on disk"];
    head.extend(CACHES);
    let table = report.table("Memory as the journals grow", note, &head);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for cache in CACHES {
        let host = open(cache).await;
        for step in 0..STEPS {
            let mut looks = Vec::new();
            change(&host, COMMITS / STEPS, &mut looks).await;
            let (resident, journal) = (middle(looks), on_disk(&host));
            eprintln!("{cache}: {resident:.0} MiB, {journal:.0} MiB on disk");
            let changes = COMMITS / STEPS * (step + 1);
            let index = usize::try_from(step).expect("a few steps");
            if rows.len() == index {
                rows.push(vec![rate(changes as f64), format!("{journal:.0}")]);
            }
            rows[index].push(format!("{resident:.0}"));
        }
    }
    for row in rows {
        table.row(row);
    }
}

async fn open(cache: &str) -> TestHost {
    let settings = Settings::of_the_app()
        .await
        .set("journal.durability", "relaxed")
        .set("journal.cache", cache)
        .set("context.room.limits.answers", 0);
    let host = Opening::new(settings).alone().open().await;
    let register = |_| request("POST", "/rooms", r#"{"desc": "Beautiful House"}"#);
    let flooded = flood(host.gateway().base(), 8, ROOMS, register).await;
    assert_eq!(flooded.refusals, 0);
    host
}

/// Changes rooms so many times, and looks at the memory in between.
async fn change(host: &TestHost, times: u64, looks: &mut Vec<f64>) {
    let change = |number| {
        let path = format!("/rooms/{}", 1 + number % ROOMS);
        request("PATCH", &path, r#"{"desc": "Beautiful House"}"#)
    };
    for _ in 0..LOOKS {
        let flooded = flood(host.gateway().base(), 32, times / LOOKS, change).await;
        assert_eq!(flooded.refusals, 0);
        looks.push(resident(host));
    }
}

fn resident(host: &TestHost) -> f64 {
    host.resident() as f64 / 1024.0
}

/// What the journals take on the disk, in MiB.
fn on_disk(host: &TestHost) -> f64 {
    let file = host.home().join("data/journal/db");
    let length = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    length as f64 / f64::from(1 << 20)
}

fn middle(mut looks: Vec<f64>) -> f64 {
    looks.sort_by(f64::total_cmp);
    looks.get(looks.len() / 2).copied().unwrap_or_default()
}
