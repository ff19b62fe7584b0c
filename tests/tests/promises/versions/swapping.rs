//! Swaps under load: no request, call or event is dropped, doubled, or run by half a version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use innkeeper_tests::artifacts::{digest, edited};
use innkeeper_tests::{
    Answered, Load, Opening, Operators, Record, Settings, TestHost, Traffic, holds_once, p99,
    request, within,
};
use serde_json::Value;

/// How long it goes on in a test; a minute shows what docs/rollouts.md says.
const SECONDS: &str = "INNKEEPER_TESTS_SWAP_SECONDS";
/// How long the same load is looked at without swaps, at the most.
const CALM: Duration = Duration::from_secs(60);
/// How often a version is swapped.
const PERIOD: Duration = Duration::from_millis(500);

fn seconds() -> u64 {
    let given = std::env::var(SECONDS).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// How long it is looked at with and without compiling.
const WHILE: Duration = Duration::from_secs(5);

async fn settings() -> Settings {
    Settings::of_the_app()
        .await
        .set("gateway.version_header", true)
        .set("admin.upload_limit.requests_per_second", 100)
        .set("admin.upload_limit.burst", 100)
}

fn register(number: u64) -> Vec<u8> {
    request(
        "POST",
        "/rooms",
        &format!(r#"{{"desc": "Beautiful House{number}"}}"#),
    )
}

/// Two editions of a context, deployed once, so that both are compiled already.
async fn compiled_editions(operators: &Operators, context: &str) -> [Vec<u8>; 2] {
    let editions = [edited(context, "a").await, edited(context, "b").await];
    for edition in &editions {
        operators
            .deploy(context, edition.clone(), "")
            .await
            .expect(201);
    }
    editions
}

/// Swaps a context between two editions of it, until the time is over; answers how often.
async fn swap_to_and_fro(
    operators: &Operators,
    context: &str,
    editions: &[Vec<u8>; 2],
    time: Duration,
) -> u32 {
    let began = Instant::now();
    let mut swaps = 0;
    // A machine that is shared stands still for seconds at times: then it takes longer, but not for ever.
    let few = |swaps| u64::from(swaps) < least_swaps(time) && began.elapsed() < time * 6;
    while began.elapsed() < time || few(swaps) {
        let next = began + PERIOD * (swaps + 1);
        let edition = editions[swaps as usize % 2].clone();
        operators.deploy(context, edition, "").await.expect(201);
        swaps += 1;
        tokio::time::sleep_until(next.into()).await;
    }
    swaps
}

/// Half of what there would be if nothing ever took longer than the period.
fn least_swaps(time: Duration) -> u64 {
    time.as_secs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_context_is_swapped_twice_a_second_and_nobody_notices() {
    let host = Opening::new(settings().await).alone().open().await;
    let time = Duration::from_secs(seconds());
    let base = host.gateway().base();
    let editions = compiled_editions(host.operators(), "room").await;
    // The same load without swaps, before and after: what there is to be kept grows meanwhile.
    let calm = async || {
        let traffic = Traffic::start(base, 100, register);
        tokio::time::sleep(CALM.min(time / 2)).await;
        p99(&traffic.stop().await)
    };
    let calm_before = calm().await;
    let before = room_commits(host.operators()).await;

    let traffic = Traffic::start(base, 100, register);
    let swaps = swap_to_and_fro(host.operators(), "room", &editions, time).await;
    let answers = traffic.stop().await;

    let failed: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != 201)
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
    let by: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.version.as_str())
        .collect();
    assert!(!by.contains(""), "each answer says which version made it");
    assert!(by.len() >= 2, "both versions served: {by:?}");
    let commits = room_commits(host.operators()).await - before;
    assert_eq!(commits, answers.len() as u64, "one commit for each request");
    nothing_after_the_drain(&answers, &host.operators().versions("room").await);
    let (calm, swapped) = (calm_before.max(calm().await), p99(&answers));
    eprintln!(
        "{swaps} swaps, {} requests, p99 {swapped:?}, without swaps {calm:?}",
        answers.len()
    );
    assert!(
        swapped < calm * 2,
        "p99 {swapped:?}, without swaps {calm:?}"
    );
    assert!(u64::from(swaps) >= least_swaps(time), "{swaps} swaps");
}

/// The commits of requests that room has made.
async fn room_commits(operators: &Operators) -> u64 {
    let mut count = 0;
    let mut after = 0;
    loop {
        let path = format!("/v1/contexts/room/commits?after={after}&limit=1000");
        let page = operators.get(&path).await;
        let commits = page["commits"].as_array().expect("a list").clone();
        let Some(last) = commits.last() else {
            return count;
        };
        after = last["position"].as_u64().expect("a position");
        let web = commits.iter().filter(|commit| commit["trigger"] == "web");
        count += web.count() as u64;
    }
}

/// No request began and ended on a version while that was drained.
fn nothing_after_the_drain(answers: &[Answered], versions: &[Value]) {
    let mut drained = BTreeMap::<String, Vec<(u64, u64)>>::new();
    for version in versions {
        let digest = version["digest"].as_str().expect("a digest");
        let title = format!("room/{} {}", version["number"], &digest[..12]);
        let mut since = None;
        for step in version["history"].as_array().expect("a list") {
            let time = step["time"].as_str().expect("a time");
            let time: innkeeper::core::Timestamp = time.parse().expect("a time");
            match step["state"].as_str() {
                Some("drained") => since = Some(time.0),
                Some("current") => {
                    if let Some(since) = since.take() {
                        drained
                            .entry(title.clone())
                            .or_default()
                            .push((since, time.0));
                    }
                }
                _ => {}
            }
        }
        if let Some(since) = since {
            drained.entry(title).or_default().push((since, u64::MAX));
        }
    }
    assert!(!drained.is_empty(), "something was drained");
    for answer in answers {
        for (since, until) in drained.get(&answer.version).into_iter().flatten() {
            assert!(
                answer.began <= *since || answer.ended >= *until,
                "{answer:?} while it was drained from {since} to {until}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contexts_that_call_each_other_are_swapped_at_once_while_guests_book() {
    let host = Opening::new(settings().await).alone().open().await;
    let record = Arc::new(Record::default());
    for _ in 0..24 {
        record.register(host.gateway()).await.expect("it is open");
    }
    let load = Load::start(host.gateway(), &record, 12, 7);
    let time = Duration::from_secs(seconds());
    let operators = host.operators();
    let swap = async |context: &str| {
        let editions = compiled_editions(operators, context).await;
        swap_to_and_fro(operators, context, &editions, time).await
    };
    let swaps = tokio::join!(
        swap("room"),
        swap("reservation"),
        swap("payment"),
        swap("viewpage"),
    );
    load.stop().await;
    let rest = within(Duration::from_secs(60), async || {
        let differences = record.differences(&host.look().await?);
        match differences.is_empty() {
            true => Ok(()),
            false => Err(differences.join("\n")),
        }
    });
    rest.await.expect("all is as it must be");
    eprintln!("{swaps:?} swaps, {} requests done", record.successes());
    assert!(record.successes() > 100);
}

#[tokio::test]
async fn a_rollback_is_there_at_once() {
    let host = TestHost::with(settings().await).await;
    let room = host.stay().room("looked at").await;
    let first = host.operators().serving("room").await;
    let edition = edited("room", "rolled back").await;
    let second = digest(&edition);
    host.operators()
        .deploy("room", edition, "")
        .await
        .expect(201);
    let path = format!("/rooms/{room}");
    let served_by = async || {
        host.gateway()
            .get(&path)
            .await
            .expect(200)
            .header("innkeeper-version")
            .to_owned()
    };
    assert!(served_by().await.contains(&second[..12]));
    let began = Instant::now();
    let done = host.operators().rollback("room").await.expect(200);
    let served = served_by().await;
    let took = began.elapsed();
    assert!(served.contains(&first[..12]), "{served}");
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!((done.number("from"), done.number("to")), (2, 1));
    // There is nothing before the first.
    let refused = host.operators().rollback("room").await.expect_problem(404);
    assert!(
        refused.text.contains("no version to roll back to"),
        "{}",
        refused.text
    );
    // And forward again, which is a rollout of what is known.
    let edition = edited("room", "rolled back").await;
    let again = host
        .operators()
        .deploy("room", edition, "")
        .await
        .expect(201);
    assert_eq!(again.number("number"), 2);
}

/// Each is compiled in a process of its own, behind what serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compiling_does_not_double_the_latency_of_what_serves() {
    let host = Opening::new(settings().await).alone().open().await;
    holds_once("who is served while components are compiled", async || {
        let (calm, busy) = without_and_with_compiling(&host).await;
        match busy < calm * 2 {
            true => Ok(()),
            false => Err(format!("p99 {calm:?}, with compiling {busy:?}")),
        }
    })
    .await;
}

async fn without_and_with_compiling(host: &TestHost) -> (Duration, Duration) {
    let base = host.gateway().base();
    let traffic = Traffic::start(base, 16, register);
    tokio::time::sleep(WHILE).await;
    let calm = p99(&traffic.stop().await);

    let traffic = Traffic::start(base, 16, register);
    let (began, mut compiled) = (Instant::now(), 0);
    while began.elapsed() < WHILE {
        // Nobody has seen it, so nothing of it is in a cache.
        let fresh = edited("room", &rand::random::<u64>().to_string()).await;
        let reply = host.operators().deploy("room", fresh, "dry-run=true").await;
        let reply = reply.expect(200);
        let steps = reply.body["steps"].as_array().expect("a list");
        let is_fresh = |step: &&Value| {
            let what = step["what"].as_str();
            what.is_some_and(|what| what.starts_with("compiled in"))
        };
        assert!(steps.iter().any(|step| is_fresh(&step)), "{}", reply.text);
        compiled += 1;
    }
    let answers = traffic.stop().await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let busy = p99(&answers);
    eprintln!("{compiled} components were compiled, p99 {busy:?}, without them {calm:?}");
    assert!(compiled >= 2, "{compiled} components");
    (calm, busy)
}
