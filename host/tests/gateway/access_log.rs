//! A line for each request, however it ends.

use std::time::Duration;

use innkeeper::manifest::{AccessLogFormat, AccessLogSettings, Cors, GatewaySettings, Network};

use crate::stub_backend::{SOON, Served};

async fn logging(file: &std::path::Path, sample: u32) -> Served {
    logging_as(file, sample, AccessLogFormat::Common).await
}

async fn logging_as(file: &std::path::Path, sample: u32, format: AccessLogFormat) -> Served {
    let network: Network = "127.0.0.1".parse().unwrap();
    Served::with(GatewaySettings {
        trusted_proxies: vec![network],
        cors: Some(Cors::default()),
        drain: Duration::ZERO,
        access_log: AccessLogSettings {
            format,
            file: Some(file.to_owned()),
            sample,
            query: false,
        },
        ..GatewaySettings::default()
    })
    .await
}

/// Waits until the lines of a file are as they should be.
async fn lines(file: &std::path::Path, are_there: impl Fn(&[String]) -> bool) -> Vec<String> {
    let read = async {
        loop {
            let text = tokio::fs::read_to_string(file).await.unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            if are_there(&lines) {
                return lines;
            }
            // Whoever writes them, or answers what they are of, needs the processor too.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, read).await.expect("lines come")
}

#[tokio::test]
async fn a_client_that_goes_away_is_told_as_one_that_stays() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("access.log");
    let mut host = logging(&file, AccessLogSettings::ALL).await;
    let mut stays = host.connect().await;
    stays.ask("GET /rooms\nx-forwarded-for: 192.0.2.7").await;
    stays.ask("BREW /rooms").await;
    // What the host answers without asking anybody comes from the same client.
    stays
        .ask("OPTIONS /rooms\nx-forwarded-for: 192.0.2.7\norigin: https://a.example\naccess-control-request-method: GET")
        .await;
    let mut leaves = host.connect().await;
    leaves.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    host.happens("came").await;
    drop(leaves);
    host.happens("gone").await;
    let lines = lines(&file, |lines| lines.len() >= 4).await;
    for (line, (client, rest)) in lines.iter().zip([
        ("192.0.2.7", "\"GET /rooms HTTP/1.1\" 200 "),
        ("127.0.0.1", "\"BREW /rooms HTTP/1.1\" 405 "),
        ("192.0.2.7", "\"OPTIONS /rooms HTTP/1.1\" 200 "),
        ("127.0.0.1", "\"GET /slow HTTP/1.1\" 499 -"),
    ]) {
        assert!(
            line.starts_with(&format!("{client} - - [")) && line.contains(rest),
            "{line}"
        );
    }
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn of_a_share_about_that_many_are_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("access.log");
    let host = logging(&file, AccessLogSettings::ALL / 10).await;
    let mut client = host.connect().await;
    for _ in 0..1_000 {
        client.ask("GET /rooms").await;
    }
    // What the server has failed is told always: it is the last line here.
    client.ask("GET /failures/trap").await;
    let is_last = |lines: &[String]| lines.last().is_some_and(|line| line.contains("\" 500 "));
    let told = lines(&file, is_last).await.len() - 1;
    // The chance that it is less or more is one of a million.
    assert!((50..160).contains(&told), "{told}");
}

#[tokio::test]
async fn what_the_host_ends_is_told_as_its_failure_and_always() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("access.log");
    let mut host = logging_as(&file, 0, AccessLogFormat::Json).await;
    host.connect().await.ask("GET /failures/trap").await;
    let mut panics = host.connect().await;
    panics
        .send("GET /failures/panic HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    lines(&file, |lines| lines.len() >= 2).await;
    let mut waits = host.connect().await;
    waits.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    host.happens("came").await;
    host.stop.cancel();
    host.happens("gone").await;
    let lines = lines(&file, |lines| lines.len() >= 3).await;
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    for (line, (path, status, error)) in lines.iter().zip([
        ("/failures/trap", 500, "500"),
        ("/failures/panic", 500, "panic"),
        ("/slow", 503, "shutdown"),
    ]) {
        assert_eq!(line["url.path"], path, "{line}");
        assert_eq!(line["http.response.status_code"], status, "{line}");
        assert_eq!(line["error.type"], error, "{line}");
        assert!(line["innkeeper.context"].is_string(), "{line}");
    }
    assert_eq!(lines[0]["innkeeper.version"], "7");
}
