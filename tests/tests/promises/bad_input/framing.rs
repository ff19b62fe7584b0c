//! Requests that are wrong whatever their body says: paths, methods, headers, sizes, framing.

use super::{Case, JSON, POST_ROOMS, headed, json_body, plain, with_body};

pub(super) fn paths_and_methods() -> Vec<Case> {
    let long = format!("GET /rooms/{}", "1".repeat(9_000));
    let long_query = format!("GET /rooms?page={}", "1".repeat(9_000));
    let rows: Vec<(&'static str, &str, u16)> = vec![
        ("no such path", "GET /nothing", 404),
        ("the root", "GET /", 404),
        ("a path in capitals", "GET /Rooms", 404),
        ("a slash too many at the end", "GET /rooms/", 404),
        ("a slash too many at the front", "GET //rooms", 404),
        ("a path below a room", "GET /rooms/1/beds", 404),
        ("a step upwards", "GET /rooms/../payments", 400),
        ("a file of the host", "GET /../../../etc/passwd", 400),
        ("an encoded step upwards", "GET /rooms/%2e%2e/payments", 400),
        ("a backslash", "GET /rooms\\1", 400),
        ("the operators' words", "GET /v1/contexts", 404),
        ("metrics", "GET /metrics", 404),
        ("a room that does not exist", "GET /rooms/4711", 404),
        ("a review that does not exist", "GET /reviews/4711", 404),
        (
            "a reservation that does not exist",
            "GET /reservations/4711",
            404,
        ),
        ("a payment that does not exist", "GET /payments/4711", 404),
        ("a message that does not exist", "GET /messages/4711", 404),
        ("a view that does not exist", "GET /roomviews/4711", 404),
        (
            "deleting a room that does not exist",
            "DELETE /rooms/4711",
            404,
        ),
        (
            "deleting a review that does not exist",
            "DELETE /reviews/4711",
            404,
        ),
        ("an id that is a word", "GET /rooms/first", 400),
        ("an id that is negative", "GET /rooms/-1", 400),
        ("an id with a sign", "GET /rooms/+1", 400),
        ("an id with a zero in front", "GET /rooms/01", 400),
        ("an id that is a fraction", "GET /rooms/1.0", 400),
        ("an id in hexadecimal", "GET /rooms/0x1", 400),
        ("an id too big", "GET /rooms/18446744073709551616", 400),
        ("an id with a space", "GET /rooms/1%20", 400),
        ("an id in another script", "GET /rooms/%D9%A1", 400),
        ("an id with a zero byte", "GET /rooms/1%00", 400),
        ("an id with an encoded slash", "GET /rooms/1%2F2", 400),
        ("an id that is nothing but a dot", "GET /rooms/.", 400),
        ("half a percent-encoding", "GET /rooms/%", 400),
        ("a percent-encoding with one digit", "GET /rooms/%1", 400),
        ("a percent-encoding of letters", "GET /rooms/%zz", 400),
        ("a percent-encoding that is no UTF-8", "GET /rooms/%ff", 400),
        (
            "an encoding that is too long for its character",
            "GET /rooms/%c0%af",
            400,
        ),
        (
            "a percent-encoding in a path that is not there",
            "GET /nothing/%",
            400,
        ),
        ("a query that is no UTF-8", "GET /rooms?page=%ff", 400),
        (
            "half a percent-encoding in the query",
            "GET /rooms?page=%",
            400,
        ),
        ("a page that is a word", "GET /rooms?page=last", 400),
        ("a page that is negative", "GET /rooms?page=-1", 400),
        ("a page too big", "GET /rooms?page=4294967296", 400),
        ("a page that is empty", "GET /rooms?page=", 400),
        ("a page twice", "GET /rooms?page=1&page=2", 400),
        ("a size of zero", "GET /rooms?size=0", 400),
        ("a size too big", "GET /rooms?size=101", 400),
        ("a size that is a fraction", "GET /rooms?size=1.5", 400),
        ("a very long path", &long, 414),
        ("a very long query", &long_query, 414),
        ("changing all rooms", "PATCH /rooms", 405),
        ("deleting all rooms", "DELETE /rooms", 405),
        ("putting a room", "PUT /rooms/1", 405),
        ("posting to a room", "POST /rooms/1", 405),
        ("deleting a reservation", "DELETE /reservations/1", 405),
        ("making a payment", "POST /payments", 405),
        ("changing a payment", "PATCH /payments/1", 405),
        ("writing a message", "POST /messages", 405),
        ("changing a view", "PATCH /roomviews/1", 405),
        ("tracing", "TRACE /rooms", 405),
        ("a method of one's own", "BREW /rooms", 405),
        ("a method in small letters", "get /rooms", 405),
    ];
    rows.into_iter()
        .map(|(what, line, status)| plain(what, line, status))
        .collect()
}

pub(super) fn headers() -> Vec<Case> {
    let body = r#"{"desc": "x"}"#;
    let long_key = format!("{JSON}idempotency-key: {}\r\n", "k".repeat(256));
    let long_id = format!("{JSON}x-correlation-id: {}\r\n", "c".repeat(129));
    let rows: Vec<(&'static str, &str, u16)> = vec![
        ("no content type", "", 415),
        ("plain text", "content-type: text/plain\r\n", 415),
        (
            "a form",
            "content-type: application/x-www-form-urlencoded\r\n",
            415,
        ),
        (
            "another JSON",
            "content-type: application/merge-patch+json\r\n",
            415,
        ),
        (
            "nonsense as content type",
            "content-type: nonsense\r\n",
            415,
        ),
        ("an empty content type", "content-type:\r\n", 415),
        (
            "a charset that JSON cannot have",
            "content-type: application/json; charset=utf-16\r\n",
            415,
        ),
        (
            "two content types",
            "content-type: application/json\r\ncontent-type: application/json\r\n",
            400,
        ),
        (
            "a compressed body",
            "content-type: application/json\r\ncontent-encoding: gzip\r\n",
            415,
        ),
        (
            "an empty idempotency key",
            "content-type: application/json\r\nidempotency-key:\r\n",
            400,
        ),
        (
            "an idempotency key with a space",
            "content-type: application/json\r\nidempotency-key: a b\r\n",
            400,
        ),
        (
            "an idempotency key in Latin-1",
            "content-type: application/json\r\nidempotency-key: \u{e9}\r\n",
            400,
        ),
        (
            "two idempotency keys",
            "content-type: application/json\r\nidempotency-key: a\r\nidempotency-key: b\r\n",
            400,
        ),
        ("a very long idempotency key", &long_key, 400),
        (
            "an empty correlation id",
            "content-type: application/json\r\nx-correlation-id:\r\n",
            400,
        ),
        (
            "a correlation id with a space",
            "content-type: application/json\r\nx-correlation-id: a b\r\n",
            400,
        ),
        (
            "two correlation ids",
            "content-type: application/json\r\nx-correlation-id: a\r\nx-correlation-id: b\r\n",
            400,
        ),
        ("a very long correlation id", &long_id, 400),
    ];
    let mut cases: Vec<_> = rows
        .into_iter()
        .map(|(what, headers, status)| with_body(what, POST_ROOMS, headers, body, status))
        .collect();
    cases.push(headed("two hosts", "GET /rooms", "host: another\r\n", 400));
    cases.push(Case {
        what: "no host",
        head: "GET /rooms HTTP/1.1\r\n\r\n".into(),
        body: Vec::new(),
        status: 400,
    });
    cases
}

pub(super) fn sizes_and_framing() -> Vec<Case> {
    let mib = 1 << 20;
    let huge = format!(r#"{{"desc": "{}"}}"#, "x".repeat(mib));
    let announced = format!(
        "POST /rooms HTTP/1.1\r\nhost: inn\r\n{JSON}content-length: {}\r\n\r\n",
        10_u64 << 40
    );
    let chunked =
        format!("POST /rooms HTTP/1.1\r\nhost: inn\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    let mut chunks = Vec::new();
    for _ in 0..17 {
        chunks.extend_from_slice(b"10000\r\n");
        chunks.extend_from_slice(&[b'x'; 0x10000]);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let case = |what, head: &str, body: &[u8], status| Case {
        what,
        head: head.to_owned(),
        body: body.to_owned(),
        status,
    };
    let many = (0..200)
        .map(|number| format!("x-{number}: y\r\n"))
        .collect::<String>();
    let wide = format!("x-wide: {}\r\n", "y".repeat(600 << 10));
    vec![
        json_body("a body over a mebibyte", POST_ROOMS, huge, 413),
        case(
            "a body that only announces to be huge",
            &announced,
            b"",
            413,
        ),
        case("a huge body in chunks", &chunked, &chunks, 413),
        case("a chunk of no size", &chunked, b"zz\r\nx\r\n0\r\n\r\n", 400),
        case(
            "a length that is a word",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ncontent-length: long\r\n\r\n",
            b"",
            400,
        ),
        case(
            "a length that is negative",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ncontent-length: -1\r\n\r\n",
            b"",
            400,
        ),
        case(
            "two lengths",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            b"x",
            400,
        ),
        case(
            "a coding that nobody knows",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ntransfer-encoding: magic\r\n\r\n",
            b"",
            400,
        ),
        case(
            "a coding besides that in chunks",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            b"0\r\n\r\n",
            501,
        ),
        case(
            "chunks in chunks",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ntransfer-encoding: chunked, chunked\r\n\r\n",
            b"0\r\n\r\n",
            400,
        ),
        case(
            "a length that no signed number holds",
            "POST /rooms HTTP/1.1\r\nhost: inn\r\ncontent-length: 9223372036854775808\r\n\r\n",
            b"",
            400,
        ),
        case(
            "a space in a header's name",
            "GET /rooms HTTP/1.1\r\nhost: inn\r\nx y: z\r\n\r\n",
            b"",
            400,
        ),
        case(
            "a header without a colon",
            "GET /rooms HTTP/1.1\r\nhost: inn\r\nnonsense\r\n\r\n",
            b"",
            400,
        ),
        case(
            "a zero byte in a header",
            "GET /rooms HTTP/1.1\r\nhost: inn\r\nx: a\0b\r\n\r\n",
            b"",
            400,
        ),
        case("no version", "GET /rooms\r\n\r\n", b"", 400),
        case(
            "a version of the future",
            "GET /rooms HTTP/9.9\r\nhost: inn\r\n\r\n",
            b"",
            400,
        ),
        case("no request at all", "\x16\x03\x01\x02\r\n\r\n", b"", 400),
        case(
            "a space in the path",
            "GET /rooms/1 2 HTTP/1.1\r\nhost: inn\r\n\r\n",
            b"",
            400,
        ),
        headed("very many headers", "GET /rooms", &many, 431),
        headed("a very wide header", "GET /rooms", &wide, 431),
    ]
}
