//! How a host ends.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::test_host::{TestHost, eventually};

const BODY: &str = "{\"desc\":\"patient\"}";

/// A request that the gateway is in the middle of.
async fn half_a_request(host: &TestHost) -> TcpStream {
    let address = host.gateway.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /rooms HTTP/1.1\r\nhost: inn\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Whoever is told to go on is being served.
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

async fn unready(host: &TestHost) -> Value {
    eventually("it is not ready", async || {
        let answer = host.ask("/readyz").send().await.unwrap();
        match answer.status().as_u16() {
            503 => Some(answer.json().await.unwrap()),
            _ => None,
        }
    })
    .await
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_nobody_is_sent_here_meanwhile() {
    let mut host = TestHost::open().await;
    let ready = host.see("/readyz").await;
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["checks"]["journal"], "ok");
    assert_eq!(ready["checks"]["context room"], "ok");
    let mut stream = half_a_request(&host).await;

    host.terminate();
    let unready = unready(&host).await;
    assert_eq!(unready["ready"], false);
    assert_ne!(unready["checks"]["stop"], Value::Null);
    assert_eq!(host.ask("/livez").send().await.unwrap().status(), 200);

    stream.write_all(BODY.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(host.ended().await.success(), "{}", host.err.all());
    assert!(host.err.all().contains("draining"));
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let mut host = TestHost::open().await;
    let _stream = half_a_request(&host).await;
    host.terminate();
    unready(&host).await;
    host.terminate();
    let status = tokio::time::timeout(Duration::from_secs(15), host.ended());
    assert_eq!(status.await.unwrap().code(), Some(1));
    // It may be read a moment later.
    eventually("it says why", async || {
        let said = host.err.all();
        let last = said.lines().last();
        last.is_some_and(|last| last.starts_with("error: "))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_idle_host_ends_at_once() {
    let mut host = TestHost::open().await;
    let mut stream = host.ask("/v1/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    host.terminate();
    let mut told = String::new();
    while let Some(bytes) = stream.chunk().await.unwrap() {
        told += &String::from_utf8_lossy(&bytes);
    }
    assert!(told.contains(": the host is stopping"), "{told}");
    assert!(host.ended().await.success(), "{}", host.err.all());
}
