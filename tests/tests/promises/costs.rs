//! What is read and held costs what it is worth, and is bounded: however many rows, contexts, events and readers there are.

use std::time::{Duration, Instant};

use innkeeper_tests::{Client, Opening, Reply, Settings, TestHost, artifacts, eventually};
use serde_json::{Value, json};

/// Rows in a table that is small, and in one where whatever looks at each of them would take sixteen times as long.
const FEW: u64 = 5_000;
const MANY: u64 = 16 * FEW;
/// Rows of a page.
const PAGE: u64 = 20;

async fn archive() -> Settings {
    Settings::empty()
        .with("archive", "archive")
        .await
        // Every request is to run the guest.
        .set("context.archive.limits.answers", 0)
        .set("context.archive.limits.deadline", "60s")
        .set("journal.durability", "relaxed")
}

async fn fill(client: &Client, entries: u64) {
    const STEP: u64 = 5_000;
    for _ in 0..entries / STEP {
        let reply = client.post(&format!("/entries/{STEP}"), json!(null)).await;
        reply.expect(204);
    }
}

/// The time that a request takes: the fastest of some, since others may work beside it.
async fn takes(client: &Client, path: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..30 {
        let began = Instant::now();
        client.get(path).await.expect(200);
        times.push(began.elapsed());
    }
    times.into_iter().min().unwrap_or_default()
}

fn ids(reply: &Reply) -> Vec<u64> {
    let items = reply.body["items"].as_array().expect("a page has items");
    let id = |item: &Value| item["id"].as_u64().expect("an item has an id");
    items.iter().map(id).collect()
}

/// Where a `Link` header leads.
fn link(reply: &Reply, relation: &str) -> Option<String> {
    let relation = format!("rel=\"{relation}\"");
    let links = reply.headers["link"].to_str().expect("a link is text");
    let link = links.split(", ").find(|link| link.ends_with(&relation))?;
    Some(link.split(['<', '>']).nth(1)?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_costs_the_same_however_many_rows_there_are() {
    let host = Opening::new(archive().await).alone().open().await;
    let client = host.gateway();
    fill(client, FEW).await;
    let paths = |rows: u64| {
        let last = rows / PAGE - 1;
        [
            format!("/entries?size={PAGE}"),
            format!("/entries?after={}&size={PAGE}", FEW / 2),
            format!("/entries?page={last}&size={PAGE}"),
        ]
    };
    let mut few = Vec::new();
    for path in paths(FEW) {
        few.push(takes(client, &path).await);
    }
    fill(client, MANY - FEW).await;
    for (path, few) in paths(MANY).iter().zip(few) {
        let many = takes(client, path).await;
        eprintln!("{path}: {few:?} with {FEW} rows, {many:?} with {MANY}");
        assert!(
            many < few * 3 + Duration::from_millis(3),
            "{path}: {few:?} grew to {many:?}"
        );
    }

    // A page in the middle is there, too.
    let middle = format!("/entries?page={}&size={PAGE}", MANY / 2 / PAGE);
    let middle = client.get(&middle).await.expect(200);
    assert_eq!(middle.number("total"), MANY);
    let expected = MANY / 2 + 1..=MANY / 2 + PAGE;
    assert_eq!(ids(&middle), expected.collect::<Vec<_>>());

    // Who counts what nobody keeps a count of looks at each key: off the threads that everything else runs on, and in turns.
    let base = client.base().to_owned();
    let counting = (0..4).map(|_| {
        let client = Client::new(base.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                let count = client.get("/counts").await.expect(200).body;
                assert_eq!(count, MANY);
            }
        })
    });
    let counting: Vec<_> = counting.collect();
    let mut times = Vec::new();
    while !counting.iter().all(|counter| counter.is_finished()) {
        let began = Instant::now();
        host.operators().client().get("/livez").await;
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for counter in counting {
        counter.await.expect("each count is answered");
    }
    times.sort();
    let usual = times[times.len() / 2];
    assert!(usual < Duration::from_millis(100), "/livez took {usual:?}");
}

#[tokio::test]
async fn a_list_is_followed_by_its_links() {
    let settings = archive().await.set("journal.durability", "flush");
    let mut host = TestHost::with(settings).await;
    fill(host.gateway(), 5_000).await;
    for id in [1, 20, 21, 22, 23, 24, 4_999, 5_000] {
        let path = format!("/entries/{id}");
        host.gateway().delete(&path).await.expect(204);
    }
    host.gateway()
        .post("/entries/3", json!(null))
        .await
        .expect(204);
    let gone = [1, 20, 21, 22, 23, 24, 4_999, 5_000];
    for life in 0..2 {
        let client = host.gateway();
        let first = client.get("/entries?size=100").await.expect(200);
        assert_eq!(first.number("total"), 4_995, "in life {life}");
        let mut found = Vec::new();
        let mut next = link(&first, "first");
        while let Some(path) = next {
            let page = client.get(&path).await.expect(200);
            assert_eq!(page.number("total"), 4_995);
            found.extend(ids(&page));
            next = link(&page, "next");
        }
        // Numbers may be skipped, and not only those that were deleted.
        assert_eq!(found.len(), 4_995);
        assert!(found.is_sorted() && !found.iter().any(|id| gone.contains(id)));
        let last = client.get(&link(&first, "last").unwrap()).await.expect(200);
        assert_eq!(ids(&last), found[4_900..]);
        assert_eq!(link(&last, "next"), None);
        let previous = client.get(&link(&last, "prev").unwrap()).await.expect(200);
        assert_eq!(ids(&previous), found[4_800..4_900]);
        host.kill_9();
        host.reopen().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reads_much_holds_little_and_what_reads_too_much_is_refused() {
    const MANY: u64 = 60_000;
    let settings = archive().await.set(
        "context.archive.limits.read.keys",
        i64::try_from(MANY).unwrap(),
    );
    let host = Opening::new(settings).alone().open().await;
    let miss = async |count: u64| {
        let path = format!("/missing/{count}");
        host.gateway().post(&path, json!(null)).await
    };
    miss(1_000).await.expect(200);
    let before = host.resident();
    let replies = futures::future::join_all((0..8).map(|_| miss(MANY))).await;
    let after = host.resident();
    for reply in replies {
        reply.expect(200);
    }
    eprintln!("{before} KiB grew to {after}");
    assert!(after < before + 30 * 1_024, "{before} KiB grew to {after}");
    let refused = miss(2_000_000).await;
    let problem = refused.expect_problem(500);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:guest-failed",
        "{problem:?}"
    );
    eventually("it is logged why", async || {
        let lines = host.output().lines_with("more than 60000 keys");
        (!lines.is_empty()).then_some(()).ok_or("it is not")
    })
    .await;
    miss(1_000).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_the_host_does_not_have_is_not_given() {
    let settings = archive()
        .await
        // Two guests at a time, and not three.
        .set("host.memory", "256MiB")
        .set("host.guests_memory", "80MiB")
        .set("context.archive.limits.memory", "200MiB");
    let host = Opening::new(settings).alone().open().await;
    let hold = async |_| host.gateway().post("/memory/32", json!(null)).await;
    hold(0).await.expect(200);
    let replies = futures::future::join_all((0..24).map(hold)).await;
    let mut refused = 0;
    for reply in replies {
        if reply.status != 200 {
            overloaded(reply);
            refused += 1;
        }
    }
    assert!(
        refused < 12,
        "most find memory when they wait, but {refused} of 24 did not"
    );
    hold(0).await.expect(200);
    // More than there can be is not waited for.
    let begun = Instant::now();
    let reply = host.gateway().post("/memory/100", json!(null)).await;
    overloaded(reply);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    let metrics = host.operators().client().get("/metrics").await.text;
    let limit = "innkeeper_memory_limit_bytes{for=\"guests\"} 83886080";
    assert!(metrics.contains(limit), "{metrics}");
    assert!(
        metrics.contains("innkeeper_memory_held_bytes{for=\"guests\"} 0"),
        "{metrics}"
    );
}

/// What a guest has the host hold for it is much more than it has itself.
#[tokio::test]
async fn what_is_staged_counts_as_memory_of_the_host() {
    let settings = archive()
        .await
        // A quarter is for answers that may be given again: 9 MiB are left.
        .set("host.memory", "12MiB")
        .set("host.guests_memory", "6MiB")
        .set("context.archive.limits.response", "256KiB")
        .set("context.archive.limits.staged", "10MiB");
    let host = Opening::new(settings).alone().open().await;
    let bulk = async |rows: u64| {
        let path = format!("/bulk/0/{rows}");
        host.gateway().post(&path, json!(null)).await
    };
    bulk(2).await.expect(204);
    for _ in 0..3 {
        overloaded(bulk(10).await);
    }
    bulk(2).await.expect(204);
    let held = "innkeeper_memory_held_bytes{for=\"invocations\"} 0";
    eventually("nothing is held any more", async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        metrics.contains(held).then_some(()).ok_or(metrics)
    })
    .await;
}

fn overloaded(reply: Reply) {
    let problem = reply.expect_problem(503);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:overloaded",
        "{problem:?}"
    );
    assert!(!problem.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_everybody_changes_is_named() {
    let host = TestHost::with(archive().await).await;
    let add = |client: Client| async move {
        for _ in 0..200 {
            client.post("/totals", json!(null)).await.expect(200);
        }
    };
    futures::future::join_all((0..16).map(|_| add(host.gateway().clone()))).await;
    let total = host
        .gateway()
        .post("/totals", json!(null))
        .await
        .expect(200);
    assert_eq!(total.body, 3_201);
    let status = host.operators().get("/v1/contexts/archive").await;
    let worst = &status["contended"][0];
    assert_eq!(worst["key"], "totals/all", "{status}");
    assert!(worst["conflicts"].as_u64() > Some(0), "{status}");
}

/// The context reservation follows one kind of event of room, and none that are published here.
#[tokio::test]
async fn what_a_follower_passed_over_it_does_not_look_at_again() {
    let mut host = TestHost::open().await;
    let journal = async |host: &TestHost| {
        let status = host.operators().get("/v1/contexts/reservation").await;
        status["journal"]["flushed"].as_u64().expect("a number")
    };
    let before = journal(&host).await;
    for number in 0..64 {
        host.stay().room(&number.to_string()).await;
    }
    // At the latest some seconds after the first of them, each lane notes in the journal how far it has come.
    eventually("the cursors are written", async || {
        let now = journal(&host).await;
        (now >= before + 8).then_some(()).ok_or(now)
    })
    .await;
    host.kill_9();
    host.reopen().await;
    assert!(journal(&host).await >= before + 8);
    host.at_rest().await;
}

#[tokio::test]
async fn a_version_that_was_taken_over_from_gives_back_the_memory_of_its_answers() {
    let host = TestHost::with(Settings::empty().with("archive", "archive").await).await;
    host.gateway()
        .post("/entries/500", json!(null))
        .await
        .expect(204);
    let held = async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        let name = "innkeeper_memory_held_bytes{for=\"answers\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.expect("a line with it")
            .parse::<f64>()
            .expect("a number")
    };
    for id in 0..400 {
        let path = format!("/entries?after={id}&size=100");
        host.gateway().get(&path).await.expect(200);
    }
    let before = held().await;
    assert!(before > 400_000.0, "{before}");
    let edited = artifacts::edited("archive", "two").await;
    let deployed = host.operators().deploy("archive", edited, "").await;
    assert!(deployed.status < 300, "{}", deployed.text);
    eventually("the memory is given back", async || {
        let now = held().await;
        (now < before / 10.0).then_some(()).ok_or(now)
    })
    .await;
}

/// Contexts that do nothing cost next to nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_contexts_start_soon_and_cost_little() {
    let mut settings = Settings::of_the_app().await;
    for number in 0..1_000 {
        settings = settings.with(&format!("idler-{number}"), "idler").await;
    }
    let mut host = Opening::new(settings).alone().open().await;
    let resident = host.resident();
    let room = host.stay().room("beside a thousand").await;
    host.close().await;
    let began = Instant::now();
    host.reopen().await;
    let again = began.elapsed();
    eprintln!("started in {again:?}, {resident} KiB");
    assert!(resident < 1 << 20, "{resident} KiB");
    assert!(again < Duration::from_secs(40), "{again:?}");
    assert_eq!(
        host.stay().at(&format!("/rooms/{room}")).await["roomId"],
        room
    );
}
