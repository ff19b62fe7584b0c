//! `Idempotency-Key`.

use crate::stub_backend::Served;

#[tokio::test]
async fn a_key_is_handed_on() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let longest = "k".repeat(255);
    for key in ["1", "\"quoted\"", longest.as_str()] {
        let reply = client
            .ask(&format!("DELETE /rooms/1\nidempotency-key: {key}"))
            .await;
        assert_eq!(reply.json()["key"], key);
        assert_eq!(reply.header("idempotent-replayed"), None);
    }
    let reply = client.ask("DELETE /rooms/1\nidempotency-key: again").await;
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (200, Some("true"))
    );
}

#[tokio::test]
async fn what_changes_nothing_needs_none() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask("GET /rooms\nidempotency-key: two words").await;
    assert!(reply.json()["key"].is_null(), "{reply:?}");
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for key in [
        "",
        "two words",
        &"k".repeat(256),
        "\u{fc}",
        "a\nidempotency-key: a",
    ] {
        let reply = client
            .ask(&format!("POST /rooms\nidempotency-key: {key}"))
            .await;
        reply.is_problem(400, "Idempotency-Key must be sent once, as 1 to 255 visible ASCII characters without spaces");
    }
}
