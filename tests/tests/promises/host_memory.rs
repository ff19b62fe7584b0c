//! What the host holds for invocations is bounded by `[host] memory`: work that would exceed it is refused, and taken again when there is room.

use innkeeper_tests::{Opening, Reply, Settings, TestHost, eventually, send};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const MEGABYTE: usize = 1_000_000;

async fn archive() -> Settings {
    Settings::empty()
        .with("archive", "archive")
        .await
        .set("context.archive.limits.answers", 0)
}

/// How many bytes are held for invocations.
async fn held(host: &TestHost) -> f64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let name = "innkeeper_memory_held_bytes{for=\"invocations\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.expect("a line with it").parse().expect("a number")
}

async fn is_held(host: &TestHost, what: &str, is_enough: impl Fn(f64) -> bool) {
    eventually(what, async || {
        let held = held(host).await;
        is_enough(held).then_some(()).ok_or(held)
    })
    .await;
}

/// That it was refused for want of the host's memory, not of that for guests.
fn refused(reply: Reply) {
    let problem = reply.expect_problem(503);
    assert_eq!(
        problem.body["type"], "urn:innkeeper:problem:overloaded",
        "{problem:?}"
    );
    assert!(!problem.header("retry-after").is_empty());
}

/// The bodies of requests are held from their heads on.
#[tokio::test]
async fn bodies_that_there_is_no_memory_for_are_refused_until_there_is() {
    const BODY: usize = 4 * MEGABYTE;
    let settings = archive()
        .await
        // A quarter is for answers that may be given again: 18 MiB are left, for four bodies and no fifth.
        .set("host.memory", "24MiB")
        .set("context.archive.limits.request", "4MiB");
    let host = Opening::new(settings).alone().open().await;
    let large = async || {
        let request = host.gateway().request(http::Method::POST, "/totals");
        send(request.body(vec![b'x'; BODY])).await
    };
    large().await.expect(200);
    let address = host.gateway().base().strip_prefix("http://").expect("HTTP");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.expect("the port is open");
        let head = format!("POST /totals HTTP/1.1\r\nhost: inn\r\ncontent-length: {BODY}\r\n\r\n");
        stream
            .write_all(head.as_bytes())
            .await
            .expect("it is taken");
        waiting.push(stream);
    }
    is_held(&host, "four bodies are waited for", |held| {
        held >= 4.0 * BODY as f64
    })
    .await;
    for _ in 0..3 {
        refused(large().await);
    }
    drop(waiting);
    is_held(&host, "nothing is held any more", |held| held == 0.0).await;
    large().await.expect(200);
}

/// What a guest reads is held by the host before the guest has it.
#[tokio::test]
async fn reads_that_there_is_no_memory_for_are_refused_until_there_is() {
    let settings = archive()
        .await
        .set("context.archive.limits.memory", "200MiB")
        .set("context.archive.limits.response", "256KiB");
    let mut host = Opening::new(settings.clone()).alone().open().await;
    for first in (0..44).step_by(4) {
        let path = format!("/bulk/{first}/4");
        host.gateway().post(&path, json!(null)).await.expect(204);
    }
    host.close().await;
    // A quarter is for answers that may be given again: 72 MiB are left. 44 MB, once in the host and once in the guest, are more; once they are not.
    host.reopen_with(
        settings
            .set("host.memory", "96MiB")
            .set("host.guests_memory", "70MiB"),
    )
    .await;
    let read = async |rows: usize| host.gateway().get(&format!("/bulk/{rows}")).await;
    assert_eq!(read(20).await.expect(200).body, 20 * MEGABYTE);
    for _ in 0..3 {
        refused(read(44).await);
        is_held(&host, "nothing is held any more", |held| held == 0.0).await;
        assert_eq!(read(20).await.expect(200).body, 20 * MEGABYTE);
    }
}
