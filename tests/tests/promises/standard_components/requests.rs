//! What a standard component sees of a request, and what becomes of its answer.

use http::Method;
use innkeeper_tests::{Issuer, Settings, TestHost, eventually, raw, send};

use super::visitors;

#[tokio::test]
async fn a_request_comes_as_it_was_sent() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    let body = "ä".repeat(50_000);
    let request = client
        .request(Method::PUT, "/echo/a%20b/c?q=a+b&q=%C3%A4&empty")
        .header("x-two", "1")
        .header("x-two", "2")
        .body(body.clone());
    let seen = send(request).await.expect(200).text;
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "Method::Put");
    assert_eq!(lines[1], "/echo/a%20b/c?q=a+b&q=%C3%A4&empty");
    assert_eq!(lines[2], client.base());
    assert!(lines.contains(&"x-two: 1") && lines.contains(&"x-two: 2"));
    assert!(lines.contains(&"100000 bytes"), "{seen}");
    // What the host carries is not the guest's to see, nor what is of one connection.
    for name in ["host:", "connection:", "traceparent:", "x-correlation-id:"] {
        assert!(!lines.iter().any(|line| line.starts_with(name)), "{seen}");
    }
    // The path itself is one of those below it; a HEAD is a GET without its body.
    assert_eq!(
        client.get("/echo").await.expect(200).text.lines().nth(1),
        Some("/echo")
    );
    let head = send(client.request(Method::HEAD, "/sized/1000"))
        .await
        .expect(200);
    assert_eq!(
        (head.header("content-length"), head.text.as_str()),
        ("1000", "")
    );
    client.get("/elsewhere").await.expect_problem(404);
    send(client.request(Method::DELETE, "/silent"))
        .await
        .expect_problem(405);
}

/// The draft of `wasi:config` is what the component imports; contexts of the SDK import the release candidate.
#[tokio::test]
async fn its_configuration_is_what_the_manifest_says() {
    let settings = visitors()
        .await
        .set("context.visitors.config.greeting", "welcome")
        .set("context.visitors.config.size", 3);
    let host = TestHost::with(settings).await;
    for (name, said) in [
        ("greeting", "welcome, of 2"),
        ("size", "3, of 2"),
        ("else", "nothing, of 2"),
    ] {
        let answer = host.gateway().get(&format!("/configured/{name}")).await;
        assert_eq!(answer.expect(200).text, said);
    }
}

/// A rule of what lies below a path holds for each way to write such a path, and what is named below it without a rule is not open for that.
#[tokio::test]
async fn what_is_guarded_is_not_reached_past_its_guard() {
    let issuer = Issuer::new();
    let settings = Settings::empty().with("visitors", "visitors").await;
    let nothing = toml::Table::new;
    let settings = issuer
        .trusted_by(settings)
        .set("context.visitors.routes./*", nothing())
        .set(
            "context.visitors.routes./echo/in/*.require",
            vec!["scope:look"],
        )
        .set("context.visitors.routes.GET /echo/in/{room}", nothing())
        // A placeholder may stand for what is guarded.
        .set(
            "context.visitors.routes./secret/*.require",
            vec!["scope:look"],
        )
        .set("context.visitors.routes.GET /{place}/in/1", nothing());
    let host = TestHost::with(settings).await;
    let client = host.gateway();
    client.get("/echo/out").await.expect(200);
    let asked = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nhost: inn\r\nconnection: close\r\n\r\n");
        let reply = raw(client.base(), request.as_bytes()).await;
        reply.expect("an answer").status
    };
    for (target, status) in [
        ("/echo/in", 401),
        ("/echo/in/1", 401),
        ("/echo/in/1/2", 401),
        ("/%65cho/in/1", 401),
        ("/x/../echo/in/1", 400),
        ("/x/%2e%2E/echo/in/1", 400),
        ("/echo/./in/1", 400),
        ("/echo\\in\\1", 400),
        ("/echo/in/", 401),
        ("//echo/in/1", 400),
        ("/echo//in/1", 400),
        ("//echo/in/", 400),
        ("/echo%2Fin%2F1", 400),
        ("/x%2F..%2Fecho/in/1", 400),
        ("/secret/in/1", 401),
        ("/echo/out", 200),
        // Nobody guards what they may be taken for.
        ("/echo/out/", 200),
        ("/echo//https://inn", 200),
    ] {
        assert_eq!(asked(target).await, status, "{target}");
    }
    let request = client.request(Method::GET, "/echo/in/1");
    let request = request.bearer_auth(issuer.token(&[]));
    send(request).await.expect(200);
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_problem_and_the_next_request_finds_nothing_of_it() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    for (path, reason) in [
        ("/silent", "without setting its `response-outparam`"),
        ("/forgetful", "without setting its `response-outparam`"),
        ("/failing", "instead of a response"),
        ("/unfinished/dropped", "did not finish the body"),
        ("/unfinished/forgotten", "did not finish the body"),
        ("/unfinished/short", "did not finish the body"),
        ("/leaking", "resource table"),
        ("/sized/4194305", "limits.response"),
    ] {
        client.get(path).await.expect_problem(500);
        let logged = || host.output().lines_with(reason);
        eventually(path, async || match logged().is_empty() {
            true => Err(format!("`{reason}` is not in the log")),
            false => Ok(()),
        })
        .await;
        assert_eq!(client.get("/sized/3").await.expect(200).text, "xxx");
    }
    assert_eq!(
        client.get("/sized/4194304").await.expect(200).text.len(),
        4 << 20
    );
    assert!(!host.has_panicked());
}

#[tokio::test]
async fn headers_of_the_connection_are_not_the_guests() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    for name in [
        "connection",
        "transfer-encoding",
        "host",
        "upgrade",
        "keep-alive",
    ] {
        client.get(&format!("/headed/{name}/x")).await.expect(409);
    }
    let reply = client
        .get("/headed/content-type/text%2Fplain")
        .await
        .expect(200);
    assert_eq!(reply.text, "headed");
    let reply = client.get("/headed/x-own/yes").await.expect(200);
    assert_eq!(reply.header("x-own"), "yes");
    // Those are the host's, whatever a guest says.
    let reply = client
        .get("/headed/x-correlation-id/mine")
        .await
        .expect(200);
    assert_ne!(reply.header("x-correlation-id"), "mine");
}

#[tokio::test]
async fn what_it_prints_is_in_the_log_and_its_story_is_told() {
    let host = TestHost::with(visitors().await).await;
    let client = host.gateway();
    let request = client
        .request(Method::POST, "/visitors/b/anna")
        .header("x-correlation-id", "anna-s-story");
    send(request).await.expect(200);
    client.get("/printed").await.expect(200);
    for line in ["a visitor has been here", "and had a caf\u{e9}", "...."] {
        eventually("the line is in the log, whole", async || {
            let lines = host.output().lines_with(line);
            let found = lines.iter().any(|found| is_said(found, line));
            found.then_some(()).ok_or_else(|| host.output().tail(5))
        })
        .await;
    }
    let story = host.operators().get("/v1/stories/anna-s-story").await;
    assert!(story.to_string().contains("visitors"), "{story}");
    let openapi = host.operators().get("/v1/documents/openapi.json").await;
    assert!(
        openapi["paths"]["/visitors/{path}"]["post"].is_object(),
        "{openapi}"
    );
}

/// Whether a line of the log is this of a guest, and nothing more.
fn is_said(line: &str, text: &str) -> bool {
    let said: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    said["message"] == text
}

#[tokio::test]
async fn it_is_limited_like_any_context() {
    let settings: Settings = visitors()
        .await
        .set("context.visitors.limits.commit.keys", 100)
        .set("context.visitors.limits.request", "1KiB");
    let host = TestHost::with(settings).await;
    let client = host.gateway();
    let put = async |path: &str| send(client.request(Method::PUT, path)).await;
    put("/many/m/100").await.expect(204);
    put("/many/m/101").await.expect_problem(500);
    let long = client.request(Method::PUT, "/echo").body(vec![b'x'; 1_025]);
    send(long).await.expect_problem(413);
}
