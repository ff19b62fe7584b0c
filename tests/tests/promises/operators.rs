//! The operators' port: what is shown to whom, what is written down, and who is kept out.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use http::Method;
use innkeeper::admin::{AuditLine, Audited, verify};
use innkeeper_tests::{
    Client, Inn, Operators, Reply, Said, Settings, command, eventually, raw, send,
};
use serde_json::{Value, json};
use toml::Table;

/// A manifest with one context, the bell.
async fn bell() -> Settings {
    Settings::empty().with("bell", "bell").await
}

/// The same for somebody else, who has this token.
fn with_token(inn: &Inn, token: &str) -> Operators {
    Operators::new(inn.operators().client().clone(), token)
}

/// The audit log as it is now, when no line of it is missing or changed.
fn audit(inn: &Inn) -> Vec<AuditLine> {
    let log = std::fs::read_to_string(inn.data().join("audit.jsonl")).expect("there is a log");
    verify(&log).expect("each line follows on the one before it");
    let lines = log.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line is one"))
        .collect()
}

#[tokio::test]
async fn values_of_the_configuration_are_masked_unless_they_are_named() {
    const SECRETS: [&str; 22] = [
        "password",
        "passwd",
        "pass",
        "pwd",
        "pin",
        "secret",
        "client_secret",
        "token",
        "jwt",
        "bearer",
        "api_key",
        "apikey",
        "access_key_id",
        "private_key",
        "connection_string",
        "dsn",
        "database_url",
        "webhook",
        "salt",
        "seed",
        "otp",
        "license",
    ];
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("motto");
    std::fs::write(&file, "hunter2\n").expect("a file can be written");
    let path = file.to_str().expect("paths are UTF-8");
    let in_file: Table = [("file".to_owned(), path.into())].into_iter().collect();
    let mut settings = bell()
        .await
        .set("context.bell.show", vec!["opening_hours"])
        .set("context.bell.config.opening_hours", "9-17")
        .set("context.bell.config.motto", in_file);
    for key in SECRETS {
        settings = settings.set(&format!("context.bell.config.{key}"), "hunter2");
    }
    let inn = Inn::with(settings).await;
    let motto = async || inn.stay().client().get("/motto").await.text;
    // The guest has what is in the file, and sees it change.
    assert_eq!(motto().await, "\"hunter2\"");
    let shown = inn.operators().context("bell").await;
    assert_eq!(shown["config"]["opening_hours"], "9-17");
    for key in SECRETS.into_iter().chain(["motto"]) {
        assert_eq!(shown["config"][key], "***", "{key}");
    }
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    std::fs::write(&file, "hunter3").expect("a file can be written");
    eventually("the secret has changed", async || match motto().await {
        motto if motto == "\"hunter3\"" => Ok(()),
        motto => Err(motto),
    })
    .await;
}

#[tokio::test]
async fn what_a_context_names_as_sensitive_is_not_shown() {
    let settings = bell()
        .await
        .set("context.bell.config.deaf", "reject")
        .set("context.bell.sensitive", vec!["number"]);
    let inn = Inn::with(settings).await;
    let ring = inn.stay().client().request(Method::POST, "/bells/1/rings");
    let ring = ring.header("x-correlation-id", "a-ring");
    send(ring.json(&json!({"number": 471_147})))
        .await
        .expect(200);
    let letters = inn.operators().dead_letters("bell", 1).await;
    assert_eq!(
        letters[0]["event"]["data"],
        json!({"bell": 1, "number": "***"})
    );
    assert_eq!(letters[0]["reason"], "ring *** was not wanted");
    for path in [
        "/v1/stories/a-ring",
        "/v1/contexts/bell/dead-letters",
        "/v1/contexts/bell/commits",
        "/v1/events?after=start&follow=false",
    ] {
        let shown = inn.operators().send(Method::GET, path).await.expect(200);
        assert!(!shown.text.contains("471147"), "{path}: {}", shown.text);
        assert!(shown.text.contains("BellRung"), "{path}: {}", shown.text);
    }
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
    let mut inn = Inn::with(settings).await;
    for bell in 1..=2 {
        let path = format!("/bells/{bell}/rings");
        let rung = inn.stay().client().post(&path, json!({"number": 1})).await;
        rung.expect(200);
    }
    let letters = inn.operators().dead_letters("bell", 2).await;
    let path = |letter: &Value| {
        let id = letter["id"].as_str().expect("an id");
        format!("/v1/contexts/bell/dead-letters/{id}")
    };
    let (night, board) = (
        with_token(&inn, "night-token"),
        with_token(&inn, "board-token"),
    );
    let retry = format!("{}/retry", path(&letters[0]));
    night.send(Method::POST, &retry).await.expect_problem(409);
    let drop = path(&letters[1]);
    night.send(Method::DELETE, &drop).await.expect(204);
    let rebuild = "/v1/contexts/bell/rebuild";
    let rebuilt = inn.operators().send(Method::POST, rebuild).await.status;
    board.send(Method::POST, rebuild).await.expect_problem(403);
    let stranger = with_token(&inn, "stranger");
    stranger
        .send(Method::GET, "/v1/contexts")
        .await
        .expect_problem(401);
    send(inn.operators().client().request(Method::POST, rebuild))
        .await
        .expect_problem(401);
    let log = audit(&inn);
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
    let metrics = inn.operators().send(Method::GET, "/metrics").await.text;
    for reason in ["role", "unknown-token", "no-token"] {
        let line = format!("innkeeper_operators_refused_total{{reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line}");
    }
    // It goes on after a power cut, in the same chain.
    inn.kill_9();
    inn.reopen().await;
    inn.operators().send(Method::POST, rebuild).await;
    assert_eq!(audit(&inn).len(), log.len() + 2);
    // Who looks after it sees that, and sees when a line was changed.
    let file = inn.data().join("audit.jsonl");
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

/// Asks from another address of this machine.
async fn ask_from(address: &str, inn: &Inn, token: &str) -> Reply {
    let address: IpAddr = address.parse().expect("an address");
    let client = reqwest::Client::builder().local_address(address).no_proxy();
    let client = client.build().expect("a client can be made");
    let url = format!("{}/v1/contexts", inn.operators().client().base());
    send(client.get(url).bearer_auth(token)).await
}

#[tokio::test]
async fn who_guesses_tokens_is_slowed_down_and_nobody_else() {
    const GUESSES: u64 = 3_000;
    let inn = Inn::with(bell().await).await;
    let began = Instant::now();
    let guess = async |number: u64| {
        let guesser = with_token(&inn, &format!("guess-{number}"));
        guesser.send(Method::GET, "/v1/contexts").await
    };
    let mut looked_at = 0;
    for round in 0..GUESSES / 50 {
        let guesses = (0..50).map(|number| guess(round * 50 + number));
        for reply in futures::future::join_all(guesses).await {
            match reply.status {
                401 => looked_at += 1,
                _ => assert_ne!(reply.expect_problem(429).header("retry-after"), ""),
            }
        }
    }
    let most = 20 + began.elapsed().as_secs() + 2;
    assert!(
        (20..=most).contains(&looked_at),
        "{looked_at} in {:?}",
        began.elapsed()
    );
    // Elsewhere nobody notices.
    let token = inn.operators().token().to_owned();
    ask_from("127.0.0.2", &inn, &token).await.expect(200);
    ask_from("127.0.0.2", &inn, "wrong")
        .await
        .expect_problem(401);
    // Nor is the disk filled.
    let lines = audit(&inn).len() as u64;
    assert!(lines <= 30 + began.elapsed().as_secs() + 2, "{lines} lines");
    // And it passes.
    eventually("the right token is looked at", async || {
        match inn
            .operators()
            .send(Method::GET, "/v1/contexts")
            .await
            .status
        {
            200 => Ok(()),
            status => Err(status),
        }
    })
    .await;
}

#[tokio::test]
async fn tokens_expire_and_are_withdrawn_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("board");
    std::fs::write(&file, "board-token").expect("a file can be written");
    let path = file.to_str().expect("paths are UTF-8");
    let settings = bell()
        .await
        .set("admin.tokens.old.role", "admin")
        .set(
            "admin.tokens.old.sha256",
            "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        )
        .set("admin.tokens.old.expires", "2026-01-01T00:00:00Z");
    let with_board = settings
        .clone()
        .set("admin.tokens.board.role", "read")
        .set("admin.tokens.board.file", path);
    let mut inn = Inn::with(with_board.clone()).await;
    let expired = with_token(&inn, "secret")
        .send(Method::GET, "/v1/contexts")
        .await;
    assert!(expired.text.contains("expired"), "{}", expired.text);
    expired.expect_problem(401);
    let becomes = async |inn: &Inn, wanted: u16| {
        let board = with_token(inn, "board-token");
        eventually("the token is read again", async || {
            match board.send(Method::GET, "/v1/contexts").await.status {
                status if status == wanted => Ok(()),
                status => Err(status),
            }
        })
        .await;
    };
    becomes(&inn, 200).await;
    // Whoever listens has to show a token again.
    let stream = with_token(&inn, "board-token").request(Method::GET, "/v1/events");
    let stream = stream.send().await.expect("an answer");
    std::fs::remove_file(&file).expect("it can be removed");
    becomes(&inn, 401).await;
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.text()).await;
    assert!(ended.expect("the stream ends").is_ok());
    std::fs::write(&file, "board-token").expect("a file can be written");
    becomes(&inn, 200).await;
    inn.rewrite(settings);
    becomes(&inn, 401).await;
    inn.rewrite(with_board);
    becomes(&inn, 200).await;
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing() {
    let inn = Inn::with(bell().await).await;
    let client = inn.operators().client();
    let own = client.base().to_owned();
    let ask = async |path: &str, header: &str, value: &str| {
        send(client.request(Method::GET, path).header(header, value)).await
    };
    for path in [
        "/v1/events?follow=false",
        "/v1/contexts",
        "/v1/contexts/bell/rollout",
    ] {
        for (header, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            ask(path, header, value).await.expect_problem(403);
        }
    }
    for (header, value) in [
        ("origin", &*own),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        ask("/v1/events?follow=false", header, value)
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let inn = Inn::with(Settings::of_the_app().await).await;
    for number in 2..=5 {
        let bytes = innkeeper_tests::artifacts::edited("room", &format!("page {number}")).await;
        inn.operators().deploy("room", bytes, "").await.expect(201);
    }
    let mut path = "/v1/contexts/room/versions?limit=2".to_owned();
    let mut numbers = Vec::new();
    loop {
        let page = inn.operators().get(&path).await;
        let versions = page["versions"].as_array().expect("a list");
        assert!(versions.len() <= 2);
        numbers.extend(versions.iter().map(|version| version["number"].as_u64()));
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        path = format!("/v1/contexts/room/versions?limit=2&before={next}");
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1].map(Some));
    let wrong = inn
        .operators()
        .send(Method::GET, "/v1/contexts/room/versions?page=1");
    wrong.await.expect_problem(400);
}

#[tokio::test]
async fn bodies_that_end_in_more_than_one_way_are_refused_on_both_ports() {
    let inn = Inn::with(bell().await).await;
    let ports: [&Client; 2] = [inn.gateway(), inn.operators().client()];
    for port in ports {
        for (fields, status) in [
            ("transfer-encoding: gzip, chunked", 501),
            ("transfer-encoding: gzip\r\ntransfer-encoding: chunked", 501),
            ("transfer-encoding: chunked, chunked", 400),
            (
                "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
                400,
            ),
            ("content-length: 9223372036854775808", 400),
            ("content-length: 18446744073709551613", 400),
            ("content-length: 99999999999999999999", 400),
        ] {
            let request = format!("POST /peals HTTP/1.1\r\nhost: inn\r\n{fields}\r\n\r\n");
            let reply = raw(port.base(), request.as_bytes())
                .await
                .expect("an answer");
            assert_eq!(
                reply.status,
                status,
                "{} {fields}: {}",
                port.base(),
                reply.text
            );
        }
    }
}
