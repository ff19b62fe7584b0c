//! Healing: what does not work is seen, restarted, and in the end replaced by what worked before.

use std::time::{Duration, Instant};

use http::Method;
use innkeeper_tests::artifacts::{components, digest};
use innkeeper_tests::{
    Opening, Reply, Settings, TestHost, Traffic, command, eventually, in_a_mood, request, send,
};
use serde_json::{Value, json};

/// What the context is like that the tests are about.
const PATIENT: &str = "/v1/contexts/patient";

async fn bytes(mood: &str) -> Vec<u8> {
    let file = &components().await["patient"];
    in_a_mood(std::fs::read(file).expect("it was built"), mood)
}

/// A patient that is probed often, beside a context that is always well.
async fn settings() -> Settings {
    Settings::empty()
        .with("patient", "patient")
        .await
        .with("bell", "bell")
        .await
        .set("context.patient.config.ill", "")
        .set("context.patient.rollout.watch", "0s")
        .set("context.patient.healing.initial_backoff", "600ms")
        .set("context.patient.healing.max_backoff", "2s")
}

fn with_probe(settings: Settings, probe: &str) -> Settings {
    let key = |key: &str| format!("context.patient.{probe}.{key}");
    settings
        .set(&key("period"), "100ms")
        .set(&key("timeout"), "2s")
        .set(&key("failure_threshold"), 2)
}

/// Makes the patient ill, or well again, while the host runs.
fn infect(host: &mut TestHost, illness: &str) {
    let settings = host.settings().set("context.patient.config.ill", illness);
    host.rewrite(settings);
}

async fn health(host: &TestHost) -> Value {
    host.operators().get(PATIENT).await["health"].clone()
}

/// Waits until the patient is so.
async fn is(host: &TestHost, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let health = health(host).await;
        match so(&health) {
            true => Ok(health),
            false => Err(health.to_string()),
        }
    })
    .await
}

async fn visit(host: &TestHost) -> Reply {
    host.gateway().post("/visits", json!({})).await
}

async fn call(host: &TestHost) -> Reply {
    host.gateway().post("/calls", json!({})).await
}

async fn describe(host: &TestHost) -> String {
    let admin = host.operators().client().base().to_owned();
    let said = command(&["describe", "patient", "--admin", &admin]).await;
    assert!(said.is_well, "{said:?}");
    said.out
}

/// The kinds of the host's events about the patient, with their correlation ids.
async fn told(host: &TestHost) -> Vec<(String, String)> {
    let events = host.operators().events().await;
    let of_the_host = events.iter().filter(|event| {
        event["source"]
            .as_str()
            .is_some_and(|source| source.ends_with("/innkeeper"))
            && event["subject"] == "patient"
    });
    let kind = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        let kind = kind.rsplit('.').next().unwrap_or_default();
        let story = event["correlationid"].as_str().unwrap_or_default();
        (kind.to_owned(), story.to_owned())
    };
    of_the_host.map(kind).collect()
}

async fn metrics(host: &TestHost) -> String {
    host.operators().client().get("/metrics").await.text
}

/// The first way of the original: a check that begins to fail. There is no version before it, so the pauses grow.
#[tokio::test]
async fn a_check_that_begins_to_fail_is_described_and_the_version_restarted() {
    let settings = with_probe(settings().await, "liveness_probe");
    let mut host = TestHost::with(settings).await;
    visit(&host).await.expect(200);
    let well = describe(&host).await;
    for part in [
        "State:           Running",
        "Restart Count:   0",
        "Liveness:        health.live delay=0s timeout=2s period=100ms #success=1 #failure=2",
    ] {
        assert!(well.contains(part), "{part}: {well}");
    }
    assert!(!well.contains("Readiness:"), "{well}");

    infect(&mut host, "live");
    let ill = is(&host, "it waits to be restarted", |health| {
        health["state"] == "crashLoopBackOff" && health["restarts"].as_u64() >= Some(2)
    })
    .await;
    assert!(ill["nextRestart"].is_string(), "{ill}");
    assert_eq!(ill["lastState"]["reason"], "LivenessProbeFailed", "{ill}");
    // Nobody is let in meanwhile, and is told when to come again.
    let refused = visit(&host).await.expect_problem(503);
    assert_eq!(
        refused.body["type"], "urn:innkeeper:problem:crash-loop-back-off",
        "{}",
        refused.text
    );
    assert!(!refused.header("retry-after").is_empty());
    let described = describe(&host).await;
    for part in [
        "CrashLoopBackOff",
        "Last State:      Terminated",
        "LivenessProbeFailed",
        "Live     False",
        "Unhealthy",
        "Liveness probe failed: no pulse",
        "BackOff",
    ] {
        assert!(described.contains(part), "{part}: {described}");
    }
    let admin = host.operators().client().base().to_owned();
    let status = command(&["status", "--admin", &admin]).await.out;
    let row = status.lines().find(|line| line.starts_with("patient"));
    assert!(
        row.is_some_and(|row| row.contains("CrashLoopBackOff")),
        "{status}"
    );

    infect(&mut host, "");
    is(&host, "it runs again", |health| {
        health["state"] == "running"
    })
    .await;
    visit(&host).await.expect(200);
    let measured = metrics(&host).await;
    for line in [
        "innkeeper_restarts_total{context=\"patient\",reason=\"liveness\"}",
        "innkeeper_probe_failures_total{context=\"patient\",probe=\"liveness\"}",
        "innkeeper_context_ready{context=\"patient\"} 1",
    ] {
        assert!(measured.contains(line), "{line}: {measured}");
    }
    let told = told(&host).await;
    for kind in ["ProbeFailed", "Restarted", "CrashLoopBackOff"] {
        assert!(
            told.iter().any(|(told, _)| told == kind),
            "{kind}: {told:?}"
        );
    }
}

/// The second way of the original: a start that takes longer than its startup probe allows.
#[tokio::test]
async fn a_start_that_takes_longer_than_its_startup_probe_allows_is_refused_or_tried_again() {
    let settings = settings()
        .await
        .set("context.patient.startup_probe.initial_delay", "200ms")
        .set("context.patient.startup_probe.period", "100ms")
        .set("context.patient.startup_probe.failure_threshold", 3)
        .set("context.patient.healing.initial_backoff", "200ms")
        .set("context.patient.config.ill", "ready");
    // There is nothing before it: it is down, and started again and again.
    let mut host = TestHost::with(Settings::empty().with("bell", "bell").await).await;
    host.kill_9();
    host.rewrite(settings);
    host.try_reopen(&[]).await.expect("it starts");
    eventually("the app has started", async || {
        match host.operators().send(Method::GET, PATIENT).await.status {
            200 => Ok(()),
            status => Err(status),
        }
    })
    .await;
    is(&host, "it is started again and again", |health| {
        health["state"] == "crashLoopBackOff" && health["restarts"].as_u64() >= Some(2)
    })
    .await;
    host.gateway().get("/silence").await.expect(204);
    let described = describe(&host).await;
    for part in [
        "Startup:         health.ready delay=200ms timeout=5s period=100ms #success=1 #failure=3",
        "Startup probe failed: it says: still in bed",
        "Started  False",
        "StartFailed",
    ] {
        assert!(described.contains(part), "{part}: {described}");
    }
    infect(&mut host, "");
    is(&host, "it has started", |health| {
        health["state"] == "running"
    })
    .await;
    visit(&host).await.expect(200);
    // One that is brought while another serves is refused, and the other serves on.
    let before = host.operators().serving("patient").await;
    infect(&mut host, "ready");
    let refused = eventually("it is refused", async || {
        let slow = host.operators();
        let reply = slow
            .deploy("patient", bytes("immune").await, "dry-run=true")
            .await;
        match reply.status {
            422 => Ok(reply),
            _ => Err(reply.text),
        }
    })
    .await;
    assert_eq!(refused.body["gate"], "ready", "{}", refused.text);
    assert_eq!(host.operators().serving("patient").await, before);
    visit(&host).await.expect(200);
}

/// Healthy for a while, then a trap on every request, under a hundred clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_begins_to_trap_on_everything_is_replaced_under_load_and_hardly_anybody_notices()
 {
    let home = tempfile::tempdir().unwrap();
    let old = home.path().join("patient.wasm");
    std::fs::write(&old, bytes("immune").await).unwrap();
    let settings = settings().await.component("patient", &old);
    let mut host = Opening::new(settings).alone().open().await;
    let before = host.operators().serving("patient").await;
    let new = bytes("").await;
    let ill = digest(&new);
    host.operators()
        .deploy("patient", new, "")
        .await
        .expect(201);
    let traffic = Traffic::start(host.gateway().base(), 100, |_| {
        request("POST", "/visits", "{}")
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    infect(&mut host, "trap");
    let began = Instant::now();
    eventually("the version before serves again", async || {
        match host.operators().serving("patient").await {
            serving if serving == before => Ok(()),
            serving => Err(serving),
        }
    })
    .await;
    let healed = began.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answers = traffic.stop().await;
    let failed = answers.iter().filter(|answer| answer.status != 200).count();
    eprintln!(
        "healed after {healed:?}, {failed} of {} failed",
        answers.len()
    );
    assert!(healed < Duration::from_secs(15), "{healed:?}");
    assert!(
        failed * 100 < answers.len(),
        "{failed} of {}",
        answers.len()
    );
    // What was acknowledged is there, and each event of it was handled once.
    let acknowledged = answers.len() - failed;
    let total = async |path: &str| host.gateway().get(path).await.expect(200).number("total");
    assert_eq!(total("/visits").await, acknowledged as u64);
    eventually("every event is handled", async || {
        match total("/handled").await {
            handled if handled == acknowledged as u64 => Ok(()),
            handled => Err(handled),
        }
    })
    .await;
    assert_eq!(host.operators().get(PATIENT).await["deadLetters"], 0);
    assert_eq!(
        host.operators().state_of("patient", &ill).await,
        "quarantined"
    );
    let health = health(&host).await;
    assert_eq!(health["restarts"], 3, "{health}");
    assert_eq!(health["lastState"]["reason"], "FailuresInARow", "{health}");
    // One story tells all of it.
    let told = eventually("it is told", async || {
        let told = told(&host).await;
        let healed = told.iter().find(|(kind, _)| kind == "HealedByRollback");
        healed.cloned().ok_or(format!("{told:?}"))
    })
    .await;
    let story = host
        .operators()
        .get(&format!("/v1/stories/{}", told.1))
        .await;
    let story = story.to_string();
    for kind in [
        "Restarted",
        "VersionQuarantined",
        "VersionCurrent",
        "HealedByRollback",
    ] {
        assert!(story.contains(kind), "{kind}: {story}");
    }
}

/// A client whose request traps is its own problem, however often it comes, and however it is varied.
#[tokio::test]
async fn one_client_whose_requests_trap_restarts_nobody() {
    let host = TestHost::with(settings().await).await;
    for _ in 0..3 {
        visit(&host).await.expect(200);
    }
    for round in 0..20 {
        for dose in 0..10 {
            let path = match round % 2 {
                0 => "/poison/always-the-same".to_owned(),
                _ => format!("/poison/{round}-{dose}"),
            };
            let poisoned = host.gateway().post(&path, json!({})).await;
            poisoned.expect_problem(500);
        }
        if round % 5 == 0 {
            visit(&host).await.expect(200);
        }
    }
    visit(&host).await.expect(200);
    let health = health(&host).await;
    assert_eq!(health["restarts"], 0, "{health}");
    assert_eq!(health["state"], "running", "{health}");
}

/// Versions that miss their deadlines count, too, and where the version before has the same trouble not all are gone through.
#[tokio::test]
async fn only_one_version_is_rolled_back_for_what_none_is_to_blame_for() {
    let settings = settings()
        .await
        .set("context.patient.limits.deadline", "500ms")
        .set("context.patient.healing.consecutive_failures", 3);
    let mut host = TestHost::with(settings).await;
    let first = host.operators().serving("patient").await;
    let mut versions = vec![first];
    for mood in ["second", "third"] {
        let bytes = bytes(mood).await;
        versions.push(digest(&bytes));
        host.operators()
            .deploy("patient", bytes, "")
            .await
            .expect(201);
    }
    visit(&host).await.expect(200);
    infect(&mut host, "loop");
    let failing = eventually("the version before serves, and fails as well", async || {
        visit(&host).await;
        let health = health(&host).await;
        let serving = host.operators().serving("patient").await;
        match serving == versions[1] && health["state"] == "crashLoopBackOff" {
            true => Ok(health),
            false => Err(format!("{serving}: {health}")),
        }
    })
    .await;
    // What is not alive says why, and which failures it began with is told.
    let conditions = failing["conditions"].as_array().expect("conditions");
    let live = conditions.iter().find(|one| one["type"] == "Live");
    assert!(live.expect("it is one")["message"].is_string(), "{failing}");
    let told = failing["events"].to_string();
    assert!(
        told.contains("3 invocations failed in a row (the last one: "),
        "{failing}"
    );
    let state = async |digest: &str| host.operators().state_of("patient", digest).await;
    assert_eq!(state(&versions[2]).await, "quarantined");
    assert_eq!(state(&versions[1]).await, "current");
    infect(&mut host, "");
    is(&host, "it runs again", |health| {
        health["state"] == "running"
    })
    .await;
    visit(&host).await.expect(200);
    assert_eq!(host.operators().serving("patient").await, versions[1]);
}

/// Not ready: nobody is let in, nothing is lost, and all goes on at once.
#[tokio::test]
async fn what_is_not_ready_gets_no_work_and_loses_none() {
    let settings = with_probe(settings().await, "readiness_probe")
        .with("caller", "caller")
        .await
        .set("context.patient.follow.attempts", 1);
    let mut host = TestHost::with(settings).await;
    call(&host).await.expect(200);
    visit(&host).await.expect(200);
    // The timer comes due while it is not ready.
    let later = json!({"afterMs": 4_000});
    host.gateway().post("/visits", later).await.expect(200);
    infect(&mut host, "ready");
    is(&host, "it is not ready", |health| {
        health["state"] == "notReady"
    })
    .await;
    let refused = visit(&host).await.expect_problem(503);
    assert_eq!(
        refused.body["type"], "urn:innkeeper:problem:not-ready",
        "{}",
        refused.text
    );
    assert_eq!(refused.header("retry-after"), "1");
    let unavailable = call(&host).await.expect_problem(503);
    assert!(
        unavailable.text.contains("not ready"),
        "{}",
        unavailable.text
    );
    // Its neighbours serve, and so does the host.
    host.gateway().get("/silence").await.expect(204);
    host.operators().ready().await.expect("the host is ready");
    assert!(
        metrics(&host)
            .await
            .contains("innkeeper_context_ready{context=\"patient\"} 0")
    );
    eventually("the event waits", async || {
        let seen = host.operators().get(PATIENT).await;
        match seen["lag"]["patient"].as_u64() {
            Some(1) => Ok(()),
            _ => Err(seen["lag"].to_string()),
        }
    })
    .await;
    assert_eq!(host.operators().get(PATIENT).await["deadLetters"], 0);
    infect(&mut host, "");
    is(&host, "it is ready", |health| health["state"] == "running").await;
    visit(&host).await.expect(200);
    call(&host).await.expect(200);
    eventually("what waited is handled", async || {
        let handled = host.gateway().get("/handled").await.expect(200);
        match handled.number("total") {
            3 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(health(&host).await["restarts"], 0);
    assert_eq!(host.operators().get(PATIENT).await["deadLetters"], 0);
    let told = told(&host).await;
    for kind in ["ProbeFailed", "NotReady", "Ready"] {
        assert!(
            told.iter().any(|(told, _)| told == kind),
            "{kind}: {told:?}"
        );
    }
}

/// Work that has taken all instances that it may have keeps nobody from being asked how it is.
#[tokio::test]
async fn who_has_taken_all_instances_is_still_asked_how_it_is() {
    const MANY: u64 = 12;
    let settings = with_probe(settings().await, "readiness_probe")
        .set("host.instances", 24)
        .set("context.patient.limits.deadline", "60s")
        .set("context.patient.config.ill", "loop");
    let mut host = TestHost::with(settings).await;
    let stuck: Vec<_> = (0..MANY)
        .map(|_| {
            let request = host.gateway().request(Method::POST, "/visits");
            tokio::spawn(request.json(&json!({})).send())
        })
        .collect();
    eventually("all are at it", async || {
        let patient = host.operators().get(PATIENT).await;
        match patient["invocations"]["running"].as_u64() {
            Some(MANY) => Ok(()),
            _ => Err(patient["invocations"].to_string()),
        }
    })
    .await;
    infect(&mut host, "loop ready");
    is(&host, "it is not ready", |health| {
        health["state"] == "notReady"
    })
    .await;
    assert!(stuck.iter().all(|visit| !visit.is_finished()));
}

/// A restart reads the version from disk again: machine code that was damaged there is compiled again.
#[tokio::test]
async fn a_restart_verifies_what_it_loads() {
    let settings = with_probe(settings().await, "liveness_probe");
    let mut host = Opening::new(settings).own_artifacts().open().await;
    visit(&host).await.expect(200);
    let serving = host.operators().serving("patient").await;
    let engines = std::fs::read_dir(host.data().join("artifacts")).unwrap();
    let files = engines.flat_map(|engine| std::fs::read_dir(engine.unwrap().path()).unwrap());
    let files = files.map(|file| file.unwrap().path());
    let compiled = files
        .filter(|file| file.to_str().is_some_and(|name| name.contains(&serving)))
        .collect::<Vec<_>>();
    let [file] = &compiled[..] else {
        panic!("{compiled:?}");
    };
    // Beside it, since the other one is mapped and runs.
    let damaged = file.with_extension("damaged");
    std::fs::write(&damaged, b"no machine code").unwrap();
    std::fs::rename(&damaged, file).unwrap();
    infect(&mut host, "live");
    is(&host, "it was restarted", |health| {
        health["restarts"].as_u64() >= Some(1)
    })
    .await;
    infect(&mut host, "");
    is(&host, "it runs again", |health| {
        health["state"] == "running"
    })
    .await;
    visit(&host).await.expect(200);
    assert!(
        !host
            .output()
            .lines_with("is damaged; compiling it again")
            .is_empty()
    );
    assert_eq!(host.operators().serving("patient").await, serving);
}

/// The process gives itself up where it was asked to.
#[tokio::test]
async fn the_process_says_that_it_is_not_alive_when_all_contexts_wait_to_be_restarted() {
    let settings = with_probe(settings().await, "liveness_probe")
        .without("context.bell")
        .set("context.patient.healing.initial_backoff", "30s")
        .set("context.patient.healing.max_backoff", "30s")
        .set("host.liveness", vec!["runtime", "journal", "contexts"])
        .set("host.liveness_timeout", "200ms");
    let mut host = TestHost::with(settings).await;
    let livez = async || send(host.operators().client().request(Method::GET, "/livez")).await;
    livez().await.expect(200);
    let settings = host.settings().set("context.patient.config.ill", "live");
    host.rewrite(settings);
    let livez = async || send(host.operators().client().request(Method::GET, "/livez")).await;
    let dead = eventually("it gives itself up", async || {
        let reply = livez().await;
        match reply.status {
            503 => Ok(reply),
            status => Err(status),
        }
    })
    .await;
    let dead = dead.expect_problem(503);
    assert!(dead.text.contains("all contexts"), "{}", dead.text);
}
