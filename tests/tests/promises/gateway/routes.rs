//! Routes of one host, and routes that take all that is left of a path.

use innkeeper_tests::{TestHost, raw};
use serde_json::json;

use super::parrot;

#[tokio::test]
async fn what_is_described_more_closely_answers() {
    let settings = parrot()
        .await
        .set("gateway.trusted_proxies", vec!["127.0.0.1"]);
    let host = TestHost::with(settings).await;
    let ask = async |authority: &str, path: &str, fields: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{fields}\r\n");
        raw(host.gateway().base(), request.as_bytes())
            .await
            .expect("an answer")
    };
    let (rest, page) = ("/files/{*path}", "//docs.example/guide/{*page}");
    for (authority, path, route, value) in [
        ("inn", "/files/a/b%20c/d", rest, Some(("path", "a/b c/d"))),
        ("inn", "/files/a", rest, Some(("path", "a"))),
        ("docs.example", "/files/a/", rest, Some(("path", "a/"))),
        ("docs.example", "/guide/a/b", page, Some(("page", "a/b"))),
        ("Docs.Example:8080", "/guide/a", page, Some(("page", "a"))),
        ("docs.example", "/echo", "//docs.example/echo", None),
        ("other.example", "/echo", "/echo", None),
        ("docs.example", "/echo/literal", "/echo/literal", None),
    ] {
        let heard = ask(authority, path, "").await.expect(200).body;
        assert_eq!(heard["route"], route, "{authority} {path}");
        assert_eq!(heard["path"], path);
        let value = value.map(|(name, value)| json!([name, value]));
        assert_eq!(heard["parameters"], json!(Vec::from_iter(value)), "{path}");
    }
    for (authority, path) in [
        ("inn", "/files/"),
        ("inn", "/files"),
        ("inn", "/guide/a"),
        ("inn", "//docs.example/guide/a"),
    ] {
        ask(authority, path, "").await.expect_problem(404);
    }
    // A trusted proxy says whom the client has asked for.
    let fields = "x-forwarded-host: docs.example\r\n";
    let heard = ask("inner:8080", "/guide/a", fields).await.expect(200).body;
    assert_eq!(heard["route"], page);
}
