//! What is written down of what operators do.

use std::path::Path;

use http::Method;
use innkeeper::admin::{AuditLine, AuditVerifier, Audited};
use innkeeper_tests::{Said, TestHost, command, eventually, send};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{bell, with_token};

/// The audit log as it is now, when no line of it is missing or changed.
pub(super) fn audit(host: &TestHost) -> Vec<AuditLine> {
    let log = std::fs::read_to_string(host.data().join("audit.jsonl")).expect("there is a log");
    let mut verifier = AuditVerifier::default();
    let lines = log.lines().map(|line| verifier.take(line));
    lines
        .map(|line| line.expect("each line follows on the one before it"))
        .collect()
}

#[tokio::test]
async fn who_does_what_and_who_is_refused_is_written_down() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = |name: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, name).expect("a file can be written");
        file.to_str().expect("paths are UTF-8").to_owned()
    };
    let settings = bell()
        .await
        .set("context.bell.config.deaf", "reject")
        .set("admin.tokens.night.role", "admin")
        .set("admin.tokens.night.file", file("night-token"))
        .set("admin.tokens.board.role", "read")
        .set("admin.tokens.board.file", file("board-token"));
    let mut host = TestHost::with(settings).await;
    for bell in 1..=2 {
        let path = format!("/bells/{bell}/rings");
        let rung = host.stay().client().post(&path, json!({"number": 1})).await;
        rung.expect(200);
    }
    let letters = host.operators().dead_letters("bell", 2).await;
    let path = |letter: &Value| {
        let id = letter["id"].as_str().expect("an id");
        format!("/v1/contexts/bell/dead-letters/{id}")
    };
    let (night, board) = (
        with_token(&host, "night-token"),
        with_token(&host, "board-token"),
    );
    let retry = format!("{}/retry", path(&letters[0]));
    night.send(Method::POST, &retry).await.expect_problem(409);
    let drop = path(&letters[1]);
    night.send(Method::DELETE, &drop).await.expect(204);
    let rebuild = "/v1/contexts/bell/rebuild";
    let rebuilt = host.operators().send(Method::POST, rebuild).await.status;
    board.send(Method::POST, rebuild).await.expect_problem(403);
    let stranger = with_token(&host, "stranger");
    stranger
        .send(Method::GET, "/v1/contexts")
        .await
        .expect_problem(401);
    send(host.operators().client().request(Method::POST, rebuild))
        .await
        .expect_problem(401);
    let log = audit(&host);
    let said = |what: Audited, who: Option<&str>, path: &str, status: Option<u16>| {
        let found = log.iter().filter(|line| {
            line.what == what
                && line.who.as_deref() == who
                && line.path == path
                && line.status == status
        });
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 1, "{what:?} {who:?} {path}: {log:#?}");
        assert_eq!(found[0].from.as_deref(), Some("127.0.0.1"));
        found[0].clone()
    };
    for (who, path, status) in [
        ("night", &*retry, 409),
        ("night", &drop, 204),
        ("operator", rebuild, rebuilt),
    ] {
        let begun = said(Audited::Begun, Some(who), path, None);
        let done = said(Audited::Done, Some(who), path, Some(status));
        assert_eq!(done.began, Some(begun.number));
    }
    said(Audited::Refused, Some("board"), rebuild, Some(403));
    said(Audited::Refused, None, "/v1/contexts", Some(401));
    said(Audited::Refused, None, rebuild, Some(401));
    let metrics = host.operators().send(Method::GET, "/metrics").await.text;
    for reason in ["role", "unknown-token", "no-token"] {
        let line = format!("innkeeper_operators_refused_total{{reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line}");
    }
    // It goes on after a power cut, in the same chain.
    host.kill_9();
    host.reopen().await;
    host.operators().send(Method::POST, rebuild).await;
    assert_eq!(audit(&host).len(), log.len() + 2);
    // Who looks after it sees that, and sees when a line was changed.
    let file = host.data().join("audit.jsonl");
    let shown = shown(&file).await;
    assert!(shown.is_well && shown.out.contains("night"), "{shown:?}");
    let log = std::fs::read_to_string(&file).expect("there is a log");
    let copy = directory.path().join("copy.jsonl");
    std::fs::write(&copy, log.replacen("night", "someone", 1)).expect("a file can be written");
    let shown = self::shown(&copy).await;
    assert!(
        !shown.is_well && shown.err.contains("was changed"),
        "{shown:?}"
    );
}

/// What is printed of an audit log.
async fn shown(file: &Path) -> Said {
    let file = file.to_str().expect("paths are UTF-8");
    command(&["audit", "--file", file]).await
}

#[tokio::test]
async fn what_is_cut_off_has_an_end_in_the_log() {
    let mut host = TestHost::with(bell().await).await;
    // Whoever brings a component goes away in the middle of it.
    let base = host.operators().client().base().to_owned();
    let address = base.strip_prefix("http://").expect("an address");
    let token = host.operators().token();
    let head = format!(
        "POST /v1/contexts/bell/versions HTTP/1.1\r\nhost: inn\r\nauthorization: Bearer {token}\r\ncontent-type: application/wasm\r\ncontent-length: 1000\r\n\r\npart"
    );
    let mut upload = TcpStream::connect(address).await.expect("the port is open");
    upload.write_all(head.as_bytes()).await.expect("it is sent");
    eventually("it has begun", async || match audit(&host).len() {
        1 => Ok(()),
        lines => Err(lines),
    })
    .await;
    drop(upload);
    eventually("it has an end", async || match &audit(&host)[..] {
        [begun, done] if done.began == Some(begun.number) => Ok(()),
        lines => Err(format!("{lines:?}")),
    })
    .await;
    // The host itself goes away.
    let mut upload = TcpStream::connect(address).await.expect("the port is open");
    upload.write_all(head.as_bytes()).await.expect("it is sent");
    eventually("it has begun", async || match audit(&host).len() {
        3 => Ok(()),
        lines => Err(lines),
    })
    .await;
    host.kill_9();
    host.reopen().await;
    let log = audit(&host);
    assert_eq!(log.len(), 4, "{log:?}");
    assert_eq!((log[3].what, log[3].began), (Audited::Done, Some(3)));
    assert!(
        log[3].status.is_none() && log[3].reason.is_some(),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_backup_has_an_end_also_when_nobody_takes_it() {
    let host = TestHost::with(bell().await).await;
    let ended = async |began: u64| {
        eventually("the log says so", async || {
            let log = audit(&host);
            let ends: Vec<_> = log.iter().filter(|line| line.began.is_some()).collect();
            match ends.last() {
                Some(end) if end.began == Some(began) => Ok(end.status),
                _ => Err(format!("{log:?}")),
            }
        })
        .await
    };
    let taken = host.operators().send(Method::POST, "/v1/backup").await;
    taken.expect(200);
    assert_eq!(ended(1).await, Some(200));
    // How much of it was sent before it was given up, nobody knows.
    let answer = host.operators().request(Method::POST, "/v1/backup");
    drop(answer.send().await.expect("an answer"));
    ended(3).await;
    assert_eq!(audit(&host).len(), 4);
}
