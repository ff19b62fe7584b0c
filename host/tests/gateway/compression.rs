//! Answers are compressed for clients that ask for it, where the manifest allows it.

use std::io::Read;

use innkeeper::core::message::Response;
use innkeeper::manifest::{ContentCoding, GatewaySettings};

use crate::client::Reply;
use crate::stub_backend::Served;

fn text() -> String {
    (0..2_000).map(|number| format!("{number},")).collect()
}

async fn host(codings: &[ContentCoding]) -> Served {
    let settings = GatewaySettings {
        compression: codings.to_vec(),
        ..GatewaySettings::default()
    };
    Served::with(settings).await
}

/// Makes `/head` answer this.
fn answers(host: &Served, status: u16, headers: &[(&str, &str)], body: &str) {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    *host.state.answer.lock() = Response {
        status,
        headers: headers.collect(),
        body: body.to_owned().into(),
    };
}

fn plain(reply: &Reply) -> String {
    let mut plain = String::new();
    let body = reply.body.as_slice();
    match reply.header("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(body).read_to_string(&mut plain),
        Some("br") => brotli::Decompressor::new(body, 4096).read_to_string(&mut plain),
        Some(other) => panic!("{other}"),
        None => (&mut &*body).read_to_string(&mut plain),
    }
    .unwrap();
    plain
}

#[tokio::test]
async fn a_client_gets_the_coding_that_it_asks_for() {
    let host = host(&[ContentCoding::Br, ContentCoding::Gzip]).await;
    let whole = text();
    answers(
        &host,
        200,
        &[
            ("content-type", "application/json"),
            ("etag", "\"1\""),
            ("vary", "origin"),
            ("accept-ranges", "bytes"),
        ],
        &whole,
    );
    let mut client = host.connect().await;
    for (accepted, coding) in [
        ("gzip", Some("gzip")),
        ("gzip, br", Some("br")),
        ("br;q=0.1, gzip;q=0.9", Some("gzip")),
        ("identity", None),
        ("gzip;q=0", None),
    ] {
        let head = format!("/head\nAccept-Encoding: {accepted}");
        let reply = client.ask(&format!("GET {head}")).await;
        assert_eq!(reply.header("content-encoding"), coding, "{accepted}");
        assert_eq!(reply.header("vary"), Some("origin, accept-encoding"));
        assert_eq!(plain(&reply), whole, "{accepted}");
        let (etag, ranges) = match coding {
            Some(_) => ("W/\"1\"", None),
            None => ("\"1\"", Some("bytes")),
        };
        assert_eq!(reply.header("etag"), Some(etag));
        assert_eq!(reply.header("accept-ranges"), ranges);
        if coding.is_some() {
            assert!(reply.body.len() < whole.len() / 2, "{}", reply.body.len());
        }
        // A HEAD says the same.
        let told = client.ask(&format!("HEAD {head}")).await;
        for name in ["content-encoding", "content-length", "vary", "etag"] {
            assert_eq!(told.header(name), reply.header(name), "{name}");
        }
    }
    // Who does not ask gets it as it is; so does who asks for what there is not.
    for head in ["GET /head", "GET /head\nAccept-Encoding: zstd, deflate"] {
        let reply = client.ask(head).await;
        assert_eq!(reply.header("content-encoding"), None);
        assert_eq!(reply.header("vary"), Some("origin, accept-encoding"));
        assert_eq!(plain(&reply), whole);
    }
}

#[tokio::test]
async fn what_would_not_gain_or_not_mean_the_same_is_left_as_it_is() {
    let host = host(&[ContentCoding::Gzip]).await;
    let mut client = host.connect().await;
    let (json, whole) = (("content-type", "application/json"), text());
    let digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    for (status, headers, body) in [
        (200, &[json][..], "[1]"),
        (
            200,
            &[("content-type", "text/event-stream")],
            whole.as_str(),
        ),
        (200, &[("content-type", "image/png")], &whole),
        (200, &[], &whole),
        (200, &[json, ("content-encoding", "x-own")], &whole),
        (
            200,
            &[json, ("cache-control", "public, No-Transform")],
            &whole,
        ),
        (200, &[json, ("content-digest", digest)], &whole),
        (206, &[json, ("content-range", "bytes 0-9/100")], &whole),
        (204, &[json], &whole),
    ] {
        answers(&host, status, headers, body);
        let reply = client.ask("GET /head\nAccept-Encoding: gzip").await;
        let own = headers.iter().find(|(name, _)| *name == "content-encoding");
        assert_eq!(reply.status, status, "{headers:?}");
        assert_eq!(
            reply.header("content-encoding"),
            own.map(|(_, value)| *value),
            "{headers:?}"
        );
        if status != 204 {
            assert_eq!(reply.body, body.as_bytes(), "{headers:?}");
        }
    }
    answers(&host, 304, &[("etag", "\"1\"")], "");
    let reply = client.ask("GET /head\nAccept-Encoding: gzip").await;
    assert_eq!((reply.status, reply.header("etag")), (304, Some("\"1\"")));
    assert_eq!(reply.header("vary"), Some("accept-encoding"));
}

#[tokio::test]
async fn nothing_is_compressed_that_the_manifest_does_not_ask_for() {
    let host = host(&[]).await;
    answers(&host, 200, &[("content-type", "text/plain")], &text());
    let mut client = host.connect().await;
    let reply = client.ask("GET /head\nAccept-Encoding: gzip, br").await;
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(reply.header("vary"), None);
    assert_eq!(plain(&reply), text());
}
