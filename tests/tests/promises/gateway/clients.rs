//! What the manifest says of proxies and of compression holds for contexts as they run.

use http::Method;
use innkeeper_tests::{TestHost, send};

use super::parrot;

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_told_apart() {
    let settings = parrot()
        .await
        .set("gateway.trusted_proxies", vec!["127.0.0.1", "10.0.0.0/8"])
        .set("gateway.rate_limit.requests_per_second", 1)
        .set("gateway.rate_limit.burst", 1);
    let host = TestHost::with(settings.clone()).await;
    let ask = async |forwarded: &str| {
        let request = host.gateway().request(Method::GET, "/echo");
        send(request.header("x-forwarded-for", forwarded)).await
    };
    let heard = ask("198.51.100.7, 192.0.2.1, 10.1.1.1")
        .await
        .expect(200)
        .body;
    let fields = heard["headers"].as_array().expect("fields").iter();
    let told: Vec<_> = fields
        .filter(|field| field[0] == "x-forwarded-for")
        .map(|field| field[1].as_str().unwrap_or_default())
        .collect();
    assert_eq!(told, ["192.0.2.1"]);
    ask("192.0.2.2").await.expect(200);
    ask("192.0.2.77, 192.0.2.2").await.expect_problem(429);
    let refused = [
        (
            "gateway.trusted_proxies",
            vec!["inn.example"],
            "neither an address nor a network",
        ),
        (
            "gateway.compression",
            vec!["zip"],
            "valid values are `br`, `gzip`",
        ),
    ];
    let mut host = host;
    host.close().await;
    for (key, value, said) in refused {
        host.rewrite(settings.clone().set(key, value));
        let line = host.refused().await.err;
        assert!(line.contains(key) && line.contains(said), "{line}");
        assert_eq!(line.trim().lines().count(), 1, "{line}");
    }
}

#[tokio::test]
async fn answers_are_compressed_where_the_manifest_and_the_client_want_it() {
    let settings = parrot().await.set("gateway.compression", vec!["gzip"]);
    let host = TestHost::with(settings).await;
    let request = || host.gateway().request(Method::GET, "/much/100000");
    let whole = send(request()).await.expect(200);
    assert_eq!(whole.text.len(), 100_000);
    assert_eq!(whole.header("vary"), "accept-encoding");
    let small = send(request().header("accept-encoding", "gzip, br")).await;
    assert_eq!(
        (small.status, small.header("content-encoding")),
        (200, "gzip")
    );
    let length: usize = small.header("content-length").parse().expect("a length");
    assert!(length < 2_000, "{length}");
}
