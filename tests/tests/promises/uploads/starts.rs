//! A component that cannot be looked at, or asks for much while it is, takes no other context with it.

use http::Method;
use innkeeper_tests::{Opening, Settings, TestHost, artifacts, eventually, in_a_mood};

use super::{bomb, idler};

#[tokio::test]
async fn what_a_runtime_asks_for_before_it_says_what_it_is_is_answered() {
    let settings = idler().await.with("dicer", "dicer").await;
    let mut host = Opening::new(settings).own_artifacts().open().await;
    let context = host.operators().context("dicer").await;
    assert_eq!(
        context["summary"], "Throws dice before it does anything.",
        "{context}"
    );
    // The same of what is brought.
    let edition = artifacts::edited("dicer", "another").await;
    let reply = host.operators().deploy("dicer", edition, "");
    reply.await.expect(201);
    host.close().await;
    host.reopen().await;
    assert!(!host.has_panicked());
}

#[tokio::test]
async fn what_it_fails_at_after_another_answer_is_asked_again() {
    let host = opened_with(idler().await).await;
    let evasive = std::fs::read(&artifacts::components().await["evasive"]).unwrap();
    for (mood, status) in [("schema-traps", 422), ("schema-traps-after-describe", 201)] {
        let component = in_a_mood(evasive.clone(), mood);
        let reply = host.operators().deploy("idler", component, "");
        let reply = reply.await.expect(status);
        if status == 422 {
            assert!(reply.text.contains("`schema` failed"), "{}", reply.text);
        }
    }
    host.gateway().get("/evasions").await.expect(204);
    assert!(!host.has_panicked());
}

#[tokio::test]
async fn a_context_that_cannot_start_is_down_alone() {
    let home = tempfile::TempDir::new().unwrap();
    let message = std::fs::read(&artifacts::components().await["message"]).unwrap();
    let module = b"\0asm\x01\0\0\0\x00".to_vec();
    let hostile = [
        ("bomb", bomb("bomb", 24, 6)),
        ("truncated", message[..message.len() / 2].to_vec()),
        ("module", module),
        ("empty", Vec::new()),
    ];
    let mut settings: Settings = idler().await;
    for (name, bytes) in &hostile {
        let file = home.path().join(format!("{name}.wasm"));
        std::fs::write(&file, bytes).unwrap();
        settings = settings.component(name, &file);
    }
    let host = opened_with(settings).await;
    for (name, _) in hostile {
        assert_eq!(host.operators().serving(name).await, "", "{name}");
        // It can be mended while the others go on.
        let edition = artifacts::edited("idler", name).await;
        let reply = host.operators().deploy(name, edition, "");
        reply.await.expect(201);
    }
    assert!(!host.has_panicked());
}

#[tokio::test]
async fn what_is_compiled_at_a_start_has_the_limits_of_what_is_uploaded() {
    let mut host = Opening::new(idler().await).own_artifacts().open().await;
    host.close().await;
    // What is compiled already needs no time.
    let parrot = artifacts::edited("parrot", "long").await;
    let file = host.home().join("parrot.wasm");
    std::fs::write(&file, artifacts::with_modules(parrot, 8)).unwrap();
    let settings = host.settings().component("parrot", &file);
    let settings = settings.set("rollout.compile_time", "1s");
    host.rewrite(settings);
    host.try_reopen(&[]).await.expect("it starts");
    idler_serves(&host).await;
    assert_eq!(host.operators().serving("parrot").await, "");
    let told = host.output().lines_with("of processor time");
    assert!(!told.is_empty(), "{}", host.output().tail(40));
    let settings = host.settings().set("rollout.compile_time", "60s");
    host.close().await;
    host.reopen_with(settings).await;
    assert!(!host.operators().serving("parrot").await.is_empty());
}

/// A host with contexts of which some may be down.
async fn opened_with(settings: Settings) -> TestHost {
    let mut host = Opening::new(Settings::empty()).own_artifacts().open().await;
    host.kill_9();
    host.rewrite(settings);
    host.try_reopen(&[]).await.expect("it starts");
    idler_serves(&host).await;
    host
}

async fn idler_serves(host: &TestHost) {
    eventually("idler serves", async || {
        let path = "/v1/contexts/idler";
        let reply = host.operators().send(Method::GET, path).await;
        match reply.body["version"]["digest"].is_string() {
            true => Ok(()),
            false => Err(reply.text),
        }
    })
    .await;
}
