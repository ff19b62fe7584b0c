//! What an index has is stored alike in each language: who takes over finds by it what others wrote, and what only one row may have only one has.

use http::Method;
use innkeeper_tests::{Client, Settings, TestHost, artifacts, send};
use serde_json::{Value, json};

/// Puts a book on a shelf, or nowhere.
async fn put(client: &Client, id: u64, isbn: &str, shelf: Option<u64>) -> u16 {
    let request = client.request(Method::PUT, &format!("/books/{id}"));
    let request = request.header("content-type", "application/json");
    let body = json!({"isbn": isbn, "shelf": shelf}).to_string();
    send(request.body(body)).await.status
}

async fn found(client: &Client, isbn: &str) -> Value {
    client.get(&format!("/isbns/{isbn}")).await.expect(200).body["id"].clone()
}

async fn shelved(client: &Client, shelf: u64) -> Value {
    let path = format!("/shelves/{shelf}");
    client.get(&path).await.expect(200).body
}

/// The component `keeper` in another language takes over from the one in Rust, and that from it.
pub(super) async fn indexes_are_taken_over(component: &str) {
    let host = TestHost::with(Settings::empty().with("keeper", "keeper").await).await;
    let (client, operators) = (host.gateway(), host.operators());
    assert_eq!(put(client, 1, "rust", Some(7)).await, 204);
    assert_eq!(put(client, 1 << 40, "far/off", Some(7)).await, 204);
    for (round, name) in [component, "keeper", component].into_iter().enumerate() {
        let bytes = std::fs::read(artifacts::component(name).await).expect("it was built");
        let brought = operators.deploy("keeper", bytes.clone(), "expect-slower=100");
        brought.await.expect(201);
        assert_eq!(operators.serving("keeper").await, artifacts::digest(&bytes));
        let own = 10 + round as u64;
        let isbn = format!("round-{round}");
        // What others wrote is found, and is not to be had twice.
        assert_eq!(found(client, "rust").await, 1, "{name}");
        assert_eq!(put(client, own, "rust", None).await, 409, "{name}");
        assert_eq!(found(client, "far%2Foff").await, 1_u64 << 40, "{name}");
        // What it writes itself is moved and found.
        assert_eq!(put(client, own, &isbn, Some(7)).await, 204);
        let wanted = json!({"ids": [1, own, 1_u64 << 40], "last": [1_u64 << 40], "count": 3});
        assert_eq!(shelved(client, 7).await, wanted, "{name}");
        assert_eq!(put(client, own, &isbn, Some(8)).await, 204);
        let moved: Vec<u64> = (10..=own).collect();
        assert_eq!(shelved(client, 8).await["ids"], json!(moved), "{name}");
    }
    // The last removes what the first wrote, with all that finds it.
    let removed = send(client.request(Method::DELETE, "/books/1")).await;
    removed.expect(204);
    assert_eq!(found(client, "rust").await, Value::Null);
    assert_eq!(put(client, 2, "rust", None).await, 204);
}
