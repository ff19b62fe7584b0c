//! A line for each request, however it ends.

use std::fs;

use innkeeper::manifest::{AccessLogFormat, AccessLogSettings, GatewaySettings, Network};

use crate::stub_backend::{SOON, Served};

async fn logging(file: &std::path::Path, sample: u32) -> Served {
    let network: Network = "127.0.0.1".parse().unwrap();
    Served::with(GatewaySettings {
        trusted_proxies: vec![network],
        access_log: AccessLogSettings {
            format: AccessLogFormat::Common,
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
            let text = fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            if are_there(&lines) {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, read).await.expect("lines come")
}

#[tokio::test]
async fn a_client_that_goes_away_is_told_as_one_that_stays() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("access.log");
    let mut host = logging(&file, 1_000).await;
    let mut stays = host.connect().await;
    stays.ask("GET /rooms\nx-forwarded-for: 192.0.2.7").await;
    stays.ask("BREW /rooms").await;
    let mut leaves = host.connect().await;
    leaves.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    host.happens("came").await;
    drop(leaves);
    host.happens("gone").await;
    let lines = lines(&file, |lines| lines.len() >= 3).await;
    for (line, (client, rest)) in lines.iter().zip([
        ("192.0.2.7", "\"GET /rooms HTTP/1.1\" 200 "),
        ("127.0.0.1", "\"BREW /rooms HTTP/1.1\" 405 "),
        ("127.0.0.1", "\"GET /slow HTTP/1.1\" 499 -"),
    ]) {
        assert!(
            line.starts_with(&format!("{client} - - [")) && line.contains(rest),
            "{line}"
        );
    }
    assert_eq!(lines.len(), 3);
}

#[tokio::test]
async fn of_a_share_about_that_many_are_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("access.log");
    let host = logging(&file, 100).await;
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
