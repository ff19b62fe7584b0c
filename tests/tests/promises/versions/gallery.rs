//! The gallery: each bad version is stopped at its gate, with a message that helps, and clients notice as little as can be.

use std::time::Duration;

use http::Method;
use innkeeper_tests::{
    Answered, Case, Gate, Opening, Reply, Settings, TestHost, Traffic, artifacts, eventually,
    request, send,
};
use serde_json::Value;

/// How many clients there are, where there is traffic.
const CLIENTS: u64 = 4;
/// How many rooms they look at and change.
const ROOMS: u64 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_refused_before_it_gets_any_work() {
    let (mut tried, mut requests) = (0, 0);
    let mut opened: Option<(Settings, TestHost)> = None;
    let usual = self::usual().await;
    for case in Case::all() {
        if matches!(case.gate, Gate::Ramp | Gate::Watch) {
            continue;
        }
        eprintln!("{}", case.name);
        let settings = settings(&case).await;
        // What is refused leaves nothing: most cases are tried on one host, one after the other.
        let host = match opened.take_if(|(of, _)| *of == settings) {
            Some((_, host)) => host,
            None => TestHost::with(settings.clone()).await,
        };
        let before = host.operators().serving(&case.context).await;
        let traffic = Traffic::start(host.gateway().base(), CLIENTS, register);
        let reply = deploy(&host, &case).await;
        let answers = traffic.stop().await;
        assert!(
            matches!(reply.status, 413 | 422),
            "{}: {}",
            case.name,
            reply.text
        );
        says(&case, &reply.text);
        if reply.status == 422 {
            let gate = name(case.gate);
            assert_eq!(reply.body["gate"], gate, "{}: {}", case.name, reply.text);
            let text = format!("at the gate `{gate}`");
            assert!(reply.text.contains(&text), "{}: {}", case.name, reply.text);
        }
        // No guest has noticed.
        let unanswered = answers.iter().find(|answer| answer.status != 201);
        assert!(unanswered.is_none(), "{}: {unanswered:?}", case.name);
        requests += answers.len();
        assert_eq!(
            host.operators().serving(&case.context).await,
            before,
            "{}",
            case.name
        );
        host.stay().room("as before").await;
        let versions = host.operators().versions(&case.context).await;
        for version in versions
            .iter()
            .filter(|version| version["digest"] != before)
        {
            assert_eq!(version["state"], "rejected", "{}", case.name);
        }
        if settings == usual {
            opened = Some((settings, host));
        }
        tried += 1;
    }
    assert!(tried >= 15, "{tried} cases");
    assert!(requests > tried, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_that_does_harm_is_taken_back() {
    let mut tried = 0;
    for case in Case::all() {
        if !matches!(case.gate, Gate::Ramp | Gate::Watch) {
            continue;
        }
        eprintln!("{}", case.name);
        assert!(case.traffic, "{}: nobody would notice", case.name);
        let host = Opening::new(settings(&case).await).alone().open().await;
        for number in 0..ROOMS {
            host.stay().room(&format!("room {number}")).await;
        }
        let before = host.operators().serving(&case.context).await;
        let traffic = Traffic::start(host.gateway().base(), CLIENTS, change);
        // What the old version does is what the new one is compared with.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let bytes = case.bytes().await;
        let digest = artifacts::digest(&bytes);
        let reply = deploy(&host, &case).await;
        assert!(reply.status < 300, "{}: {}", case.name, reply.text);
        let reason = taken_back(&host, &case, &digest).await;
        let answers = traffic.stop().await;
        says(&case, &reason);
        // It is quarantined before the other one takes over, so that a crash in between does not bring it back.
        eventually("the one before serves again", async || {
            let serving = host.operators().serving(&case.context).await;
            (serving == before).then_some(()).ok_or(serving)
        })
        .await;
        errors_are_its_own(&case, &answers, &digest);
        if case.gate == Gate::Watch {
            // It is not accepted again, however often it comes, unless somebody insists.
            for _ in 0..2 {
                let refused = deploy(&host, &case).await.expect_problem(422);
                assert!(
                    refused.text.contains("quarantine") && refused.text.contains("--force"),
                    "{}",
                    refused.text
                );
            }
            let state = host.operators().state_of(&case.context, &digest).await;
            assert_eq!(state, "quarantined", "{}", case.name);
            let path = format!("/v1/contexts/{}/versions?force=true", case.context);
            upload(&host, &path, &case).await.expect(201);
        }
        tried += 1;
    }
    assert!(tried >= 4, "{tried} cases");
}

fn register(_: u64) -> Vec<u8> {
    request("POST", "/rooms", r#"{"desc": "Beautiful House3"}"#)
}

/// A request that changes one of the rooms.
fn change(number: u64) -> Vec<u8> {
    let path = format!("/rooms/{}", 1 + number % ROOMS);
    request("PATCH", &path, r#"{"desc": "changed"}"#)
}

async fn settings(case: &Case) -> Settings {
    case.settle(usual().await)
}

/// The settings of a case that has none of its own.
async fn usual() -> Settings {
    let settings = Settings::of_the_app().await;
    settings.set("gateway.version_header", true)
}

/// Waits until the version is out of service; answers why it is.
async fn taken_back(host: &TestHost, case: &Case, digest: &str) -> String {
    let wanted = match case.gate {
        Gate::Watch => "quarantined",
        _ => "rejected",
    };
    eventually("it is rolled back", async || {
        let versions = host.operators().versions(&case.context).await;
        let found = versions.iter().find(|version| version["digest"] == digest);
        let found = found.ok_or("it is not there")?;
        match found["state"] == wanted {
            true => Ok(found["history"]
                .as_array()
                .and_then(|history| history.last())
                .map(Value::to_string)
                .unwrap_or_default()),
            false => Err("it still serves"),
        }
    })
    .await
}

/// Whatever failed was on the new version's side, and that was no more than its part.
fn errors_are_its_own(case: &Case, answers: &[Answered], digest: &str) {
    let failed: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status >= 500)
        .collect();
    for failure in &failed {
        let version = &failure.version;
        assert!(
            version.is_empty() || version.contains(&digest[..12]),
            "{}: {failure:?}",
            case.name
        );
    }
    let Some(weight) = case
        .deploy
        .get("ramp")
        .and_then(|ramp| ramp.split(',').next())
    else {
        return;
    };
    let weight: usize = weight.parse().expect("a percentage");
    let share = failed.len() * 100 / answers.len().max(1);
    eprintln!(
        "{}: {} of {} failed",
        case.name,
        failed.len(),
        answers.len()
    );
    assert!(
        share <= weight,
        "{}: {share} % failed, and its part was {weight} %",
        case.name
    );
}

fn says(case: &Case, text: &str) {
    for part in &case.says {
        assert!(
            text.contains(part),
            "{}: `{part}` is not in {text}",
            case.name
        );
    }
}

async fn deploy(host: &TestHost, case: &Case) -> Reply {
    let query: Vec<_> = case
        .deploy
        .iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let path = format!("/v1/contexts/{}/versions?{}", case.context, query.join("&"));
    upload(host, &path, case).await
}

async fn upload(host: &TestHost, path: &str, case: &Case) -> Reply {
    let bytes = case.bytes().await;
    let mut request = host.operators().request(Method::POST, path);
    if let Some(signature) = case.deploy.get("signature") {
        request = request.header("innkeeper-signature", signature);
    }
    send(
        request
            .header("content-type", "application/wasm")
            .body(bytes),
    )
    .await
}

/// The gate as the host calls it.
fn name(gate: Gate) -> String {
    format!("{gate:?}").to_lowercase()
}
