//! The head of an answer is bounded before anything is committed.

use innkeeper_tests::http2::whole;
use innkeeper_tests::{Http2, TestHost, eventually, raw};
use serde_json::json;

use super::parrot;

#[tokio::test]
async fn an_answer_whose_head_is_too_big_commits_nothing() {
    let host = TestHost::with(parrot().await).await;
    let client = host.gateway();
    for (count, length) in [
        (25_000, 0),
        (40_000, 0),
        (81, 0),
        (1, 15_400),
        (1, 70_000),
        (80, 200),
    ] {
        let path = format!("/head/{count}/{length}");
        let reply = client.post(&path, json!({})).await.expect_problem(500);
        assert_eq!(reply.body["type"], "urn:innkeeper:problem:guest-failed");
        let id = reply.header("x-correlation-id").to_owned();
        eventually("the log says why", async || {
            let lines = host.output().lines_with(&id);
            let why = lines
                .iter()
                .any(|line| line.contains("headers") && !line.contains("panicked"));
            if why { Ok(()) } else { Err(lines.join("\n")) }
        })
        .await;
    }
    assert_eq!(
        client.get("/heard").await.expect(200).body["items"],
        json!([])
    );
    assert_eq!(host.output().lines_with("panicked"), [""; 0]);
    // As much as is allowed is committed, and usual clients read it.
    for (count, length) in [(80, 0), (80, 150), (1, 15_000)] {
        let path = format!("/head/{count}/{length}");
        let reply = client.post(&path, json!({})).await.expect(200);
        assert_eq!(reply.header("x-0").len(), length, "{path}");
    }
    let heard = client.get("/heard").await.body;
    assert_eq!(heard["items"].as_array().map(Vec::len), Some(3));
    let mut http2 = Http2::connect(client.base(), 65_535).await;
    let request = http2.get("/heard");
    assert!(!whole(http2.ask(request).await.into_body()).await.is_empty());
}

#[tokio::test]
async fn its_limit_can_be_set() {
    let settings = parrot().await;
    let settings = settings.set("context.parrot.limits.response_head", "2KiB");
    let host = TestHost::with(settings).await;
    let post = async |length: usize| {
        let request =
            format!("POST /head/1/{length} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
        raw(host.gateway().base(), request.as_bytes())
            .await
            .unwrap()
            .status
    };
    // The name has three bytes, and the host has 1024 of its own.
    assert_eq!(post(2048 - 1024 - 32 - 3).await, 200);
    assert_eq!(post(2048 - 1024 - 32 - 2).await, 500);
}
