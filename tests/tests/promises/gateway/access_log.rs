//! The access log: what is told of requests, where, and what is not.

use std::fs;
use std::path::Path;

use http::Method;
use innkeeper_tests::{Opening, Settings, TestHost, eventually, raw, send};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The lines of a log that have this in them, once there are any.
async fn told(file: &Path, what: &str) -> Vec<Value> {
    eventually(&format!("a line with {what}"), async || {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines = text.lines().filter(|line| line.contains(what));
        let read = |line| serde_json::from_str(line).expect("each line is an object");
        let found: Vec<Value> = lines.map(read).collect();
        match found.is_empty() {
            true => Err(text),
            false => Ok(found),
        }
    })
    .await
}

async fn look(host: &TestHost, id: &str) {
    let request = host.gateway().request(Method::GET, "/rooms/1?token=hidden");
    let request = request
        .header("x-correlation-id", id)
        .header("authorization", "Bearer hidden")
        .header("cookie", "session=hidden")
        .header("user-agent", "a \"browser\"");
    send(request).await.expect(200);
}

#[tokio::test]
async fn a_request_is_a_line_without_secrets_in_a_file_that_can_be_moved() {
    let settings = Settings::of_the_app()
        .await
        .set("gateway.access_log.format", "json")
        .set("gateway.access_log.file", "access.log");
    let mut host = TestHost::with(settings).await;
    assert_eq!(host.stay().room("told").await, 1);
    let file = host.home().join("access.log");
    look(&host, "first").await;
    let lines = told(&file, "\"first\"").await;
    let [line] = &lines[..] else {
        panic!("one line for a request: {lines:?}")
    };
    for (name, value) in [
        ("http.request.method", Value::from("GET")),
        ("url.path", "/rooms/1".into()),
        ("http.route", "/rooms/{id}".into()),
        ("http.response.status_code", 200.into()),
        ("client.address", "127.0.0.1".into()),
        ("user_agent.original", "a \"browser\"".into()),
        ("innkeeper.context", "room".into()),
        ("innkeeper.correlation_id", "first".into()),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert!(line["innkeeper.version"].is_string(), "{line}");
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
    assert!(
        line["http.server.request.duration"].as_f64() > Some(0.0),
        "{line}"
    );

    // What is no request of a proper client is told, too, and stays in its line.
    let forged = b"GET /\"},{\"forged\":\"\xe2\x80\xa8 HTTP/1.1\r\nhost: a\r\nx-correlation-id: forged\r\nconnection: close\r\n\r\n";
    let _refused = raw(host.gateway().base(), forged).await;
    let lines = told(&file, "\"innkeeper.correlation_id\":\"forged\"").await;
    let [line] = &lines[..] else {
        panic!("one line for a request: {lines:?}")
    };
    let path = line["url.path"].as_str().expect("a path is a text");
    assert!(path.starts_with("/\"},{\"forged\":\""), "{line}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("hidden"), "{text}");
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("each line is an object");
        assert_eq!(line.get("forged"), None);
    }

    // As logrotate does it.
    let moved = host.home().join("access.log.1");
    fs::rename(&file, &moved).unwrap();
    look(&host, "second").await;
    told(&file, "\"second\"").await;
    assert!(!fs::read_to_string(&moved).unwrap().contains("\"second\""));
    fs::remove_file(&file).unwrap();
    let process = Pid::from_raw(i32::try_from(host.process()).unwrap()).unwrap();
    kill_process(process, Signal::HUP).unwrap();
    eventually("the file is there again", async || {
        file.exists().then_some(()).ok_or("it is not")
    })
    .await;
    look(&host, "third").await;
    host.close().await;
    // What waited is written before the host ends.
    assert!(fs::read_to_string(&file).unwrap().contains("\"third\""));

    let nowhere = (
        "INNKEEPER_GATEWAY__ACCESS_LOG__FILE",
        "no-such-directory/access.log",
    );
    let refused = host.try_reopen(&[nowhere]).await;
    let refused = refused.expect_err("it cannot be written");
    assert!(refused.contains("make its directory"), "{refused}");
}

#[tokio::test]
async fn of_a_sample_of_none_only_what_the_server_failed_is_told() {
    let settings = Settings::of_the_app()
        .await
        .without("context.payment")
        .set("gateway.access_log.format", "json")
        .set("gateway.access_log.sample", 0);
    let host = Opening::new(settings).open().await;
    let room = host.stay().room("sampled").await;
    host.stay().book(room).await.expect_problem(503);
    host.gateway().get("/no-such-path").await.expect(404);
    host.stay().book(room).await.expect_problem(503);
    // On standard output, without a file.
    let failed = "\"http.response.status_code\":503";
    let lines = eventually("both are told", async || {
        let lines = host.output().lines_with(failed);
        (lines.len() == 2).then_some(lines).ok_or("they are not")
    })
    .await;
    for line in &lines {
        let line: Value = serde_json::from_str(line).expect("an object");
        assert_eq!(line["url.path"], "/reservations", "{line}");
        assert_eq!(line["innkeeper.context"], "reservation", "{line}");
    }
    let others = host.output().lines_with("\"http.response.status_code\"");
    assert_eq!(others.len(), 2, "{others:?}");
}
