//! `make dist`: an archive with all that a machine needs, whose checksums hold, and which runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use innkeeper_tests::{Client, artifacts, eventually};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::read;

/// How long it may take.
const LONGEST: Duration = Duration::from_secs(600);

async fn run(program: &str, arguments: &[&str], within: &Path) -> String {
    let mut command = Command::new(program);
    let running = command
        .args(arguments)
        .current_dir(within)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LONGEST, running).await;
    let output = output.expect("it ends").expect("it can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {out}{err}"
    );
    out
}

/// Makes it of what is built for development, and answers the folder that it is unpacked to.
async fn unpacked(home: &Path) -> PathBuf {
    let repository = artifacts::repository();
    // What make would build is built.
    artifacts::binary().await;
    artifacts::components().await;
    let to = home.join("dist");
    let dist = format!("DIST={}", to.display());
    let build = format!("cargo {}", artifacts::build_arguments().join(" "));
    // As from a shell: cargo's variables for this test would have crates compiled again.
    let script = format!(
        "for name in $(compgen -e | grep -E '^CARGO_(PKG|MANIFEST|BIN|CRATE)_'); do unset \"$name\"; done; exec make --silent dist PROFILE=dev {dist} BUILD='{build}'"
    );
    run("bash", &["-c", &script], repository).await;
    let mut archives = std::fs::read_dir(&to).expect("it is there");
    let archive = archives.find_map(|entry| {
        let path = entry.expect("it can be read").path();
        path.to_str()?.ends_with(".tar.gz").then_some(path)
    });
    let archive = archive.expect("an archive");
    let sum = archive.with_added_extension("sha256");
    run("sha256sum", &["--check", "--quiet", text(&sum)], &to).await;
    run("tar", &["--extract", "--file", text(&archive)], home).await;
    let name = archive.file_name().and_then(|name| name.to_str());
    home.join(name.expect("UTF-8").trim_end_matches(".tar.gz"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_to_others_is_whole_and_runs() {
    let home = TempDir::new().expect("a temporary directory can be made");
    let root = unpacked(home.path()).await;
    let sums = ["--check", "--quiet", "--strict", "SHA256SUMS"];
    run("sha256sum", &sums, &root).await;
    // All of it has one.
    let files = run("find", &[".", "-type", "f", "-printf", "%P\\n"], &root).await;
    assert_eq!(
        files.lines().count(),
        read(&root.join("SHA256SUMS")).lines().count() + 1
    );
    for file in [
        "LICENSE",
        "share/bash-completion/completions/innkeeper",
        "share/zsh/site-functions/_innkeeper",
        "share/fish/vendor_completions.d/innkeeper.fish",
        "share/man/man1/innkeeper-dead-letters.1",
        "share/innkeeper/room.wasm",
    ] {
        assert!(files.lines().any(|line| line == file), "{file}: {files}");
    }
    let page = read(&root.join("share/man/man1/innkeeper.1"));
    assert!(page.contains(".TH innkeeper 1"), "{page}");
    // It says of what it is, and that it is this.
    for (bill, file) in [
        ("sbom.cdx.json", "bin/innkeeper"),
        ("room.cdx.json", "share/innkeeper/room.wasm"),
    ] {
        let bill = read(&root.join("share/innkeeper").join(bill));
        let bill: Value = serde_json::from_str(&bill).expect("it is JSON");
        let bytes = std::fs::read(root.join(file)).expect("it is there");
        let sum = &bill["metadata"]["component"]["hashes"][0]["content"];
        assert_eq!(*sum, artifacts::digest(&bytes), "{file}");
    }

    // On a machine with nothing else it serves.
    let mut host = Command::new(root.join("bin/innkeeper"));
    let log = home.path().join("log");
    let out = std::fs::File::create(&log).expect("a file can be made");
    let mut host = host
        .arg("serve")
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--app", "share/innkeeper/innkeeper.toml", "--data", "data"])
        .current_dir(&root)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("it can be shared"))
        .stderr(out)
        .kill_on_drop(true)
        .spawn()
        .expect("it can be run");
    let gateway = eventually("it serves", async || {
        let said = read(&log);
        let gateway = said
            .lines()
            .find_map(|line| line.strip_prefix("gateway "))
            .map(str::to_owned);
        gateway.ok_or(said)
    });
    let client = Client::new(gateway.await);
    let room = serde_json::json!({"desc": "from the archive"});
    client.post("/rooms", room).await.expect(201);
    host.kill().await.expect("it can be ended");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}
