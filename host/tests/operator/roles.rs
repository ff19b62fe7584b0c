//! Tokens that are good for some things only.

use std::fs;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::test_host::{TestHost, innkeeper, repository, run, text};

/// The sha-256 hash of `secret`.
const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
const REBUILD: &str = "/v1/contexts/viewpage/rebuild";

/// The status of an answer, and what it says when it is a problem.
async fn ask(host: &TestHost, method: Method, path: &str, token: &str) -> (u16, String) {
    let request = host
        .http
        .request(method, format!("{}{path}", host.operators));
    let answer = request.bearer_auth(token).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    let detail = body["detail"].as_str().unwrap_or_default();
    (status, detail.to_owned())
}

#[tokio::test]
async fn each_role_may_do_what_it_is_for() {
    let home = Arc::new(TempDir::new().unwrap());
    let (board, chief) = (home.path().join("board"), home.path().join("chief"));
    fs::write(&board, "looking\n").unwrap();
    fs::write(&chief, "everything\n").unwrap();
    let variables = [
        ("INNKEEPER_ADMIN__TOKENS__BOARD__ROLE", "read"),
        (
            "INNKEEPER_ADMIN__TOKENS__BOARD__FILE",
            board.to_str().unwrap(),
        ),
        ("INNKEEPER_ADMIN__TOKENS__CI__ROLE", "deploy"),
        ("INNKEEPER_ADMIN__TOKENS__CI__SHA256", HASH),
        ("INNKEEPER_ADMIN__TOKENS__CHIEF__ROLE", "admin"),
        (
            "INNKEEPER_ADMIN__TOKENS__CHIEF__FILE",
            chief.to_str().unwrap(),
        ),
    ];
    let mut host = TestHost::open_with(home, &["--admin", "0.0.0.0:0"], &variables).await;
    host.operators = host.operators.replace("0.0.0.0", "127.0.0.1");
    let operator = host.token();
    for token in ["looking", "secret", "everything", &operator] {
        let (status, _) = ask(&host, Method::GET, "/v1/contexts", token).await;
        assert_eq!(status, 200, "{token}");
        let rebuilds = !["looking", "secret"].contains(&token);
        let (status, said) = ask(&host, Method::POST, REBUILD, token).await;
        // One that is under way is a conflict.
        assert!([202, 403, 409].contains(&status), "{token}: {said}");
        assert_eq!(status != 403, rebuilds, "{token}: {said}");
    }
    let (status, said) = ask(&host, Method::POST, REBUILD, "secret").await;
    assert_eq!(status, 403);
    assert_eq!(
        said,
        "the token of `ci` has the role `deploy`, but this needs the role `admin`"
    );
    let letter = "/v1/contexts/room/dead-letters/room.1.1.0";
    assert_eq!(ask(&host, Method::DELETE, letter, "secret").await.0, 403);
    assert_eq!(
        ask(&host, Method::DELETE, letter, "everything").await.0,
        404
    );
    assert_eq!(ask(&host, Method::POST, REBUILD, HASH).await.0, 401);
    assert_eq!(ask(&host, Method::POST, REBUILD, "").await.0, 401);

    let mut command = host.command(&["rebuild", "viewpage"]);
    let refused = run(command.env("INNKEEPER_ADMIN_TOKEN", "looking")).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("`board` has the role `read`"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    host.close().await;
    let told = host.err.all();
    for secret in ["looking", "everything"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_read_is_one_line() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let file = home.path().join("token");
    for (written, said) in [(None, "No such file"), (Some("\n"), "it is empty")] {
        if let Some(text) = written {
            fs::write(&file, text).unwrap();
        }
        let mut command = innkeeper();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(["--log", "error", "--app"])
            .arg(repository().join("innkeeper.toml"))
            .arg("--data")
            .arg(&data)
            .env("INNKEEPER_ADMIN__TOKENS__CI__ROLE", "deploy")
            .env("INNKEEPER_ADMIN__TOKENS__CI__FILE", &file);
        let output = run(&mut command).await;
        assert_eq!(output.status.code(), Some(1));
        let line = text(&output.stderr);
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.starts_with("error: the token of `ci` cannot be read")
                && line.contains(said)
                && line.contains(file.to_str().unwrap()),
            "{line}"
        );
        // The main token is shown only once, so it is not made for a host that does not start.
        let written = ["journal", "admin-token"].map(|name| data.join(name).exists());
        assert_eq!(written, [false, false]);
    }
}
