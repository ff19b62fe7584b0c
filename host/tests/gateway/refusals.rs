//! What is not let through.

use crate::stub_backend::Served;

#[tokio::test]
async fn paths_that_are_not_there() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for path in [
        "/",
        "/nowhere",
        "/rooms/",
        "/rooms/1/",
        "//rooms",
        "/rooms/1/2",
        "/Rooms",
        "/rooms%2F1",
        "/rooms?x=1#",
    ] {
        let reply = client.ask(&format!("GET {path}")).await;
        if path.starts_with("/rooms?") {
            assert_eq!(reply.status, 200);
        } else {
            reply.is_problem(404, "no route matches this path");
            assert_eq!(reply.json()["type"], "about:blank");
            assert_eq!(reply.json()["title"], "Not Found");
        }
    }
}

/// Whoever reads such a path afterwards may take it for another one.
#[tokio::test]
async fn paths_that_may_be_taken_for_others() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for path in [
        "/rooms/../rooms/1",
        "/rooms/./1",
        "/rooms/%2e%2E/1",
        "/rooms\\1",
    ] {
        let reply = client.ask(&format!("GET {path}")).await;
        reply.is_problem(
            400,
            "the path has a segment `.` or `..`, encoded or not, or a backslash; send the path that is meant",
        );
    }
}

#[tokio::test]
async fn methods_that_a_path_does_not_have() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for method in ["PUT", "DELETE", "TRACE", "BREW", "get"] {
        let reply = client.ask(&format!("{method} /rooms")).await;
        reply.is_problem(405, &format!("{method} is not allowed at this path"));
        assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    }
    let reply = client.ask("HEAD /notes/1/2").await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("OPTIONS, PUT"))
    );
    assert_eq!(client.ask("GET /rooms").await.status, 200);
}

#[tokio::test]
async fn encodings_that_are_wrong() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for path in [
        "/rooms/%",
        "/rooms/%4",
        "/rooms/%zz",
        "/rooms/%ff",
        "/rooms/%C3",
        "/rooms/%ED%A0%80",
        "/nowhere/%",
    ] {
        client
            .ask(&format!("GET {path}"))
            .await
            .is_problem(400, "the path is not percent-encoded UTF-8");
    }
    for query in ["%", "a=%f", "a=%gg", "%ff=1", "a=1&b=%C3"] {
        client
            .ask(&format!("GET /rooms?{query}"))
            .await
            .is_problem(400, "the query is not percent-encoded UTF-8");
    }
}

/// A condition that were left out would make it another request.
#[tokio::test]
async fn conditions_that_are_no_text() {
    let host = Served::new().await;
    for name in ["if-match", "If-Unmodified-Since", "if-none-match"] {
        let mut client = host.connect().await;
        let mut head =
            format!("GET /rooms HTTP/1.1\r\nhost: inn.example\r\n{name}: \"").into_bytes();
        head.extend(b"\xff\"\r\n\r\n");
        client.send(head).await;
        let detail = format!("the header {} is not UTF-8", name.to_lowercase());
        client.reply().await.is_problem(400, &detail);
    }
    let mut client = host.connect().await;
    client
        .send(b"GET /rooms HTTP/1.1\r\nhost: inn.example\r\nx-name: \xe9\r\nif-match: \"\xc3\xa9\"\r\n\r\n")
        .await;
    let reply = client.reply().await;
    assert_eq!(reply.status, 200);
    let seen = reply.json()["headers"].to_string();
    assert!(
        !seen.contains("x-name") && seen.contains("if-match"),
        "{seen}"
    );
}

#[tokio::test]
async fn bodies_that_are_too_big() {
    let host = Served::new().await;
    let detail = "the request body is larger than the 100 bytes allowed here";
    let json = "POST /rooms HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    // Announced: refused before it is sent.
    let mut client = host.connect().await;
    client
        .send(format!("{json}content-length: 101\r\n\r\n"))
        .await;
    let reply = client.reply().await;
    reply.is_problem(413, detail);
    assert_eq!(reply.header("connection"), Some("close"));
    client.closes().await;
    // Announced, for a client that asks first.
    let mut client = host.connect().await;
    client
        .send(format!(
            "{json}expect: 100-continue\r\ncontent-length: 5000000000\r\n\r\n"
        ))
        .await;
    client.reply().await.is_problem(413, detail);
    // Not announced: refused when it is too much.
    let mut client = host.connect().await;
    client
        .send(format!("{json}transfer-encoding: chunked\r\n\r\n"))
        .await;
    let chunk = format!("32\r\n{}\r\n", "x".repeat(50));
    client.send(&chunk).await;
    client.send(&chunk).await;
    client.send("1\r\nx\r\n").await;
    client.reply().await.is_problem(413, detail);
    // The limit itself is fine.
    let mut client = host.connect().await;
    assert_eq!(
        client
            .ask_with(
                "POST /rooms\ncontent-type: application/json",
                &"x".repeat(100)
            )
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_client_that_keeps_sending_still_gets_the_answer() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    client.send("POST /rooms HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 20000000\r\n\r\n").await;
    // More than all buffers on the way hold.
    let megabyte = vec![b'x'; 1_000_000];
    for _ in 0..20 {
        client.send(&megabyte).await;
    }
    assert_eq!(client.reply().await.status, 413);
    client.closes().await;
}

#[tokio::test]
async fn media_types_that_are_not_consumed() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for accepted in ["application/json", "Application/JSON; charset=UTF-8"] {
        assert_eq!(
            client
                .ask_with(&format!("POST /rooms\ncontent-type: {accepted}"), "{}")
                .await
                .status,
            200
        );
    }
    for refused in [
        "text/plain",
        "application/jsonp",
        "application/json; charset=latin1",
        "nonsense",
    ] {
        let reply = client
            .ask_with(&format!("POST /rooms\ncontent-type: {refused}"), "{}")
            .await;
        reply.is_problem(415, "the body must be application/json, in UTF-8");
        assert_eq!(reply.header("accept"), Some("application/json"));
    }
    client.ask_with("POST /rooms", "{}").await.is_problem(
        415,
        "the body must be application/json, and Content-Type must say so",
    );
    client
        .ask_with(
            "POST /rooms\ncontent-type: application/json\ncontent-encoding: gzip",
            "{}",
        )
        .await
        .is_problem(415, "the body must be sent without Content-Encoding");
    client
        .ask_with(
            "POST /rooms\ncontent-type: application/json\ncontent-type: text/plain",
            "{}",
        )
        .await
        .is_problem(
            400,
            "the header content-type must be sent once, as visible ASCII",
        );
    // Without a body there is nothing to have a type, and a route that names none takes any.
    assert_eq!(client.ask("POST /rooms").await.status, 200);
    assert_eq!(
        client
            .ask_with("PUT /notes/1/2\ncontent-type: image/png", "x")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn hosts_that_are_missing_or_many() {
    let host = Served::new().await;
    for (hosts, version, status) in [
        ("", "1.1", 400),
        ("host: a\r\nhost: b\r\n", "1.1", 400),
        ("", "1.0", 200),
    ] {
        let mut client = host.connect().await;
        client
            .send(format!("GET /rooms HTTP/{version}\r\n{hosts}\r\n"))
            .await;
        let reply = client.reply().await;
        assert_eq!(reply.status, status, "{reply:?}");
        if status == 400 {
            reply.is_problem(400, "a request must have exactly one Host header");
        }
    }
}

#[tokio::test]
async fn heads_that_are_too_long() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client
        .ask(&format!("GET /rooms?{}", "x".repeat(8 * 1024)))
        .await;
    reply.is_problem(414, "the path and query have more than 8192 bytes");
    assert_eq!(
        client
            .ask(&format!("GET /rooms?{}", "x".repeat(8000)))
            .await
            .status,
        200
    );
    let headers = "\nx-header: 1".repeat(200);
    assert_eq!(
        client.ask(&format!("GET /rooms{headers}")).await.status,
        431
    );
    let mut client = host.connect().await;
    assert_eq!(
        client
            .ask(&format!("GET /rooms\nx-big: {}", "x".repeat(70_000)))
            .await
            .status,
        431
    );
}

#[tokio::test]
async fn what_is_no_http() {
    let host = Served::new().await;
    for nonsense in [
        "hello\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "GET /rooms HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    ] {
        let mut client = host.connect().await;
        client.send(nonsense).await;
        assert_eq!(client.reply().await.status, 400, "{nonsense:?}");
        client.closes().await;
    }
}

#[tokio::test]
async fn targets_that_are_no_path() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    for request in ["GET rooms", "CONNECT inn.example:80"] {
        client
            .ask(request)
            .await
            .is_problem(400, "the path must begin with `/`");
    }
    assert_eq!(client.ask("GET http://inn.example/rooms").await.status, 200);
}
