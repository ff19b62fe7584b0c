//! Whatever head a guest gives its answer: it is refused before anything is committed, or it is sent and read.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use innkeeper::core::message::Response;
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::{net::TcpStream, runtime::Runtime};

use crate::stub_backend::{MOST_HEAD, Served};

/// The fields that are the host's to set, or that it sets itself.
const NOT_THE_GUESTS: [&str; 12] = [
    "connection",
    "content-length",
    "date",
    "innkeeper-version",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-correlation-id",
];

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zA-Z0-9!#$%&'*+.^_|~-]{1,20}",
        2 => proptest::sample::select(&NOT_THE_GUESTS[..]).prop_map(str::to_owned),
        2 => proptest::sample::select(&["Set-Cookie", "ETag", "vary", "location", "expect", "host"][..])
            .prop_map(str::to_owned),
        1 => ".{0,5}",
        1 => (60_000..70_000_usize).prop_map(|length| "n".repeat(length)),
    ]
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[ -~]{0,40}",
        1 => ".{0,40}",
        1 => any::<String>(),
        1 => (0..20_000_usize).prop_map(|length| "v".repeat(length)),
    ]
}

fn answers() -> impl Strategy<Value = Response> {
    let few = proptest::collection::vec((names(), values()), 0..6);
    let many = (0..40_000_usize, "[a-z]{1,8}")
        .prop_map(|(count, name)| vec![(name, String::new()); count]);
    let distinct = (0..100_usize, 0..300_usize).prop_map(|(count, length)| {
        let fields = (0..count).map(|number| (format!("x-{number}"), "v".repeat(length)));
        fields.collect::<Vec<_>>()
    });
    let statuses = prop_oneof![9 => 200..600_u16, 1 => any::<u16>()];
    let fields = prop_oneof![6 => few, 1 => many, 3 => distinct];
    (statuses, fields, 0..3_usize).prop_map(|(status, headers, length)| Response {
        status,
        headers,
        body: Bytes::from(vec![b'x'; length]),
    })
}

/// What a usual client reads: its limits are those that it has by itself.
async fn read(host: &Served, is_http2: bool) -> hyper::Response<Bytes> {
    let stream = TokioIo::new(TcpStream::connect(host.address).await.unwrap());
    let uri = format!("http://{}/head", host.address);
    let request = Request::get(uri).header("host", host.address.to_string());
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let answer = if is_http2 {
        let (mut sender, connection) = conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await
    } else {
        let (mut sender, connection) = conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    let (parts, body) = answer.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    hyper::Response::from_parts(parts, body)
}

/// The fields of an answer that are the guest's, in an order of their own.
fn guests(fields: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let mut guests: Vec<_> = fields
        .filter(|(name, _)| !NOT_THE_GUESTS.contains(&name.as_str()))
        // Parsers take the spaces around a value away.
        .map(|(name, value)| (name, value.trim_ascii().to_vec()))
        .collect();
    guests.sort();
    guests
}

#[test]
fn whatever_is_let_through_is_sent_and_read() {
    let runtime = Runtime::new().unwrap();
    let host = runtime.block_on(Served::new());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tried = runner.run(&answers(), |answer| {
        let is_let_through = answer.validate(MOST_HEAD).is_ok();
        *host.state.answer.lock() = answer.clone();
        for is_http2 in [false, true] {
            let read = runtime.block_on(read(&host, is_http2));
            if !is_let_through {
                prop_assert_eq!(read.status(), 500);
                prop_assert!(read.headers().len() < 10);
                continue;
            }
            prop_assert_eq!(read.status(), answer.status);
            let sent = answer.headers.iter();
            let sent = guests(sent.map(|(name, value)| (name.clone(), value.clone().into_bytes())));
            let came = read.headers().iter();
            let came =
                guests(came.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())));
            prop_assert_eq!(came, sent);
            let has_body = ![204, 205, 304].contains(&answer.status);
            prop_assert_eq!(
                &read.body()[..],
                if has_body { &answer.body[..] } else { b"" }
            );
        }
        Ok(())
    });
    runtime.block_on(async { drop(host) });
    tried.unwrap();
}
