//! What others wrote does nothing to a terminal.

use std::process::Output;

use innkeeper_tests::{TestHost, artifacts};
use serde_json::Value;
use tokio::process::Command;

use super::parrot;

const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{7}\r\nforged\u{202e}";

/// What a command prints, for people.
async fn innkeeper(host: &TestHost, arguments: &[&str]) -> Output {
    let admin = host.operators().client().base().strip_prefix("http://");
    let output = Command::new(artifacts::binary().await)
        .args(arguments)
        .args(["--admin", admin.unwrap()])
        .env("INNKEEPER_ADMIN_TOKEN", host.operators().token())
        .output()
        .await
        .unwrap();
    for printed in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(printed).unwrap();
        let moves = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(moves), "{arguments:?}: {text:?}");
    }
    output
}

#[tokio::test]
async fn a_label_is_shown_as_it_is_spelt() {
    let host = TestHost::with(parrot().await).await;
    let file = host.home().join("parrot.wasm");
    std::fs::write(&file, artifacts::edited("parrot", "labelled").await).unwrap();
    let file = file.to_str().unwrap();
    let long = format!("{HOSTILE}{}", "x".repeat(900));
    let deployed = innkeeper(&host, &["deploy", "parrot", file, "--label", &long]).await;
    assert!(deployed.status.success(), "{deployed:?}");
    let shown = String::from_utf8(deployed.stdout).unwrap();
    assert!(
        shown.contains("\\u{1b}[2J\\u{9b}31m") && shown.len() < 300,
        "{shown}"
    );
    for arguments in [
        &["versions", "parrot"][..],
        &["versions", "parrot", "--history"],
    ] {
        let listed = innkeeper(&host, arguments).await;
        let listed = String::from_utf8(listed.stdout).unwrap();
        // A head, and two versions or their steps: the label begins no line of its own, and makes none longer than a screen can show.
        assert!(
            listed.lines().all(|line| !line.starts_with("forged")),
            "{listed}"
        );
        assert!(
            listed.lines().all(|line| line.chars().count() < 400),
            "{listed}"
        );
    }
    let json = innkeeper(&host, &["versions", "parrot", "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["versions"][0]["label"], long);
    let rolled_back = innkeeper(&host, &["rollback", "parrot", "--reason", HOSTILE]).await;
    assert!(rolled_back.status.success(), "{rolled_back:?}");
    innkeeper(&host, &["versions", "parrot", "--history"]).await;
    innkeeper(&host, &["status", "parrot"]).await;
    // An error that repeats what was sent.
    let refused = innkeeper(&host, &["versions", HOSTILE]).await;
    assert!(!refused.status.success());
    for line in host.output().tail(1000).lines() {
        assert!(
            !line.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
    }
}
