//! What a standard component must have to come to serve: routes, and no import that is not granted.

use http::Method;
use innkeeper_tests::{Settings, TestHost, artifacts, eventually, send};

use super::visitors;

/// A standard component that opens no bucket, and answers nothing.
const SILENT: &str = r#"(component
    (import "wasi:http/types@0.2.0" (instance $types
        (export "incoming-request" (type (sub resource)))
        (export "response-outparam" (type (sub resource)))))
    (alias export $types "incoming-request" (type $request))
    (alias export $types "response-outparam" (type $out))
    (core module $module (func (export "handle") (param i32 i32)))
    (core instance $instance (instantiate $module))
    (func $handle (param "request" (own $request)) (param "response-out" (own $out))
        (canon lift (core func $instance "handle")))
    (instance $handler (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#;

/// A host of whose contexts one is down, so that it never says that it is ready.
async fn started_with(settings: Settings) -> TestHost {
    let mut host = TestHost::with(visitors().await).await;
    host.close().await;
    host.rewrite(settings);
    host.try_reopen(&[]).await.expect("it starts");
    host
}

async fn logged(host: &TestHost, text: &str) {
    eventually(text, async || {
        match host.output().lines_with(text).is_empty() {
            true => Err("it is not in the log"),
            false => Ok(()),
        }
    })
    .await;
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_refused_with_the_setting_that_would() {
    let settings = visitors().await.with("courier", "courier").await;
    let settings = settings.set("context.courier.routes", vec!["/asked/*"]);
    let mut host = started_with(settings).await;
    // At the start: it is down, alone.
    logged(&host, "set `allow_outbound` there").await;
    assert_eq!(host.operators().serving("courier").await, "");
    host.gateway().get("/sized/1").await.expect(200);
    // And when it is brought.
    let courier = std::fs::read(artifacts::component("courier").await).unwrap();
    let refused = host.operators().deploy("visitors", courier, "").await;
    let refused = refused.expect_problem(422);
    assert_eq!(refused.body["gate"], "imports", "{}", refused.text);
    for said in [
        "wasi:http/outgoing-handler",
        "[context.visitors]",
        "allow_outbound",
    ] {
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    // Where it may ask nobody it may be there.
    host.close().await;
    let none: Vec<&str> = Vec::new();
    let granted = host.settings().set("context.courier.allow_outbound", none);
    host.reopen_with(granted).await;
    assert_ne!(host.operators().serving("courier").await, "");
}

#[tokio::test]
async fn what_nothing_would_grant_is_refused_by_its_name() {
    let host = TestHost::with(visitors().await).await;
    for import in [
        "wasi:blobstore/blobstore@0.2.0-draft",
        "wasi:keyvalue/store@0.2.0-draft2",
        "wasi:http/types@0.3.0",
        "wasi:messaging/producer@0.2.0-draft",
    ] {
        let text = format!(r#"(component (import "{import}" (instance)))"#);
        let component = wat::parse_str(text).expect("it is WebAssembly text");
        let refused = host.operators().deploy("visitors", component, "").await;
        let refused = refused.expect_problem(422);
        assert_eq!(refused.body["gate"], "imports", "{}", refused.text);
        let said = format!("`{import}`, which the host does not provide; no setting grants it");
        let text = refused.body["detail"].as_str().unwrap_or_default();
        assert!(text.contains(&said), "{text}");
    }
    host.gateway().get("/sized/1").await.expect(200);
}

#[tokio::test]
async fn without_routes_it_is_told_which_setting_to_add() {
    let settings = visitors().await.with("guests", "visitors").await;
    let host = started_with(settings).await;
    logged(&host, "which describes no routes; say in [context.guests]").await;
    assert_eq!(host.operators().serving("guests").await, "");
    host.gateway().get("/sized/1").await.expect(200);
}

/// The same routes, by a component that describes them itself and by one that does not: they read and write the same rows.
#[tokio::test]
async fn a_component_of_the_sdk_may_follow_a_standard_one_and_the_other_way_round() {
    let routes = [
        "GET /visitors/{bucket}/{name}",
        "POST /visitors/{bucket}/{name}",
    ];
    let settings = Settings::empty().with("visitors", "visitors").await;
    let settings = settings.set("context.visitors.routes", routes.to_vec());
    let host = TestHost::with(settings).await;
    let visit = async || {
        // A bucket and a key of which no character is left out.
        let path = "/visitors/a%01b%2F%02/k%01%C3%A4";
        let visited = send(host.gateway().request(Method::POST, path)).await;
        let shown = host.gateway().get(path).await.expect(200).text;
        assert_eq!(visited.expect(200).text, shown);
        shown
    };
    assert_eq!(visit().await, "1");
    for (component, count) in [("guestbook", "2"), ("visitors", "3")] {
        let bytes = artifacts::edited(component, "swapped").await;
        let digest = artifacts::digest(&bytes);
        let deployed = host.operators().deploy("visitors", bytes, "").await;
        deployed.expect(201);
        assert_eq!(host.operators().serving("visitors").await, digest);
        assert_eq!(visit().await, count);
    }
}

#[tokio::test]
async fn a_version_is_ramped_up_like_any_other_and_must_have_the_routes_of_the_manifest() {
    let settings = visitors().await;
    let settings = settings.set("context.visitors.rollout.max_latency", 0);
    let host = TestHost::with(settings).await;
    let standard = std::fs::read(artifacts::component("visitors").await).unwrap();
    // One that describes routes of its own has not all of those that the manifest has.
    let other = std::fs::read(artifacts::component("guestbook").await).unwrap();
    let refused = host.operators().deploy("visitors", other, "").await;
    let refused = refused.expect_problem(422);
    assert!(
        refused.text.contains("[context.visitors.routes]"),
        "{}",
        refused.text
    );
    let edition = artifacts::with_section(standard, "ramped");
    let digest = artifacts::digest(&edition);
    let reply = host
        .operators()
        .deploy("visitors", edition, "ramp=50,100&step=200ms");
    reply.await.expect(202);
    // Each step is judged by what was asked during it, and which version is asked follows from the path.
    eventually("it is current", async || {
        for guest in 0..20 {
            let path = format!("/visitors/b/{guest}");
            let visit = host.gateway().request(Method::POST, &path);
            send(visit).await.expect(200);
        }
        match host.operators().serving("visitors").await {
            serving if serving == digest => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

#[tokio::test]
async fn a_component_without_buckets_takes_over_and_leaves_those_that_there_are() {
    let host = TestHost::with(visitors().await).await;
    let visit = async || {
        let path = "/visitors/b/anna";
        send(host.gateway().request(Method::POST, path)).await
    };
    assert_eq!(visit().await.expect(200).text, "1");
    let silent = wat::parse_str(SILENT).expect("it is WebAssembly text");
    let reply = host.operators().deploy("visitors", silent, "").await;
    reply.expect(201);
    visit().await.expect_problem(500);
    host.operators().rollback("visitors").await.expect(200);
    assert_eq!(visit().await.expect(200).text, "2");
}
