//! After a restart what served before serves, also where the manifest names what was rolled back.

use std::time::Duration;

use http::Method;
use innkeeper_tests::artifacts::{components, digest, edited};
use innkeeper_tests::{Opening, Settings, TestHost, Traffic, eventually, in_a_mood, request, send};
use serde_json::{Value, json};

const STRICT: (&str, &str) = ("INNKEEPER_STRICT", "true");

/// What operators are told of a context.
async fn notices(host: &TestHost, context: &str) -> String {
    host.operators().context(context).await["notices"].to_string()
}

/// What `/readyz` says: the status, and the checks.
async fn readiness(host: &TestHost) -> (u16, Value) {
    let request = host.operators().client().request(Method::GET, "/readyz");
    let reply = send(request).await;
    (reply.status, reply.body["checks"].clone())
}

#[tokio::test]
async fn what_was_taken_back_does_not_come_back_with_a_restart() {
    let home = tempfile::tempdir().unwrap();
    // As a build leaves it: the file that the manifest names is the one that is deployed.
    let built = home.path().join("room.wasm");
    let first = edited("room", "first").await;
    std::fs::write(&built, &first).unwrap();
    let settings = Settings::of_the_app().await.component("room", &built);
    let mut host = Opening::new(settings).open().await;
    let operators = host.operators().clone();
    let first = digest(&first);
    assert_eq!(operators.serving("room").await, first);

    let second = edited("room", "second").await;
    std::fs::write(&built, &second).unwrap();
    operators
        .deploy("room", second.clone(), "")
        .await
        .expect(201);
    operators.rollback("room").await.expect(200);
    host.kill_9();
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, first);

    // What nobody has dealt with yet is newer.
    let third = edited("room", "third").await;
    std::fs::write(&built, &third).unwrap();
    host.kill_9();
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, digest(&third));
    // So is what comes back because somebody built it again.
    std::fs::write(&built, &second).unwrap();
    host.kill_9();
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, digest(&second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_harm_stays_out_however_it_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let built = home.path().join("room.wasm");
    let sound = edited("room", "sound").await;
    std::fs::write(&built, &sound).unwrap();
    let settings = Settings::of_the_app().await.component("room", &built);
    let mut host = Opening::new(settings).alone().open().await;
    host.stay().room("Beautiful House").await;
    let change = |_| request("PATCH", "/rooms/1", r#"{"desc": "changed"}"#);
    let traffic = Traffic::start(host.gateway().base(), 4, change);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let moody = std::fs::read(&components().await["room-moody"]).expect("it was built");
    let harmful = in_a_mood(moody, "fails");
    let operators = host.operators().clone();
    operators
        .deploy("room", harmful.clone(), "ramp=100")
        .await
        .expect(201);
    let harmful_digest = digest(&harmful);
    eventually("it is rolled back", async || {
        match operators.state_of("room", &harmful_digest).await {
            state if state == "quarantined" => Ok(()),
            state => Err(state),
        }
    })
    .await;
    traffic.stop().await;
    let serving = async |host: &innkeeper_tests::TestHost| host.operators().serving("room").await;
    eventually("the other serves", async || {
        match serving(&host).await == digest(&sound) {
            true => Ok(()),
            false => Err("not yet"),
        }
    })
    .await;
    std::fs::write(&built, &harmful).unwrap();
    for _ in 0..2 {
        host.kill_9();
        host.reopen().await;
        assert_eq!(serving(&host).await, digest(&sound));
        let state = host.operators().state_of("room", &harmful_digest).await;
        assert_eq!(state, "quarantined");
    }
}

#[tokio::test]
async fn a_component_that_a_gate_refuses_at_start_stops_nothing() {
    let component = async |name: &str| std::fs::read(&components().await[name]).expect("built");
    let home = tempfile::tempdir().unwrap();
    let built = home.path().join("ledgerbook.wasm");
    std::fs::write(&built, component("ledgerbook-one").await).unwrap();
    let settings = Settings::empty().component("ledgerbook", &built);
    let mut host = Opening::new(settings).open().await;
    host.gateway()
        .post("/entries", json!({"text": "one two"}))
        .await
        .expect(201);
    let two = component("ledgerbook-two").await;
    host.operators()
        .deploy("ledgerbook", two.clone(), "")
        .await
        .expect(201);
    let good = std::fs::read(&built).unwrap();
    // The source was changed to what does not know the migrated state; is cut short; is gone.
    let bell = component("bell").await;
    let broken: [(Option<&[u8]>, &str); 3] = [
        (Some(&bell), "schema"),
        (Some(&good[..1_000]), "component"),
        (None, "cannot read"),
    ];
    for (bytes, says) in broken {
        match bytes {
            Some(bytes) => std::fs::write(&built, bytes).unwrap(),
            None => std::fs::remove_file(&built).unwrap(),
        }
        for _ in 0..2 {
            host.kill_9();
            host.reopen().await;
            assert_eq!(host.operators().serving("ledgerbook").await, digest(&two));
            let entry = host.gateway().get("/entries/1").await.expect(200);
            assert_eq!(entry.body["edition"], "two", "{}", entry.text);
            let told = notices(&host, "ledgerbook").await;
            assert!(told.contains("serves on") && told.contains(says), "{told}");
            let warned = host.output().lines_with("rejected at the start");
            assert!(!warned.is_empty(), "nothing in the log");
        }
        host.kill_9();
        let ended = host.try_reopen(&[STRICT]).await.unwrap_err();
        assert!(ended.contains("error: context ledgerbook"), "{ended}");
        assert!(ended.contains(says), "{ended}");
    }
    // What is mended is taken again.
    std::fs::write(&built, component("ledgerbook-back").await).unwrap();
    host.reopen().await;
    assert_eq!(notices(&host, "ledgerbook").await, "null");
    let entry = host.gateway().get("/entries/1").await.expect(200);
    assert_eq!(entry.body["edition"], "back", "{}", entry.text);
}

#[tokio::test]
async fn gates_between_contexts_are_passed_at_the_start_too() {
    let home = tempfile::tempdir().unwrap();
    let built = home.path().join("room.wasm");
    let good = std::fs::read(&components().await["room"]).expect("it was built");
    std::fs::write(&built, &good).unwrap();
    let settings = Settings::of_the_app().await.component("room", &built);
    let mut host = Opening::new(settings).open().await;
    let moody = std::fs::read(&components().await["room-moody"]).expect("it was built");
    let wrong = [
        // Reservation calls what it does not offer any more; nobody publishes what it follows; it clashes; it is not ready.
        (
            std::fs::read(&components().await["room-closed"]).expect("built"),
            "consumers",
        ),
        (in_a_mood(moody.clone(), "event-is-gone"), "events"),
        (in_a_mood(moody.clone(), "source-is-nowhere"), "events"),
        (in_a_mood(moody.clone(), "route-clashes"), "routes"),
        (in_a_mood(moody, "ready-traps"), "ready"),
    ];
    host.rewrite(
        host.settings()
            .set("context.room.startup_probe.period", "10ms"),
    );
    for (bytes, gate) in wrong {
        std::fs::write(&built, &bytes).unwrap();
        host.kill_9();
        host.reopen().await;
        assert_eq!(
            host.operators().serving("room").await,
            digest(&good),
            "{gate}"
        );
        let told = notices(&host, "room").await;
        assert!(told.contains(&format!("at the gate `{gate}`")), "{told}");
        let state = host.operators().state_of("room", &digest(&bytes)).await;
        assert_eq!(state, "rejected", "{gate}");
        host.stay().room("as before").await;
        if gate == "consumers" {
            // Nor is it forgotten that the manifest's component does not serve when somebody has uploaded the same.
            host.operators().deploy("room", bytes, "").await.expect(422);
            host.kill_9();
            host.reopen().await;
            let told = notices(&host, "room").await;
            assert!(told.contains(&format!("at the gate `{gate}`")), "{told}");
        }
    }
}

#[tokio::test]
async fn a_context_without_a_version_is_down_and_the_others_serve() {
    let home = tempfile::tempdir().unwrap();
    let built = home.path().join("message.wasm");
    let good = std::fs::read(&components().await["message"]).expect("it was built");
    std::fs::write(&built, b"no component").unwrap();
    let settings = Settings::of_the_app().await;
    let mut host = Opening::new(Settings::empty()).open().await;
    host.kill_9();
    host.rewrite(settings.component("message", &built));
    host.try_reopen(&[]).await.expect("it starts");
    let (status, checks) = eventually("it has started", async || match readiness(&host).await {
        (status, checks) if checks["context room"] == "ok" => Ok((status, checks)),
        (_, checks) => Err(checks.to_string()),
    })
    .await;
    assert_eq!(status, 503);
    assert!(
        checks["context message"].to_string().contains("component"),
        "{checks}"
    );
    host.stay().room("all the same").await;
    let down = host.gateway().get("/messages").await.expect_problem(503);
    assert!(
        down.text.contains("message has no version"),
        "{}",
        down.text
    );
    assert!(!down.header("retry-after").is_empty());
    assert!(notices(&host, "message").await.contains("is down"));
    // It is up when somebody brings a version.
    host.operators()
        .deploy("message", good, "")
        .await
        .expect(201);
    host.gateway().get("/messages").await.expect(200);
    host.gateway().get("/nowhere").await.expect_problem(404);
    assert_eq!(readiness(&host).await.0, 200);
    // Where nothing at all can serve there is nothing to start.
    host.kill_9();
    for directory in ["data/journal", "data/watermark"] {
        std::fs::remove_dir_all(host.home().join(directory)).unwrap();
    }
    host.rewrite(Settings::empty().component("message", &built));
    let ended = host.try_reopen(&[]).await.unwrap_err();
    assert!(ended.contains("error: context message"), "{ended}");
}

#[tokio::test]
async fn a_rollout_that_was_cut_off_is_told_after_the_restart() {
    for is_killed in [true, false] {
        let mut host = TestHost::open().await;
        let before = host.operators().serving("room").await;
        let edition = edited("room", "cut off").await;
        let new = digest(&edition);
        let begun = host
            .operators()
            .deploy("room", edition.clone(), "ramp=10,100&step=10m")
            .await
            .expect(202);
        match is_killed {
            true => host.kill_9(),
            false => host.close().await,
        }
        host.reopen().await;
        let operators = host.operators();
        assert_eq!(operators.serving("room").await, before);
        let told = operators.get("/v1/contexts/room/rollout").await;
        assert_eq!(told["id"], begun.body["id"], "{told}");
        assert_eq!(told["outcome"], "aborted", "{told}");
        assert!(told["reason"].to_string().contains("interrupted"), "{told}");
        let versions = operators.versions("room").await;
        let version = versions.iter().find(|version| version["digest"] == new);
        let version = version.expect("it is known");
        assert_eq!(version["state"], "uploaded", "{version}");
        assert!(
            version["history"].to_string().contains("interrupted"),
            "{version}"
        );
        // Its story ends with it.
        let id = told["id"].as_str().expect("an id");
        eventually("it is told", async || {
            let told = operators.events_of("VersionUploaded").await;
            let mut told = told.iter().filter(|event| event["correlationid"] == id);
            told.any(|event| event["data"]["reason"].to_string().contains("interrupted"))
                .then_some(())
                .ok_or("not yet")
        })
        .await;
        operators.deploy("room", edition, "").await.expect(201);
        // A swap is not cut off, but the watch is.
        host.kill_9();
        host.reopen().await;
        assert_eq!(host.operators().serving("room").await, new);
        let told = host.operators().get("/v1/contexts/room/rollout").await;
        assert_eq!(told["outcome"], "current", "{told}");
        assert_eq!(told["watch"]["state"], "cut", "{told}");
    }
}
