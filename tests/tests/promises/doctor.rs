//! `innkeeper doctor`: what of a machine and of a data directory keeps the app from being served, and what to do about it.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use innkeeper_tests::{Said, TestHost, command, command_with};
use serde_json::Value;

/// What it says, by the names of the checks.
fn findings(said: &Said) -> Vec<Value> {
    let lines = said.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

#[track_caller]
fn finding(said: &Said, check: &str) -> Value {
    let findings = findings(said);
    let found = findings.iter().find(|finding| finding["check"] == check);
    found
        .unwrap_or_else(|| panic!("no {check}: {said:?}"))
        .clone()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}

/// On free ports, so that it is not other tests that are found.
async fn doctor(manifest: &Path, more: &[&str]) -> Said {
    let usual = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let all = ["doctor", "--json", "--app", text(manifest)];
    command(&[&all[..], &usual, more].concat()).await
}

#[tokio::test]
async fn a_machine_that_lacks_what_the_app_is_built_with_is_told_what_to_install() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let file = home.path().join("innkeeper.toml");
    let package = home.path().join("room");
    std::fs::create_dir(&package).expect("a folder can be made");
    std::fs::write(package.join("Cargo.toml"), "").expect("a file can be written");
    std::fs::write(&file, "[context.room]\npackage = \"room\"\n").expect("a file can be written");
    let data = home.path().join("data");
    let there = doctor(&file, &["--data", text(&data)]).await;
    assert!(there.is_well, "{there:?}");
    for check in ["rust", "gateway", "memory", "clock", "disk", "data"] {
        assert_eq!(finding(&there, check)["state"], "ok", "{there:?}");
    }
    assert!(!data.exists(), "it only looks");
    // For people it is a line each.
    let app = ["--app", text(&file), "--data", text(&data)];
    let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let arguments = [&["doctor"][..], &app, &ports].concat();
    let said = command_with(&arguments, &[("PATH", "/nonexistent")]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let line = said.out.lines().find(|line| line.starts_with("stops"));
    let line = line.expect("something stops it");
    assert!(
        line.contains("rust") && line.contains("https://rustup.rs"),
        "{line}"
    );
    // What it is not built with stops nothing.
    assert!(
        said.out.contains("ok       node         not needed here"),
        "{said:?}"
    );
    assert_eq!(
        said.err,
        "error: the app cannot be served here: 1 check says above what to do\n"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_manifest_that_is_wrong_stop_it() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let file = home.path().join("innkeeper.toml");
    std::fs::write(&file, "").expect("a file can be written");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = taken
        .local_addr()
        .map(|address| (taken, address.to_string()));
    let (_taken, address) = taken.expect("it has an address");
    let app = ["--app", text(&file), "--admin", "127.0.0.1:0"];
    let said = command(&[&["doctor", "--json", "--listen", &address][..], &app].concat()).await;
    let gateway = finding(&said, "gateway");
    assert_eq!((said.code, &gateway["state"]), (Some(1), &"stops".into()));
    let advice = gateway["advice"].as_str().unwrap_or_default();
    assert!(advice.contains("--listen"), "{advice}");

    std::fs::write(&file, "[contxt.room]\n").expect("a file can be written");
    let said = doctor(&file, &[]).await;
    let manifest = finding(&said, "manifest");
    assert_eq!((said.code, &manifest["state"]), (Some(1), &"stops".into()));
    let what = manifest["what"].as_str().unwrap_or_default();
    assert!(
        what.contains("did you mean") || what.contains("valid keys"),
        "{what}"
    );
}

#[tokio::test]
async fn a_data_directory_is_looked_at_and_left_to_a_host_that_runs_on_it() {
    let mut host = TestHost::open().await;
    let room = host.stay().room("kept").await;
    host.stay().booked(room).await;
    let file = host.home().join("innkeeper.toml");
    let data = host.data();
    let with_data = ["--data", text(&data)];
    let said = doctor(&file, &with_data).await;
    let journals = finding(&said, "journals");
    let what = journals["what"].as_str().unwrap_or_default();
    assert!(
        said.is_well && what.contains("a host runs here"),
        "{said:?}"
    );

    host.close().await;
    let said = doctor(&file, &with_data).await;
    let journals = finding(&said, "journals");
    let what = journals["what"].as_str().unwrap_or_default();
    assert!(said.is_well && what.contains("sound"), "{said:?}");

    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).expect("it is ours");
    let said = doctor(&file, &with_data).await;
    let permissions = finding(&said, "permissions");
    assert_eq!(
        (said.is_well, &permissions["state"]),
        (true, &"warning".into())
    );

    // What is damaged stops it, and it is said what may be done.
    let journal = std::fs::OpenOptions::new()
        .write(true)
        .open(data.join("journal/db"));
    let emptied = journal.and_then(|journal| journal.set_len(0));
    emptied.expect("it can be written");
    let said = doctor(&file, &with_data).await;
    let journals = finding(&said, "journals");
    assert_eq!(
        (said.code, &journals["state"]),
        (Some(1), &"stops".into()),
        "{said:?}"
    );
    assert!(said.out.contains("backup"), "{said:?}");
}
