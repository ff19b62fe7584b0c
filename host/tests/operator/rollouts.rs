//! Deploying, and telling a rollout what to do.

use std::process::{Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::time::timeout;

use crate::test_host::{SOON, TestHost, build_components, eventually, repository, run, text};

/// Writes an edition of room that no host has seen, and gives the name of its file.
async fn edition(home: &TempDir, name: &str) -> String {
    build_components().await;
    const SECTION: &str = "edition";
    let mut bytes =
        std::fs::read(repository().join("components/target/innkeeper/room.wasm")).unwrap();
    // A custom section at its end, which nobody reads.
    let size = 1 + SECTION.len() + name.len();
    bytes.extend([0, u8::try_from(size).unwrap(), SECTION.len() as u8]);
    bytes.extend(SECTION.bytes().chain(name.bytes()));
    let file = home.path().join(format!("{name}.wasm"));
    std::fs::write(&file, bytes).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The state of the newest version of room.
async fn newest(host: &TestHost) -> String {
    let found = host.see("/v1/contexts/room/versions").await;
    found["versions"][0]["state"].as_str().unwrap().to_owned()
}

async fn ramping(host: &TestHost) {
    eventually("it is ramped up", async || {
        (newest(host).await == "ramping").then_some(())
    })
    .await;
}

/// What a command says that fails.
fn failed(output: &Output) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[tokio::test]
async fn a_rollout_is_told_what_to_do() {
    let host = TestHost::open().await;
    let room = edition(&host.home, "told what to do").await;
    let none = run(&mut host.command(&["rollout", "pause", "room"])).await;
    assert!(failed(&none).contains("no rollout of context room"));
    let deploy = ["deploy", "room", &room, "--ramp", "10,100", "--step", "10m"];
    host.says(&[&deploy[..], &["--no-wait"]].concat()).await;
    ramping(&host).await;
    let said = host
        .says(&["rollout", "pause", "room", "--reason", "lunch"])
        .await;
    assert_eq!(said, "version 2 of room is paused at 10 %\n");
    let status = host.says(&["status", "room"]).await;
    assert!(status.contains("ramping at 10 %, paused"), "{status}");
    let said = host.says(&["rollout", "resume", "room"]).await;
    assert_eq!(said, "version 2 of room goes on\n");
    let said = host.says(&["rollout", "abort", "room"]).await;
    assert!(said.contains("does not serve"), "{said}");
    host.says(&[&deploy[..], &["--no-wait"]].concat()).await;
    ramping(&host).await;
    host.says(&["rollout", "promote", "room"]).await;
    eventually("it serves", async || {
        (newest(&host).await == "current").then_some(())
    })
    .await;
    let history = host.says(&["versions", "room", "--history"]).await;
    for part in [
        "paused at 10 %: lunch",
        "resumed at 10 %",
        "promoted at 10 %",
    ] {
        assert!(history.contains(part), "{part}:\n{history}");
    }
    host.says(&["rollback", "room"]).await;
    let said = host.says(&["rollback", "room", "--to", "2"]).await;
    assert!(said.contains("version 2 of room serves again"), "{said}");
}

#[tokio::test]
async fn a_deployment_can_wait_for_the_watch() {
    let watch = ("INNKEEPER_CONTEXT__ROOM__ROLLOUT__WATCH", "1s");
    let home = Arc::new(TempDir::new().unwrap());
    let host = TestHost::open_with(home, &[], &[watch]).await;
    let room = edition(&host.home, "watched").await;
    let said = host
        .says(&["deploy", "room", &room, "--until-watched"])
        .await;
    assert!(
        said.contains("is serving, and was watched to the end"),
        "{said}"
    );
    // What takes over meanwhile ends the watch.
    let mut waiting = host.command(&["deploy", "room", &room, "--until-watched"]);
    let said = text(&run(&mut waiting).await.stdout);
    assert!(said.contains("is already serving"), "{said}");
}

#[tokio::test]
async fn a_deployment_that_a_restart_cuts_off_is_told_when_the_host_is_back() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let home = Arc::new(TempDir::new().unwrap());
    let arguments = ["--admin", &*address];
    let mut host = TestHost::open_in(home.clone(), &arguments).await;
    let room = edition(&host.home, "cut off").await;
    let mut deploy = host.command(&["deploy", "room", &room, "--ramp", "10,100", "--step", "10m"]);
    let deploying = deploy
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    ramping(&host).await;
    host.kill().await;
    let host = TestHost::open_in(home, &arguments).await;
    let ended = timeout(SOON, deploying.wait_with_output()).await.unwrap();
    let said = failed(&ended.unwrap());
    assert!(
        said.contains("was interrupted when the host stopped"),
        "{said}"
    );
    let history = host.says(&["versions", "room", "--history"]).await;
    assert!(
        history.contains("was interrupted when the host stopped"),
        "{history}"
    );
}
