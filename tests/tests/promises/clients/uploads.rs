//! What operators send is looked at before it is taken.

use innkeeper_tests::{TestHost, artifacts, raw, send};

use super::parrot;

#[tokio::test]
async fn an_upload_that_announces_to_be_too_big_is_refused_at_once() {
    let host = TestHost::with(parrot().await).await;
    let operators = host.operators();
    let token = operators.token();
    let head = format!(
        "POST /v1/contexts/parrot/versions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/wasm\r\n"
    );
    for rest in [
        "content-length: 10000000000\r\n\r\n",
        "content-length: 10000000000\r\nexpect: 100-continue\r\n\r\n",
    ] {
        let request = format!("{head}{rest}");
        let reply = raw(operators.client().base(), request.as_bytes())
            .await
            .unwrap();
        reply.expect_problem(413);
    }
}

#[tokio::test]
async fn how_a_client_prefers_to_be_answered_is_a_list() {
    let host = TestHost::with(parrot().await).await;
    let operators = host.operators();
    for (prefer, status) in [
        ("respond-async, wait=0", 202),
        ("return=minimal, Respond-Async;x=1", 202),
        ("x=\"respond-async\"", 201),
        ("respond-async, wait=60", 201),
    ] {
        let component = artifacts::edited("parrot", prefer).await;
        let request = operators.request(
            http::Method::POST,
            "/v1/contexts/parrot/versions?force=true",
        );
        let request = request
            .header("content-type", "application/wasm")
            .header("prefer", prefer)
            .body(component);
        let reply = send(request).await;
        assert_eq!(reply.status, status, "{prefer}: {}", reply.text);
        operators.rollout_ended("parrot").await;
    }
}
