//! Who may ask at all, and how.

use http::Method;
use innkeeper_tests::{Client, Settings, TestHost, raw, send};

use super::bell;

#[tokio::test]
async fn pages_of_other_origins_get_nothing() {
    let host = TestHost::with(bell().await).await;
    let client = host.operators().client();
    let own = client.base().to_owned();
    let ask = async |path: &str, header: &str, value: &str| {
        send(client.request(Method::GET, path).header(header, value)).await
    };
    // Whatever answers here, as its own document says, and what does not.
    let document = ask("/openapi.json", "accept", "*/*").await.expect(200).body;
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 20, "{paths:?}");
    let mut entrances = vec![
        (Method::GET, "/openapi.json".to_owned()),
        (Method::GET, "/nowhere".to_owned()),
        (Method::PATCH, "/v1/contexts".to_owned()),
    ];
    for (path, operations) in paths {
        let path = path
            .replace("{name}", "bell")
            .replace("{id}", "bell.1.0")
            .replace("{correlation-id}", "a-ring");
        for method in operations.as_object().expect("operations").keys() {
            let method = method.to_uppercase().parse().expect("a method");
            entrances.push((method, path.clone()));
        }
    }
    for (method, path) in &entrances {
        for (header, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            // Also with a token: a browser may have one.
            let request = host.operators().request(method.clone(), path);
            let reply = send(request.header(header, value)).await;
            assert_eq!(reply.status, 403, "{method} {path}: {}", reply.text);
            reply.expect_problem(403);
        }
    }
    assert!(entrances.iter().any(|(_, path)| path == "/metrics"));
    for (header, value) in [
        ("origin", &*own),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        ask("/v1/events?follow=false", header, value)
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let host = TestHost::with(Settings::of_the_app().await).await;
    for number in 2..=5 {
        let bytes = innkeeper_tests::artifacts::edited("room", &format!("page {number}")).await;
        host.operators().deploy("room", bytes, "").await.expect(201);
    }
    let mut path = "/v1/contexts/room/versions?limit=2".to_owned();
    let mut numbers = Vec::new();
    loop {
        let page = host.operators().get(&path).await;
        let versions = page["versions"].as_array().expect("a list");
        assert!(versions.len() <= 2);
        numbers.extend(versions.iter().map(|version| version["number"].as_u64()));
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        path = format!("/v1/contexts/room/versions?limit=2&before={next}");
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1].map(Some));
    let wrong = host
        .operators()
        .send(Method::GET, "/v1/contexts/room/versions?page=1");
    wrong.await.expect_problem(400);
}

#[tokio::test]
async fn bodies_that_end_in_more_than_one_way_are_refused_on_both_ports() {
    let host = TestHost::with(bell().await).await;
    let ports: [&Client; 2] = [host.gateway(), host.operators().client()];
    for port in ports {
        for (fields, status) in [
            ("transfer-encoding: gzip, chunked", 501),
            ("transfer-encoding: gzip\r\ntransfer-encoding: chunked", 501),
            ("transfer-encoding: chunked, chunked", 400),
            (
                "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
                400,
            ),
            ("content-length: 9223372036854775808", 400),
            ("content-length: 18446744073709551613", 400),
            ("content-length: 99999999999999999999", 400),
        ] {
            let request = format!("POST /peals HTTP/1.1\r\nhost: inn\r\n{fields}\r\n\r\n");
            let reply = raw(port.base(), request.as_bytes())
                .await
                .expect("an answer");
            assert_eq!(
                reply.status,
                status,
                "{} {fields}: {}",
                port.base(),
                reply.text
            );
        }
    }
}
