//! What cannot work is said in one line, with what to do.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::test_host::{TestHost, innkeeper, repository, run, text};

/// Runs the binary where `manifest` is, and gives its exit code and its only line.
async fn fails(manifest: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("innkeeper.toml"), manifest).unwrap();
    let mut command = innkeeper();
    command
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(home.path());
    let output = run(&mut command).await;
    let said = text(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].starts_with("error: "), "{said}");
    assert_eq!(text(&output.stdout), "");
    (output.status.code().unwrap(), lines[0].to_owned())
}

#[tokio::test]
async fn impossible_command_lines_and_manifests_exit_with_2() {
    let nothing: &[(&str, &str)] = &[];
    for (manifest, arguments, variables, said) in [
        ("", &["serve", "--ap", "x"] as &[&str], nothing, "--app"),
        ("", &["srve"], nothing, "serve"),
        (
            "",
            &["serve", "--listen", "8080"],
            nothing,
            "127.0.0.1:8080",
        ),
        (
            "",
            &["serve", "--admin", "localhost:8081"],
            nothing,
            "--admin",
        ),
        (
            "",
            &["serve", "--app", "missing.toml"],
            nothing,
            "missing.toml",
        ),
        (
            "",
            &["serve"],
            &[("INNKEEPER_LISTEN", "nowhere")],
            "--listen",
        ),
        ("", &["serve"], &[("INNKEEPER_ADMIN_TOKEN", "")], "token"),
        (
            "",
            &["serve", "--log", "loud=loud=loud"],
            nothing,
            "log level",
        ),
        (
            "",
            &["serve"],
            &[("INNKEEPER_UNSAFE_WITHOUT", "seatbelts")],
            "intents",
        ),
        (
            "",
            &["serve"],
            &[("INNKEEPER_GATEWAY__DRAIN", "soon")],
            "INNKEEPER_GATEWAY__DRAIN",
        ),
        (
            "[gateway]\nport = 1\n",
            &["serve"],
            nothing,
            "innkeeper.toml:2:1",
        ),
        ("[gateway]\nport = 1\n", &["up"], nothing, "valid keys are"),
        (
            "[gateway]\nport = 1\n",
            &["build"],
            nothing,
            "valid keys are",
        ),
        ("[context.room]\n", &["serve"], nothing, "`package`"),
        (
            "",
            &[
                "serve",
                "--listen",
                "127.0.0.1:8090",
                "--admin",
                "127.0.0.1:8090",
            ],
            nothing,
            "both listen",
        ),
        ("", &["story"], nothing, "<ID>"),
        ("", &["sagas", "--state", "lost"], nothing, "timed-out"),
        (
            "",
            &["status", "--admin", "ftp://inn.example:1"],
            nothing,
            "--admin",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:0\"\n",
            &["status"],
            nothing,
            "--admin",
        ),
    ] {
        let (code, line) = fails(manifest, arguments, variables).await;
        assert_eq!(code, 2, "{arguments:?}: {line}");
        assert!(line.contains(said), "{arguments:?}: {line}");
    }
}

#[tokio::test]
async fn what_goes_wrong_later_exits_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    let missing = "[context.room]\ncomponent = \"room.wasm\"\n";
    for (manifest, arguments, said) in [
        (
            "",
            &["serve", "--listen", &taken, "--admin", free] as &[&str],
            "--listen",
        ),
        (
            "",
            &["serve", "--listen", free, "--admin", &taken],
            "--admin",
        ),
        (
            missing,
            &["up", "--listen", &taken, "--admin", free],
            "--listen",
        ),
    ] {
        let (code, line) = fails(manifest, arguments, &[]).await;
        assert_eq!(code, 1, "{arguments:?}: {line}");
        assert!(
            line.contains(said) && line.contains("in use"),
            "{arguments:?}: {line}"
        );
    }
}

#[tokio::test]
async fn a_component_that_is_not_built_says_how_to_build_it() {
    let home = TempDir::new().unwrap();
    let manifest = "[context.room]\ncomponent = \"room.wasm\"\n[log]\nlevel = \"error\"\n";
    std::fs::write(home.path().join("innkeeper.toml"), manifest).unwrap();
    let mut command = innkeeper();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .current_dir(home.path());
    let output = run(&mut command).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with("error: ") && last.contains("innkeeper build"),
        "{said}"
    );
}

#[tokio::test]
async fn a_journal_that_is_in_use_is_left_alone() {
    let first = TestHost::open().await;
    let mut command = innkeeper();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--log", "error", "--app"])
        .arg(repository().join("innkeeper.toml"))
        .arg("--data")
        .arg(first.data());
    let output = run(&mut command).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("in use by another process") && said.contains("--data"),
        "{said}"
    );
    first.room("still served").await;
}

#[tokio::test]
async fn a_host_that_is_not_there_can_be_started() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    for arguments in [
        &["status"] as &[&str],
        &["events"],
        &["events", "--follow"],
        &["story", "order-7"],
        &["dead-letters"],
        &["rebuild", "viewpage"],
    ] {
        let (code, line) = fails("", arguments, &[("INNKEEPER_ADMIN", &address)]).await;
        assert_eq!(code, 1, "{line}");
        assert!(
            line.contains(&address) && line.contains("innkeeper up"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn every_command_explains_itself() {
    let output = run(innkeeper().arg("--help")).await;
    assert!(output.status.success());
    let help = text(&output.stdout);
    let commands = help.split("Commands:").nth(1).unwrap();
    let commands = commands.split("Options:").next().unwrap();
    let names: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 8, "{help}");
    for name in names {
        let output = run(innkeeper().args([name, "--help"])).await;
        let help = text(&output.stdout);
        assert!(
            output.status.success() && help.contains("Examples:"),
            "{help}"
        );
        assert!(!help.contains("UNSAFE"), "{help}");
    }
}

#[tokio::test]
async fn an_unsafe_host_says_so() {
    let home = Arc::new(TempDir::new().unwrap());
    let mut host = TestHost::open_in(home, &["--unsafe-without", "intents,compensation"]).await;
    let said = host.err.all();
    assert!(
        said.contains("UNSAFE: intents") && said.contains("UNSAFE: compensation"),
        "{said}"
    );
    host.close().await;
}
