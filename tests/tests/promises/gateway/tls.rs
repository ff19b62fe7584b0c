//! TLS at the public port.

use std::path::Path;
use std::time::Duration;

use innkeeper_tests::http2::whole;
use innkeeper_tests::{
    Authority, Certified, Http2, Settings, TestHost, TlsClient, eventually, exchange, raw,
};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::parrot;

const STRICT: &str = "max-age=31536000; includeSubDomains";
const ECHO: &[u8] = b"GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

async fn with_tls(port: &Certified) -> Settings {
    let text = |path: &Path| path.to_str().expect("paths are UTF-8").to_owned();
    parrot()
        .await
        .set("gateway.tls.certificate_file", text(&port.certificate))
        .set("gateway.tls.key_file", text(&port.key))
}

/// Whether a client of this authority is answered.
async fn is_answered(host: &TestHost, client: &TlsClient) -> bool {
    let reply = client.get(host.gateway().base(), "/echo", "none").await;
    reply.is_some_and(|reply| reply.status == 200)
}

#[tokio::test]
async fn the_port_speaks_tls_and_both_versions_of_http() {
    let authority = Authority::new("inns");
    let settings = with_tls(&authority.certify("gateway")).await;
    let host = TestHost::with(settings.set("gateway.tls.strict_transport_security", STRICT)).await;
    let base = host.gateway().base();
    assert!(base.starts_with("https://"), "{base}");
    let client = TlsClient::offering(&authority, &["http/1.1"]);
    let reply = client.get(base, "/echo", "none").await.expect("an answer");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("strict-transport-security"), STRICT);
    assert!(
        reply.text.contains(r#"["x-forwarded-proto","https"]"#),
        "{}",
        reply.text
    );
    // Also what the host itself answers.
    let reply = client
        .get(base, "/nowhere", "none")
        .await
        .expect("an answer");
    assert_eq!(reply.header("strict-transport-security"), STRICT);
    reply.expect_problem(404);
    // HTTP/2 is agreed on by ALPN.
    let stream = TlsClient::offering(&authority, &["h2", "http/1.1"])
        .connect(base)
        .await
        .expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = Http2::over(stream, base, 65_535).await;
    let request = client.get("/echo/2");
    let answer = client.ask(request).await;
    assert_eq!(answer.status(), 200);
    let body = whole(answer.into_body()).await;
    let heard: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(heard["route"], "/echo/{thing}");
    // Who speaks plainly is told.
    let plain = base.replace("https://", "http://");
    let reply = raw(&plain, ECHO)
        .await
        .expect("an answer")
        .expect_problem(400);
    assert!(reply.text.contains("https://"), "{}", reply.text);
    let id = reply.header("x-correlation-id");
    assert_eq!(reply.body["correlationId"], id, "{}", reply.text);
}

#[tokio::test]
async fn the_oldest_version_of_tls_is_named() {
    let authority = Authority::new("inns");
    let settings = with_tls(&authority.certify("gateway")).await;
    let mut host = TestHost::with(settings.clone()).await;
    let (old, new) = (
        TlsClient::of_tls12(&authority),
        TlsClient::new(&authority, None),
    );
    assert!(is_answered(&host, &old).await && is_answered(&host, &new).await);
    host.close().await;
    host.reopen_with(settings.set("gateway.tls.minimum_version", "1.3"))
        .await;
    assert!(is_answered(&host, &new).await);
    assert!(!is_answered(&host, &old).await);
}

#[tokio::test]
async fn certificates_are_exchanged_and_connections_go_on() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let port = before.certify("gateway");
    let host = TestHost::with(with_tls(&port).await).await;
    let (of_before, of_after) = (TlsClient::new(&before, None), TlsClient::new(&after, None));
    let mut kept = of_before.connect(host.gateway().base()).await.expect("TLS");
    exchange(&mut kept, ECHO)
        .await
        .expect("an answer")
        .expect(200);
    // What is no certificate changes nothing, and is said.
    std::fs::write(&port.certificate, "no certificate").expect("a file can be written");
    eventually("it is said", async || {
        match host
            .output()
            .lines_with("of the gateway stay as they were")
            .len()
        {
            0 => Err("it is not"),
            _ => Ok(()),
        }
    })
    .await;
    assert!(is_answered(&host, &of_before).await);
    let renewed = after.certify("gateway");
    std::fs::copy(&renewed.key, &port.key).expect("a file can be copied");
    std::fs::copy(&renewed.certificate, &port.certificate).expect("a file can be copied");
    eventually("the files are read again", async || {
        match is_answered(&host, &of_after).await {
            true => Ok(()),
            false => Err("they are not"),
        }
    })
    .await;
    assert!(!is_answered(&host, &of_before).await);
    exchange(&mut kept, ECHO)
        .await
        .expect("an answer")
        .expect(200);
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out() {
    let authority = Authority::new("inns");
    let settings = with_tls(&authority.certify("gateway")).await;
    let host = TestHost::with(settings.set("gateway.max_connections", 5)).await;
    let address = host
        .gateway()
        .base()
        .strip_prefix("https://")
        .expect("an address");
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(address).await.expect("the port is open"));
    }
    assert!(is_answered(&host, &TlsClient::new(&authority, None)).await);
    // And they are sent away, one after another.
    let mut read = [0; 64];
    let first = silent.first_mut().expect("there are some");
    let ended = tokio::time::timeout(Duration::from_secs(30), first.read(&mut read));
    let read = ended.await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn a_request_that_is_under_way_ends_when_the_port_closes() {
    let authority = Authority::new("inns");
    let mut host = TestHost::with(with_tls(&authority.certify("gateway")).await).await;
    let client = TlsClient::new(&authority, None);
    let mut kept = client.connect(host.gateway().base()).await.expect("TLS");
    exchange(&mut kept, ECHO)
        .await
        .expect("an answer")
        .expect(200);
    host.close().await;
    // TLS has said farewell: what came was all there was.
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).await.expect("a proper end");
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn files_that_are_none_are_refused_at_the_start_in_one_line() {
    let authority = Authority::new("inns");
    let (port, other) = (authority.certify("gateway"), authority.certify("other"));
    let settings = with_tls(&port).await;
    let mut host = TestHost::with(settings.clone()).await;
    host.close().await;
    let missing = host.home().join("missing.pem");
    let nothing = host.home().join("nothing.pem");
    std::fs::write(&nothing, "nothing").expect("a file can be written");
    for (setting, file, said) in [
        ("certificate_file", &missing, "cannot be read"),
        ("certificate_file", &nothing, "holds no certificate"),
        ("key_file", &nothing, "holds no key"),
        ("key_file", &other.key, "do not make a pair"),
    ] {
        let name = format!("gateway.tls.{setting}");
        let file = file.to_str().expect("paths are UTF-8");
        host.rewrite(settings.clone().set(&name, file));
        let refused = host.refused().await;
        let line = refused.err.trim();
        assert!(
            line.contains(said) && line.contains(file),
            "{setting}: {line}"
        );
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}
