//! Uploads: what is brought is one version however often it comes, survives, and is only let in by whoever may.

use futures::future::join_all;
use http::Method;
use innkeeper_tests::artifacts::{components, digest, edited};
use innkeeper_tests::{Settings, TestHost, eventually, in_a_mood, send};
use serde_json::Value;

#[tokio::test]
async fn the_same_upload_by_many_at_once_is_one_version() {
    let host = TestHost::open().await;
    let edition = edited("message", "many at once").await;
    let uploads = (0..20).map(|_| host.operators().deploy("message", edition.clone(), ""));
    for reply in join_all(uploads).await {
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
        assert_eq!(reply.number("number"), 2);
    }
    let versions = host.operators().versions("message").await;
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!(versions[0]["digest"], digest(&edition));
    assert_eq!(versions[0]["state"], "current");
}

#[tokio::test]
async fn what_serves_is_what_served_before_the_restart() {
    let mut host = TestHost::open().await;
    let edition = edited("room", "kept").await;
    let uploaded = digest(&edition);
    let reply = host.operators().deploy("room", edition, "label=kept").await;
    reply.expect(201);
    host.close().await;
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, uploaded);
    host.kill_9();
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, uploaded);
    // The version before can still be gone back to.
    host.operators().rollback("room").await.expect(200);
    assert_ne!(host.operators().serving("room").await, uploaded);
    // Another component in the manifest is newer than what was uploaded.
    let file = host.home().join("newer.wasm");
    let newer = edited("room", "newer").await;
    std::fs::write(&file, &newer).unwrap();
    host.close().await;
    let settings = host.settings().component("room", &file);
    host.reopen_with(settings).await;
    assert_eq!(host.operators().serving("room").await, digest(&newer));
    let versions = host.operators().versions("room").await;
    assert_eq!(versions.len(), 3);
    assert_eq!(versions[0]["history"][0]["by"], "host");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let host = TestHost::open().await;
    let before = host.operators().serving("room").await;
    let edition = edited("room", "dry").await;
    let reply = host
        .operators()
        .deploy("room", edition, "dry-run=true")
        .await;
    let reply = reply.expect(200);
    assert_eq!(reply.body["outcome"], "passed");
    let gates: Vec<_> = reply.body["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["gate"].clone())
        .collect();
    for gate in [
        "component",
        "compile",
        "imports",
        "contract",
        "describe",
        "schema",
        "consumers",
        "ready",
    ] {
        assert!(
            gates.iter().any(|passed| *passed == gate),
            "{gate} in {gates:?}"
        );
    }
    assert_eq!(host.operators().serving("room").await, before);
    assert_eq!(host.operators().versions("room").await.len(), 1);
}

#[tokio::test]
async fn one_rollout_of_a_context_at_a_time() {
    let host = TestHost::open().await;
    let (first, second) = (
        edited("room", "first").await,
        edited("room", "second").await,
    );
    let first_digest = digest(&first);
    let begun = host
        .operators()
        .deploy("room", first, "ramp=10,100&step=60s")
        .await;
    begun.expect(202);
    let refused = host
        .operators()
        .deploy("room", second, "")
        .await
        .expect_problem(409);
    assert!(
        refused.text.contains("ramping at 10 %") && refused.text.contains("operator"),
        "{}",
        refused.text
    );
    // Another context has its own.
    let other = edited("message", "meanwhile").await;
    host.operators()
        .deploy("message", other, "")
        .await
        .expect(201);
    // A rollback ends the ramp.
    let ended = host.operators().rollback("room").await.expect(200);
    assert_eq!(ended.body["wasOnItsWay"], true);
    eventually("it is withdrawn", async || {
        match host
            .operators()
            .state_of("room", &first_digest)
            .await
            .as_str()
        {
            "uploaded" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    let refused = host
        .operators()
        .send(Method::POST, "/v1/contexts/nowhere/rollback")
        .await;
    refused.expect_problem(404);
}

#[tokio::test]
async fn a_module_is_wrapped_and_other_bytes_are_refused() {
    let host = TestHost::open().await;
    let file = &components().await["message"];
    // What cargo made before `innkeeper build` made a component of it.
    let target = file.parent().and_then(|folder| folder.parent()).unwrap();
    let module = target.join("wasm32-unknown-unknown/release/message.wasm");
    let module = std::fs::read(module).expect("cargo has made it");
    assert!(module.starts_with(b"\0asm\x01\0\0\0"));
    let reply = host
        .operators()
        .deploy("message", module, "")
        .await
        .expect(200);
    assert_eq!(reply.body["outcome"], "unchanged", "it is what serves");
    let refused = host
        .operators()
        .deploy("message", b"no component".to_vec(), "")
        .await;
    let refused = refused.expect_problem(422);
    assert!(
        refused.text.contains("neither a WebAssembly component"),
        "{}",
        refused.text
    );
    let request = host
        .operators()
        .client()
        .request(Method::POST, "/v1/contexts/message/versions");
    let refused = send(request.header("content-type", "application/wasm").body("x")).await;
    refused.expect_problem(401);
    for wrong in ["ramp=100,5", "step=soon", "ramp=5", "unknown=1"] {
        let bytes = edited("message", "x").await;
        host.operators()
            .deploy("message", bytes, wrong)
            .await
            .expect_problem(400);
    }
}

#[tokio::test]
async fn old_versions_are_forgotten_and_their_history_is_not() {
    let settings = Settings::of_the_app()
        .await
        .set("context.message.rollout.keep", 2);
    let host = TestHost::with(settings).await;
    for number in 0..6 {
        let edition = edited("message", &format!("edition {number}")).await;
        host.operators()
            .deploy("message", edition, "")
            .await
            .expect(201);
    }
    let versions = eventually("old ones are forgotten", async || {
        let versions = host.operators().versions("message").await;
        let stored = versions.iter().filter(|version| version["stored"] == true);
        match stored.count() {
            // The one that serves, two to go back to, two more, and the manifest's.
            count if count <= 6 && versions.iter().any(|version| version["stored"] == false) => {
                Ok(versions)
            }
            count => Err(format!("{count} are stored")),
        }
    })
    .await;
    assert_eq!(versions.len(), 7);
    // Their bytes go a moment later. The other four contexts have one version each.
    eventually("their bytes are gone", async || {
        let files = std::fs::read_dir(host.home().join("data/components")).unwrap();
        match files.count() {
            count if count < 7 + 4 => Ok(()),
            count => Err(format!("{count} files")),
        }
    })
    .await;
    // What is forgotten can be brought again, and is the same version.
    let edition = edited("message", "edition 0").await;
    let again = host
        .operators()
        .deploy("message", edition, "")
        .await
        .expect(201);
    assert_eq!(again.number("number"), 2);
}

#[tokio::test]
async fn a_token_is_good_for_what_its_role_says() {
    let mut settings = Settings::of_the_app().await;
    for role in ["read", "deploy"] {
        // The text of each token is its role, twice.
        let hash = digest(role.repeat(2).as_bytes());
        settings = settings
            .set(&format!("admin.tokens.{role}-only.role"), role)
            .set(&format!("admin.tokens.{role}-only.sha256"), hash);
    }
    let host = TestHost::with(settings).await;
    let client = host.operators().client();
    let post = async |path: &str, token: &str| {
        let request = client.request(Method::POST, path).bearer_auth(token);
        let body = edited("message", "by role").await;
        send(
            request
                .header("content-type", "application/wasm")
                .body(body),
        )
        .await
    };
    let versions = "/v1/contexts/message/versions";
    post(versions, "unknown").await.expect_problem(401);
    let refused = post(versions, "readread").await.expect_problem(403);
    assert!(refused.text.contains("deploy"), "{}", refused.text);
    post(versions, "deploydeploy").await.expect(201);
    let refused = post("/v1/contexts/viewpage/rebuild", "deploydeploy").await;
    assert!(refused.expect_problem(403).text.contains("admin"));
    post("/v1/contexts/message/rollback", "readread")
        .await
        .expect_problem(403);
    post("/v1/contexts/message/rollback", "deploydeploy")
        .await
        .expect(200);
    // Who did it is in the history.
    let brought = host.operators().versions("message").await;
    assert_eq!(brought[0]["history"][0]["by"], "deploy-only");
}

#[tokio::test]
async fn what_is_tried_in_one_context_stays_in_another() {
    let mut host = TestHost::open().await;
    let edition = edited("room", "in its place").await;
    let new = digest(&edition);
    let operators = host.operators().clone();
    operators
        .deploy("room", edition.clone(), "")
        .await
        .expect(201);
    // The wrong context: it would clash with room's routes.
    let tried = operators
        .deploy("reservation", edition, "dry-run=true")
        .await;
    tried.expect_problem(422);
    let components = host.home().join("data/components");
    let kept = components.join(format!("{new}.wasm"));
    assert!(kept.is_file());
    let drafts = std::fs::read_dir(&components).unwrap();
    let drafts = drafts.filter(|file| file.as_ref().unwrap().path() != kept);
    let drafts = drafts.filter(|file| {
        let path = file.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "part")
    });
    assert_eq!(drafts.count(), 0);
    host.kill_9();
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, new);
}

#[tokio::test]
async fn a_rollback_ends_a_rollout_that_is_still_being_checked() {
    let settings = Settings::of_the_app()
        .await
        .set("context.room.startup_probe.period", "100ms")
        .set("context.room.startup_probe.failure_threshold", 600)
        .set("context.room.startup_probe.timeout", "200ms");
    let host = TestHost::with(settings).await;
    let operators = host.operators().clone();
    let before = operators.serving("room").await;
    let moody = std::fs::read(&components().await["room-moody"]).expect("it was built");
    let bytes = in_a_mood(moody, "ready-says-no");
    let checked = tokio::spawn({
        let operators = operators.clone();
        async move { operators.deploy("room", bytes, "").await }
    });
    eventually("it is checked", async || {
        let request = operators.request(Method::GET, "/v1/contexts/room/rollout");
        let reply = send(request).await;
        let steps = reply.body["steps"].as_array();
        let fits = |step: &Value| step["gate"] == "consumers";
        match steps.is_some_and(|steps| steps.iter().any(fits)) {
            true => Ok(()),
            false => Err(reply.text),
        }
    })
    .await;
    let ended = operators.rollback("room").await.expect(200);
    assert_eq!(ended.body["wasOnItsWay"], true, "{}", ended.text);
    checked.await.unwrap().expect_problem(409);
    assert_eq!(operators.serving("room").await, before);
    // Nothing stands in the way of the next one.
    let next = edited("room", "afterwards").await;
    operators.deploy("room", next, "").await.expect(201);
}

#[tokio::test]
async fn a_rollback_can_be_taken_back() {
    let mut host = TestHost::open().await;
    let (second, third) = (
        edited("room", "second").await,
        edited("room", "third").await,
    );
    let operators = host.operators().clone();
    let first = operators.serving("room").await;
    operators
        .deploy("room", second.clone(), "")
        .await
        .expect(201);
    operators
        .deploy("room", third.clone(), "")
        .await
        .expect(201);
    let to = async |host: &TestHost, wanted: &str| {
        let path = format!("/v1/contexts/room/rollback?to={wanted}");
        host.operators().send(Method::POST, &path).await
    };
    let (second, third) = (digest(&second), digest(&third));
    to(&host, "1").await.expect(200);
    assert_eq!(operators.serving("room").await, first);
    // What was rolled back from served, too, and is kept.
    to(&host, "3").await.expect(200);
    assert_eq!(operators.serving("room").await, third);
    to(&host, "2").await.expect(200);
    assert_eq!(operators.serving("room").await, second);
    to(&host, &third[..8]).await.expect(200);
    assert_eq!(operators.serving("room").await, third);
    // To go back to it was a step back, so the way goes on from there, also after a restart.
    host.kill_9();
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, third);
    host.operators().rollback("room").await.expect(200);
    assert_eq!(host.operators().serving("room").await, first);
    // Each refusal says why.
    for (wanted, says) in [
        ("1", "is already serving"),
        ("9", "no version has the number 9"),
        (
            "ffffffff",
            "no version has the number ffffffff, or a digest that starts with it",
        ),
    ] {
        let refused = to(&host, wanted).await.expect_problem(404);
        assert!(refused.text.contains(says), "{}", refused.text);
    }
    // What only knocked has never served.
    let knocked = edited("room", "knocked").await;
    let operators = host.operators();
    let begun = operators.deploy("room", knocked, "ramp=10,100&step=60s");
    begun.await.expect(202);
    operators.rollback("room").await.expect(200);
    let refused = to(&host, "4").await.expect_problem(404);
    assert!(
        refused.text.contains("has never served"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn what_is_compressed_or_has_long_texts_is_refused() {
    let host = TestHost::with(Settings::empty().with("idler", "idler").await).await;
    let operators = host.operators();
    let edition = edited("idler", "long texts").await;
    let bring = async |headers: &[(&str, &str)], label: &str| {
        let path = format!("/v1/contexts/idler/versions?dry-run=true&label={label}");
        let mut request = operators.request(Method::POST, &path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(edition.clone())).await
    };
    let wasm = ("content-type", "application/wasm");
    for coding in ["gzip", "br", "nonsense"] {
        let reply = bring(&[wasm, ("content-encoding", coding)], "").await;
        let reply = reply.expect_problem(415);
        assert!(reply.text.contains(coding), "{}", reply.text);
    }
    bring(&[wasm, ("content-encoding", "identity")], "")
        .await
        .expect(200);
    let with_parameter = ("content-type", "Application/WASM; charset=binary");
    bring(&[with_parameter], &"é".repeat(1_000))
        .await
        .expect(200);
    let reply = bring(&[wasm], &"e".repeat(1_001)).await.expect_problem(400);
    assert!(reply.text.contains("at most 1000"), "{}", reply.text);
    let reason = "r".repeat(1_001);
    for command in ["rollout/pause", "rollout/abort", "rollback"] {
        let path = format!("/v1/contexts/idler/{command}?reason={reason}");
        let reply = operators.send(Method::POST, &path).await;
        let reply = reply.expect_problem(400);
        assert!(reply.text.contains("at most 1000"), "{}", reply.text);
    }
}
