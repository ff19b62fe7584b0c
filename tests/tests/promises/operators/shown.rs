//! What operators are not shown.

use http::Method;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually, send};
use serde_json::json;
use toml::Table;

use super::{bell, with_token};

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
    let host = TestHost::with(settings).await;
    let motto = async || host.stay().client().get("/motto").await.text;
    // The guest has what is in the file, and sees it change.
    assert_eq!(motto().await, "\"hunter2\"");
    let shown = host.operators().context("bell").await;
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
    let host = TestHost::with(settings).await;
    let ring = host.stay().client().request(Method::POST, "/bells/1/rings");
    let ring = ring.header("x-correlation-id", "a-ring");
    send(ring.json(&json!({"number": 471_147})))
        .await
        .expect(200);
    let letters = host.operators().dead_letters("bell", 1).await;
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
        let shown = host.operators().send(Method::GET, path).await.expect(200);
        assert!(!shown.text.contains("471147"), "{path}: {}", shown.text);
        assert!(shown.text.contains("BellRung"), "{path}: {}", shown.text);
    }
}

/// All that there is to look at, as the port's own document says, for a context and a correlation id.
async fn looks(host: &TestHost, context: &str, correlation_id: &str) -> Vec<String> {
    let document = host.operators().get("/openapi.json").await;
    let paths = document["paths"].as_object().expect("paths").iter();
    let shown = paths.filter(|(_, operations)| operations.get("get").is_some());
    let shown = shown.map(|(path, _)| {
        let path = path
            .replace("{name}", context)
            .replace("{correlation-id}", correlation_id);
        match path.as_str() {
            "/v1/events" => format!("{path}?after=start&follow=false"),
            _ => path,
        }
    });
    let shown: Vec<String> = shown.collect();
    assert!(shown.len() > 10 && !shown.iter().any(|path| path.contains('{')));
    shown
}

#[tokio::test]
async fn what_is_sensitive_is_shown_nowhere_whichever_way_it_came_in() {
    const BELL: &str = "471148";
    const NUMBER: &str = "471147";
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("board");
    std::fs::write(&file, "board-token").expect("a file can be written");
    // A value is in the data, in the subject, in what a saga is about, and in what the guest says of it.
    let settings = bell()
        .await
        .set("admin.tokens.board.role", "read")
        .set("admin.tokens.board.file", file.to_str().expect("UTF-8"))
        .set("context.bell.config.deaf", "reject")
        .set("context.bell.sensitive", vec!["number", "BELL"])
        .set("saga.ringing.starts", "bell.BellRung")
        .set("saga.ringing.completes", vec!["bell.BellHeard"])
        .set("saga.ringing.key", "number")
        .set("saga.ringing.timeout", "1s");
    let host = TestHost::with(settings).await;
    let path = format!("/bells/{BELL}/rings");
    let ring = host.stay().client().request(Method::POST, &path);
    let ring = ring.header("x-correlation-id", "a-ring");
    let number: u64 = NUMBER.parse().expect("a number");
    send(ring.json(&json!({"number": number})))
        .await
        .expect(200);
    let letters = host.operators().dead_letters("bell", 1).await;
    let sagas = eventually("the saga is stuck", async || {
        let sagas = host.operators().get("/v1/sagas?state=timed-out").await;
        match sagas["sagas"].as_array().map(Vec::len) {
            Some(1) => Ok(sagas),
            _ => Err(sagas.to_string()),
        }
    })
    .await;
    assert_eq!(sagas["sagas"][0]["key"], "***", "{sagas}");
    assert_eq!(sagas["sagas"][0]["subject"], "***", "{sagas}");
    let board = with_token(&host, "board-token");
    let hidden = |what: &str, text: &str| {
        for secret in [BELL, NUMBER] {
            assert!(!text.contains(secret), "{what}: {text}");
        }
    };
    let mut told = 0;
    for path in looks(&host, "bell", "a-ring").await {
        let shown = board.send(Method::GET, &path).await;
        hidden(&path, &shown.text);
        told += usize::from(shown.text.contains("BellRung") || shown.text.contains("***"));
    }
    assert!(told >= 5, "only {told} answers say anything of it");
    let stuck = host.operators().events_of("SagaTimedOut").await;
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    hidden("the event of the saga", &stuck[0].to_string());
    // Nor is it said when what failed fails again.
    let id = letters[0]["id"].as_str().expect("an id");
    let retry = format!("/v1/contexts/bell/dead-letters/{id}/retry");
    let again = host.operators().send(Method::POST, &retry).await;
    let again = again.expect_problem(409).text;
    assert!(again.contains("ring *** was not wanted"), "{again}");
    hidden("a retry", &again);
}

#[tokio::test]
async fn what_is_sensitive_is_not_shown_of_what_cannot_be_published() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("nats.conf");
    std::fs::write(&file, "max_payload: 2400\n").expect("a file can be written");
    let server = NatsServer::with(&["-js", "-c", file.to_str().expect("UTF-8")]).await;
    let settings = Settings::of_the_app()
        .await
        .set("nats.url", server.url())
        .set("context.room.sensitive", vec!["roomId", "desc"]);
    let host = TestHost::with(settings).await;
    let name = "somebody's secret room ".repeat(86);
    host.stay().room(&name).await;
    let letters = eventually("it waits for an operator", async || {
        let letters = host.operators().get("/v1/nats/dead-letters").await;
        match letters["deadLetters"].as_array().map(Vec::len) {
            Some(1) => Ok(letters),
            _ => Err(letters.to_string()),
        }
    })
    .await;
    let letter = &letters["deadLetters"][0];
    assert_eq!(letter["subject"], "***", "{letter}");
    let retry = format!(
        "/v1/nats/dead-letters/{}/retry",
        letter["id"].as_str().expect("an id")
    );
    let again = host.operators().send(Method::POST, &retry).await;
    let again = again.expect_problem(409).text;
    for shown in [letters.to_string(), again] {
        assert!(!shown.contains("somebody"), "{shown}");
    }
}
