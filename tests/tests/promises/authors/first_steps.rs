//! `innkeeper up` where something is missing: each time it is said what to do.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use innkeeper_tests::{NewApp, artifacts};
use tempfile::TempDir;

/// How long it may take to say so.
const LONGEST: Duration = Duration::from_secs(120);

/// What `innkeeper up` says in a folder before it ends, and its exit code.
async fn up(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (String, Option<i32>) {
    let mut command = tokio::process::Command::new(artifacts::binary().await);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("INNKEEPER_") {
            command.env_remove(name);
        }
    }
    let running = command
        .arg("up")
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LONGEST, running).await;
    let output = output.expect("it ends").expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (said, output.status.code())
}

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

fn folder() -> TempDir {
    TempDir::new().expect("a temporary directory can be made")
}

#[track_caller]
fn says(said: &(String, Option<i32>), code: i32, parts: &[&str]) {
    assert_eq!(said.1, Some(code), "{}", said.0);
    for part in parts {
        assert!(said.0.contains(part), "{part} is not in {}", said.0);
    }
}

#[tokio::test]
async fn where_there_is_no_app_it_is_said_how_to_come_to_one() {
    let home = folder();
    let said = up(home.path(), &[], &[]).await;
    says(
        &said,
        2,
        &["no innkeeper.toml here", "--app", "innkeeper new lobby"],
    );
    assert_eq!(said.0.lines().count(), 1, "{}", said.0);
    // Below one it is named.
    let below = home.path().join("components");
    std::fs::create_dir(&below).expect("a folder can be made");
    let manifest = home.path().join("innkeeper.toml");
    std::fs::write(&manifest, "").expect("a file can be written");
    let named = format!("--app {}", manifest.display());
    says(&up(&below, &[], &[]).await, 2, &[&named]);
}

#[tokio::test]
async fn a_file_that_is_no_manifest_is_told_from_one() {
    let home = folder();
    for (name, text) in [
        ("README.md", "# An app\n\nWith words.\n"),
        ("Cargo.toml", "[package]\nname = \"room\"\n"),
    ] {
        std::fs::write(home.path().join(name), text).expect("a file can be written");
        let said = up(home.path(), &["--app", name], &[]).await;
        says(&said, 2, &[name, "Is it an app's manifest?"]);
    }
    let said = up(home.path(), &["--app", "."], &[]).await;
    says(&said, 2, &["name the app's manifest with --app"]);
    // In one that is, it is said what is wrong, and nothing of other files.
    std::fs::write(home.path().join("innkeeper.toml"), "[gatway]\n").expect("it can be written");
    let said = up(home.path(), &[], &[]).await;
    says(&said, 2, &["innkeeper.toml:1:2", "gateway"]);
    assert!(!said.0.contains("Is it"), "{}", said.0);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_chooses_another() {
    let home = folder();
    std::fs::write(home.path().join("innkeeper.toml"), "").expect("a file can be written");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken_at = taken.local_addr().expect("it has an address").to_string();
    for (port, flag) in [("--listen", "--listen"), ("--admin", "--admin")] {
        let other = match port {
            "--listen" => "--admin",
            _ => "--listen",
        };
        let said = up(home.path(), &[port, &taken_at, other, "127.0.0.1:0"], &[]).await;
        says(&said, 1, &[&taken_at, "another address with", flag]);
    }
}

#[tokio::test]
async fn without_a_compiler_or_its_registry_it_is_said_what_builds_contexts() {
    let app = NewApp::make("aground").await;
    let nothing = folder();
    let nowhere = nothing.path().to_str().expect("paths are UTF-8");
    let said = up(app.directory(), &FREE, &[("PATH", nowhere)]).await;
    says(&said, 1, &["could not be run", "https://rustup.rs"]);

    // A registry that nobody answers for, and nothing that was fetched before. What else cargo is told stays.
    let home = folder();
    std::fs::write(
        home.path().join("config.toml"),
        "[source.crates-io]\nreplace-with = \"nobody\"\n[source.nobody]\nregistry = \"sparse+http://127.0.0.1:9/\"\n[net]\nretry = 0\n",
    )
    .expect("a file can be written");
    let cargo = home.path().to_str().expect("paths are UTF-8");
    let said = up(app.directory(), &FREE, &[("CARGO_HOME", cargo)]).await;
    says(
        &said,
        1,
        &["cargo could not fetch", "can it reach its registry?"],
    );
    // Nor when it may not ask.
    let offline = [("CARGO_HOME", cargo), ("CARGO_NET_OFFLINE", "true")];
    let said = up(app.directory(), &FREE, &offline).await;
    says(&said, 1, &["cargo could not fetch", "cargo fetch"]);
}
