//! With `min = 0` a context leaves memory when it is idle, and is back before anybody notices.

use std::path::PathBuf;

use futures::future::join_all;
use innkeeper_tests::{Opening, Settings, TestHost, Traffic, artifacts, eventually, request};
use serde_json::json;

use super::{condition, metric, scaled, told};

/// How many contexts there are; a thousand are compiled for a while.
const CONTEXTS: &str = "INNKEEPER_TESTS_IDLE_CONTEXTS";

/// A context that leaves memory after half a second.
fn leaving(settings: Settings, context: &str) -> Settings {
    settings
        .set(&format!("context.{context}.autoscale.min"), 0)
        .set(&format!("context.{context}.autoscale.idle"), "500ms")
}

async fn is_unloaded(host: &TestHost, context: &str) {
    eventually("it has left memory", async || {
        let scaled = scaled(host.operators(), context).await;
        let is_out = scaled["loaded"] == false && scaled["slots"] == 0;
        is_out.then_some(()).ok_or(scaled.to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_to_one_that_is_out_of_memory_waits_for_one_load_and_is_served() {
    let settings = Settings::empty().with("archive", "archive").await;
    let host = TestHost::with(leaving(settings, "archive")).await;
    let operators = host.operators();
    // It starts without.
    is_unloaded(&host, "archive").await;
    assert_eq!(
        condition(&scaled(operators, "archive").await, "ScalingActive"),
        ("True", "ScaledToZero")
    );
    let replies = join_all((0..100).map(|_| host.gateway().get("/entries"))).await;
    for reply in replies {
        reply.expect(200);
    }
    is_unloaded(&host, "archive").await;
    let left = told(operators, "Unloaded", "archive", 1).await;
    assert_eq!(left[0]["reason"], "no work for 500 ms", "{left:?}");
    let loaded = told(operators, "Loaded", "archive", 1).await;
    assert_eq!(loaded.len(), 1, "{loaded:?}");
    let took = loaded[0]["microseconds"].as_u64();
    eprintln!("loaded in {took:?} microseconds");
    // 5 ms where nothing else runs.
    assert!(took < Some(100_000), "{loaded:?}");
    // Once more, and with what it had kept.
    host.gateway()
        .post("/entries/5", json!(null))
        .await
        .expect(204);
    let page = host.gateway().get("/entries").await.expect(200);
    assert_eq!(page.number("total"), 5);
    let labels = "context=\"archive\",outcome=\"loaded\"";
    let loads = metric(operators, "innkeeper_version_loads_total", labels).await;
    assert_eq!(loads, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_events_and_timers_bring_a_context_back() {
    let mut settings = Settings::of_the_app().await.with("bell", "bell").await;
    for context in [
        "room",
        "reservation",
        "payment",
        "message",
        "viewpage",
        "bell",
    ] {
        settings = leaving(settings, context);
    }
    let host = TestHost::with(settings).await;
    for _ in 0..2 {
        for context in [
            "room",
            "reservation",
            "payment",
            "message",
            "viewpage",
            "bell",
        ] {
            is_unloaded(&host, context).await;
        }
        // A request of one, calls of others, and events that all of them follow.
        let room = host.stay().room("asleep").await;
        host.stay().booked(room).await;
        host.at_rest().await;
    }
    let ring = json!({"number": 1, "afterMs": 5_000});
    host.gateway()
        .post("/bells/7/rings", ring)
        .await
        .expect(200);
    is_unloaded(&host, "bell").await;
    // Nobody asks; the timer rings.
    told(host.operators(), "Loaded", "bell", 2).await;
    let heard = host.gateway().get("/bells/7").await.expect(200);
    assert_eq!(heard.body["numbers"], json!([1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_come_and_go_while_they_are_out_of_memory() {
    let settings = Settings::empty()
        .with("archive", "archive")
        .await
        // The ramp decides by invocations; an answer that is given again is none.
        .set("context.archive.limits.answers", 0);
    let host = TestHost::with(leaving(settings, "archive")).await;
    let operators = host.operators();
    host.gateway()
        .post("/entries/3", json!(null))
        .await
        .expect(204);
    is_unloaded(&host, "archive").await;
    // What is said of it is known without it.
    let described = operators.context("archive").await;
    assert_eq!(
        described["description"]["routes"].as_array().map(Vec::len),
        Some(11)
    );
    assert_eq!(described["slots"]["loaded"], false);
    let first = operators.serving("archive").await;
    let edited = artifacts::edited("archive", "beside an idle one").await;
    let second = artifacts::digest(&edited);
    let traffic = Traffic::start(host.gateway().base(), 2, |_| {
        request("GET", "/entries?size=1", "")
    });
    let ramp = "ramp=50,100&step=200ms";
    operators.deploy("archive", edited, ramp).await.expect(202);
    operators.rollout_ended("archive").await;
    let answers = traffic.stop().await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(operators.serving("archive").await, second);
    is_unloaded(&host, "archive").await;
    operators.rollback("archive").await.expect(200);
    assert_eq!(operators.serving("archive").await, first);
    let page = host.gateway().get("/entries").await.expect(200);
    assert_eq!(page.number("total"), 3);
    eventually("the other one is drained", async || {
        let state = operators.state_of("archive", &second).await;
        (state == "drained").then_some(()).ok_or(state)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_loaded_is_said_and_tried_again() {
    let settings = Settings::empty().with("archive", "archive").await;
    let opening = Opening::new(leaving(settings, "archive")).own_artifacts();
    let host = opening.open().await;
    let operators = host.operators();
    is_unloaded(&host, "archive").await;
    // Neither the machine code nor the component that it would be compiled of.
    let artifacts = host.data().join("artifacts");
    let components = host.data().join("components");
    let away = host.home().join("away");
    std::fs::remove_dir_all(&artifacts).expect("the cache is there");
    std::fs::rename(&components, &away).expect("the components are there");
    let problem = host.gateway().get("/entries").await.expect_problem(503);
    assert_eq!(problem.body["type"], "urn:innkeeper:problem:not-loaded");
    assert!(!problem.header("retry-after").is_empty());
    let failed = told(operators, "LoadFailed", "archive", 1).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    eventually("it is shown", async || {
        let scaled = scaled(operators, "archive").await;
        let able = condition(&scaled, "AbleToScale") == ("False", "LoadFailed");
        able.then_some(()).ok_or(scaled.to_string())
    })
    .await;
    // The component is enough: it is compiled again.
    std::fs::rename(&away, &components).expect("they can be put back");
    eventually("it serves again", async || {
        let reply = host.gateway().get("/entries").await;
        (reply.status == 200).then_some(()).ok_or(reply.status)
    })
    .await;
    let loaded = told(operators, "Loaded", "archive", 1).await;
    let reason = loaded[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("compiled again"), "{reason}");
    eventually("it is shown", async || {
        let scaled = scaled(operators, "archive").await;
        let able = condition(&scaled, "AbleToScale").0 == "True";
        able.then_some(()).ok_or(scaled.to_string())
    })
    .await;
    // Who goes back to a version that is out of memory hears before it serves that it cannot come back.
    let edited = artifacts::edited("archive", "after a loss").await;
    let second = artifacts::digest(&edited);
    operators.deploy("archive", edited, "").await.expect(201);
    is_unloaded(&host, "archive").await;
    std::fs::remove_dir_all(&artifacts).expect("the cache is there");
    std::fs::rename(&components, &away).expect("the components are there");
    let refused = operators.rollback("archive").await;
    assert!(refused.status >= 400, "{}", refused.text);
    assert_eq!(operators.serving("archive").await, second);
    std::fs::rename(&away, &components).expect("they can be put back");
    // Put back, it comes at once, though loading it failed a moment ago.
    operators.rollback("archive").await.expect(200);
    assert_ne!(operators.serving("archive").await, second);
    host.gateway().get("/entries").await.expect(200);
}

/// Contexts that are used beside the five of the app, and what each is asked for.
const OTHERS: [(&str, &str); 5] = [
    ("archive", "/entries"),
    ("bell", "/bells/7"),
    ("tally", "/tallies"),
    ("patient", "/visits"),
    ("parrot", "/echo"),
];

/// Each with a component of its own, so that none shares its machine code with another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contexts_that_nobody_uses_hold_no_machine_code() {
    let count = std::env::var(CONTEXTS).ok();
    let count = count.map_or(20, |text| text.parse().expect("a number of contexts"));
    let directory = tempfile::tempdir().expect("a directory can be made");
    let mut settings = Settings::of_the_app().await;
    for (context, _) in OTHERS {
        settings = settings.with(context, context).await;
    }
    let used = settings.contexts();
    for number in 0..count {
        let file: PathBuf = directory.path().join(format!("{number}.wasm"));
        let bytes = artifacts::edited("idler", &format!("idle {number}")).await;
        std::fs::write(&file, bytes).expect("a component can be written");
        settings = settings.component(&format!("idler-{number}"), &file);
    }
    // First as they are without the section.
    let host = Opening::new(settings.clone()).alone().open().await;
    let loaded = host.resident();
    drop(host);
    for context in settings.contexts() {
        settings =
            leaving(settings, &context).set(&format!("context.{context}.autoscale.idle"), "2s");
    }
    let host = Opening::new(settings).alone().open().await;
    let idle = host.resident();
    let room = host.stay().room("used").await;
    host.stay().booked(room).await;
    for (_, path) in OTHERS {
        host.gateway().get(path).await.expect(200);
    }
    let operators = host.operators();
    let in_memory = eventually("it is shown who is in use", async || {
        let found = operators.get("/v1/autoscalers").await;
        let found = found["autoscalers"].as_array().expect("a list");
        let in_memory = found.iter().filter(|one| one["loaded"] == true);
        match in_memory.count() {
            count @ 1.. => Ok(count),
            0 => Err("none"),
        }
    })
    .await;
    assert!(in_memory <= used.len(), "{in_memory} of {count}");
    let some = host.resident();
    let each = loaded.saturating_sub(idle) / count;
    eprintln!(
        "{count} contexts: {loaded} KiB in memory, {idle} KiB when all are out ({each} KiB less each), {some} KiB with {in_memory} in use"
    );
    assert!(idle < loaded, "{loaded} KiB, {idle} KiB when they are out");
}
