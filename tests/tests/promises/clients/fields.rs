//! What a request says, it says once: its host, its cookies, its path.

use innkeeper_tests::http2::whole;
use innkeeper_tests::{Http2, TestHost, raw};
use serde_json::{Value, json};

use super::parrot;

/// The values of a field that the guest was given.
fn heard(body: &Value, name: &str) -> Vec<String> {
    let fields = body["headers"].as_array().expect("fields").iter();
    let values = fields.filter(|field| field[0] == name);
    values
        .map(|field| field[1].as_str().unwrap().to_owned())
        .collect()
}

async fn heard_by_http2(client: &mut Http2, request: http::request::Builder) -> (u16, Value) {
    let answer = client.ask(request).await;
    let status = answer.status().as_u16();
    let body = whole(answer.into_body()).await;
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_request_is_for_one_host() {
    let host = TestHost::with(parrot().await).await;
    for (target, fields, hosts) in [
        ("/echo", "host: inn\r\n", &["inn"][..]),
        ("/echo", "host: Inn.Example:8080\r\n", &["Inn.Example:8080"]),
        ("http://real/echo", "host: other\r\n", &["real"]),
        ("http://real:81/echo", "host: real\r\n", &["real:81"]),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\n{fields}\r\n");
        let reply = raw(host.gateway().base(), request.as_bytes())
            .await
            .unwrap();
        assert_eq!(heard(&reply.expect(200).body, "host"), hosts, "{request}");
    }
    for (target, fields) in [
        ("/echo", ""),
        ("/echo", "host: a\r\nhost: a\r\n"),
        ("/echo", "host: a b\r\n"),
        ("/echo", "host: evil@x/y\r\n"),
        ("/echo", "host: a:b\r\n"),
        ("/echo", "host: [::1\r\n"),
        ("/echo", "host:\r\n"),
        ("http://user@real/echo", "host: real\r\n"),
        ("http://real/echo", "host: a b\r\n"),
        ("http://real/echo", ""),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\n{fields}\r\n");
        for base in [host.gateway().base(), host.operators().client().base()] {
            let reply = raw(base, request.as_bytes()).await.unwrap();
            assert_eq!(reply.status, 400, "{request}: {}", reply.text);
            reply.expect_problem(400);
        }
    }
    let mut client = Http2::connect(host.gateway().base(), 65_535).await;
    let authority = host
        .gateway()
        .base()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    for request in [
        client.get("/echo"),
        client.get("/echo").header("host", &authority),
    ] {
        let (status, body) = heard_by_http2(&mut client, request).await;
        assert_eq!(
            (status, heard(&body, "host")),
            (200, vec![authority.clone()])
        );
    }
    for name in ["other", "a b", "", "127.0.0.1:1"] {
        let request = client.get("/echo").header("host", name);
        assert_eq!(heard_by_http2(&mut client, request).await.0, 400, "{name}");
    }
}

#[tokio::test]
async fn cookies_are_one_field() {
    let host = TestHost::with(parrot().await).await;
    let mut client = Http2::connect(host.gateway().base(), 65_535).await;
    let request = client
        .get("/echo")
        .header("cookie", "a=1")
        .header("x-other", "between")
        .header("cookie", "b=2")
        .header("cookie", "c=3");
    let (_, body) = heard_by_http2(&mut client, request).await;
    assert_eq!(heard(&body, "cookie"), ["a=1; b=2; c=3"]);
    assert_eq!(heard(&body, "x-other"), ["between"]);
    let request = b"GET /echo HTTP/1.1\r\nhost: a\r\ncookie: a=1; b=2\r\n\r\n";
    let reply = raw(host.gateway().base(), request).await.unwrap();
    assert_eq!(heard(&reply.body, "cookie"), ["a=1; b=2"]);
}

#[tokio::test]
async fn what_needs_no_encoding_is_the_same_encoded() {
    let host = TestHost::with(parrot().await).await;
    for (path, route, thing) in [
        ("/%65cho", "/echo", None),
        ("/%65%63%68%6F/%6citeral", "/echo/literal", None),
        ("/echo/liter%61l", "/echo/literal", None),
        ("/echo/%7Eme%2Dtoo", "/echo/{thing}", Some("~me-too")),
        ("/echo/a%2Fb", "/echo/{thing}", Some("a/b")),
        ("/echo/literal%2F", "/echo/{thing}", Some("literal/")),
        ("/echo/%2565", "/echo/{thing}", Some("%65")),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        let reply = raw(host.gateway().base(), request.as_bytes())
            .await
            .unwrap();
        let body = reply.expect(200).body;
        assert_eq!(body["route"], route, "{path}");
        assert_eq!(body["path"], path, "as it was sent");
        let things = thing.map(|thing| json!(["thing", thing]));
        assert_eq!(body["parameters"], json!(Vec::from_iter(things)), "{path}");
    }
    for path in ["/echo%2Fliteral", "/%2Fecho", "/echo/a%2Fb/c"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        let reply = raw(host.gateway().base(), request.as_bytes())
            .await
            .unwrap();
        assert_eq!(reply.status, 404, "{path}");
    }
    let request = b"GET /%6civez HTTP/1.1\r\nhost: a\r\n\r\n";
    let reply = raw(host.operators().client().base(), request)
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_an_id_too() {
    let host = TestHost::with(parrot().await).await;
    let many: String = (0..150)
        .map(|number| format!("x-{number}: y\r\n"))
        .collect();
    let many = format!("GET /echo HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    let wide = "y".repeat(100_000);
    let wide = format!("GET /echo HTTP/1.1\r\nhost: a\r\nx: {wide}\r\n\r\n");
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "1".repeat(9_000));
    for (bytes, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET  HTTP/1.1\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET /echo HTTP/9.9\r\nhost: a\r\n\r\n", 400),
        ("GET /echo HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n", 400),
        (
            "GET /echo HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
            400,
        ),
        (
            "GET /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: x\r\n\r\n",
            400,
        ),
        (many.as_str(), 431),
        (wide.as_str(), 431),
        (long.as_str(), 414),
    ] {
        for base in [host.gateway().base(), host.operators().client().base()] {
            if base != host.gateway().base() && status == 414 {
                continue;
            }
            let reply = raw(base, bytes.as_bytes()).await.unwrap();
            let shown = bytes.get(..60).unwrap_or(bytes);
            assert_eq!(reply.status, status, "{shown}");
            let id = reply.header("x-correlation-id").to_owned();
            assert_eq!(id.len(), 32, "{shown}");
            let reply = reply.expect_problem(status);
            assert_eq!(reply.body["correlationId"], id, "{shown}");
        }
    }
    // After an answer that was right, on the same connection.
    let two = b"GET /echo HTTP/1.1\r\nhost: a\r\n\r\nnonsense\r\n\r\n";
    assert_eq!(raw(host.gateway().base(), two).await.unwrap().status, 200);
    // In HTTP/2, too.
    let mut client = Http2::connect(host.gateway().base(), 65_535).await;
    let request = client.get("/echo").header("x", "y".repeat(70_000));
    let answer = client.ask(request).await;
    assert_eq!(answer.status(), 431);
    assert_eq!(answer.headers()["x-correlation-id"].len(), 32);
}
