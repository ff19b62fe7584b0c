//! The thread of cause: in, through, and out again.

use crate::stub_backend::Served;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn what_comes_in_goes_through_and_out() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client
        .ask(&format!(
            "GET /rooms\nx-correlation-id: order-7\ntraceparent: {PARENT}"
        ))
        .await;
    assert_eq!(reply.header("x-correlation-id"), Some("order-7"));
    let parent = reply.header("traceparent").unwrap();
    assert!(
        parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
            && !parent.contains("00f067aa0ba902b7"),
        "{parent}"
    );
    assert_eq!(reply.json()["correlation"], "order-7");
    assert_eq!(reply.json()["trace"], parent);
}

#[tokio::test]
async fn what_does_not_come_in_is_made() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for request in [
        "GET /rooms",
        "GET /nowhere",
        "OPTIONS /rooms",
        "HEAD /rooms",
        "GET /failures/trap",
    ] {
        let reply = client.ask(request).await;
        let (id, parent) = (
            reply.header("x-correlation-id").unwrap(),
            reply.header("traceparent").unwrap(),
        );
        assert_eq!(id.len(), 32);
        assert!(parent.contains(id), "{parent} is not of {id}");
    }
    let reply = client
        .ask(&format!("GET /rooms\ntraceparent: {PARENT}"))
        .await;
    assert_eq!(
        reply.header("x-correlation-id"),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );
}

#[tokio::test]
async fn a_malformed_id_is_refused() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let detail = "x-correlation-id must be sent once, as 1 to 128 visible ASCII characters without spaces and commas";
    for id in [
        "",
        "two words",
        "a,b",
        &"x".repeat(129),
        "\u{fc}",
        "a\nx-correlation-id: b",
    ] {
        let reply = client
            .ask(&format!("GET /rooms\nx-correlation-id: {id}"))
            .await;
        reply.is_problem(400, detail);
        assert_eq!(reply.header("x-correlation-id").unwrap().len(), 32);
    }
    let reply = client.ask("GET /rooms\ntraceparent: nonsense").await;
    assert_eq!(reply.status, 200);
}
