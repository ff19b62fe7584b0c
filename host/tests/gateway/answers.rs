//! What is let through, and how it is answered.

use std::sync::Arc;

use serde_json::json;

use crate::stub_backend::{Served, routes};

#[tokio::test]
async fn a_request_reaches_its_context() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client
        .ask_with(
            "PUT /notes/r%C3%BCm%2Fa/1?a=1&b=x+y%26&a=2\nX-Custom: one\nx-latin: \u{e9}",
            "text",
        )
        .await;
    assert_eq!(reply.status, 200);
    let seen = reply.json();
    assert_eq!(seen["context"], "room");
    assert_eq!(seen["method"], "PUT");
    assert_eq!(seen["route"], "/notes/{room}/{note}");
    assert_eq!(seen["path"], "/notes/r%C3%BCm%2Fa/1");
    assert_eq!(
        seen["parameters"],
        json!([["room", "rüm/a"], ["note", "1"]])
    );
    assert_eq!(
        seen["query"],
        json!([["a", "1"], ["b", "x y&"], ["a", "2"]])
    );
    assert_eq!(seen["body"], "text");
    assert_eq!(seen["causation"], "");
    let headers = seen["headers"].as_array().unwrap();
    assert!(
        headers.contains(&json!(["x-custom", "one"])) && headers.contains(&json!(["x-latin", "é"])),
        "{headers:?}"
    );
}

#[tokio::test]
async fn headers_that_are_no_text_are_left_out() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    client
        .send(b"GET /rooms HTTP/1.1\r\nhost: a\r\nx-bytes: \xff\r\nx-text: 1\r\n\r\n")
        .await;
    let seen = client.reply().await.json();
    let headers = seen["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-text", "1"])));
    assert!(
        headers.iter().all(|header| header[0] != "x-bytes"),
        "{headers:?}"
    );
}

#[tokio::test]
async fn a_body_in_pieces_is_one() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    client.send("POST /rooms HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").await;
    for piece in ["4\r\n{\"a\"\r\n", "3\r\n:1}\r\n", "0\r\ntrailer: x\r\n\r\n"] {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.reply().await.json()["body"], "{\"a\":1}");
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let get = client.ask("GET /rooms/1").await;
    let head = client.ask("HEAD /rooms/1").await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(head.header("content-type"), get.header("content-type"));
    let nothing = client.ask("HEAD /nowhere").await;
    assert_eq!(nothing.status, 404);
    assert!(
        nothing
            .header("content-length")
            .unwrap()
            .parse::<usize>()
            .unwrap()
            > 0
    );
    // Had a body followed, it would be taken for this answer.
    assert_eq!(client.ask("GET /rooms/1").await.json()["method"], "GET");
}

#[tokio::test]
async fn options_says_what_can_be_done() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask("OPTIONS /rooms/7").await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (204, Some("DELETE, GET, HEAD, OPTIONS, PATCH"))
    );
    assert!(reply.header("x-correlation-id").is_some());
    let reply = client.ask("OPTIONS *").await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (204, Some("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"))
    );
    assert_eq!(client.ask("OPTIONS /nowhere").await.status, 404);
}

#[tokio::test]
async fn the_hosts_headers_are_the_hosts() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask("GET /headers").await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("content-length"), Some("0"));
    assert_eq!(reply.header("connection"), None);
    assert_ne!(reply.header("x-correlation-id"), Some("forged"));
    assert_eq!(reply.header("etag"), Some("\"1\""));
    assert_eq!(reply.header("x-two"), Some("a, b"));
    assert_eq!(client.ask("GET /rooms").await.status, 200);
}

#[tokio::test]
async fn no_content_has_no_body() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask("GET /nothing").await;
    assert_eq!((reply.status, reply.header("content-length")), (204, None));
    assert_eq!(client.ask("GET /rooms").await.status, 200);
}

#[tokio::test]
async fn failures_are_problems() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask("GET /failures/overloaded").await;
    reply.is_problem(
        503,
        "context room has more work than it gets done; some of it waited too long",
    );
    assert_eq!(reply.header("retry-after"), Some("3"));
    assert_eq!(reply.json()["type"], "urn:innkeeper:problem:overloaded");
    client
        .ask("GET /failures/deadline")
        .await
        .is_problem(504, "no answer within 5 s; nothing was changed");
    client
        .ask("GET /failures/reused")
        .await
        .is_problem(422, "this Idempotency-Key was used for a different request");
    client.ask("GET /failures/trap").await.is_problem(
        500,
        "the guest failed or gave an invalid answer; nothing was changed",
    );
}

#[tokio::test]
async fn the_table_can_be_swapped() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    assert_eq!(client.ask("GET /new").await.status, 404);
    host.state
        .routes
        .store(Arc::new(routes(&[("GET", "/new")])));
    assert_eq!(client.ask("GET /new").await.status, 200);
}
