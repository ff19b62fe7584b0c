//! Bad input: each case gets the right problem, and changes nothing.

use innkeeper_tests::{Inn, Reply, raw};
use serde_json::json;

/// A request as bytes, and the status that answers it.
struct Case {
    what: &'static str,
    head: String,
    body: Vec<u8>,
    status: u16,
}

const POST_ROOMS: &str = "POST /rooms";
const POST_RESERVATIONS: &str = "POST /reservations";
const POST_REVIEWS: &str = "POST /reviews";
const JSON: &str = "content-type: application/json\r\n";

/// With a body and its length.
fn with_body(
    what: &'static str,
    line: &str,
    headers: &str,
    body: impl Into<Vec<u8>>,
    status: u16,
) -> Case {
    let body = body.into();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: inn\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    Case {
        what,
        head,
        body,
        status,
    }
}

/// A JSON body, or what should have been one.
fn json_body(what: &'static str, line: &str, body: impl Into<Vec<u8>>, status: u16) -> Case {
    with_body(what, line, JSON, body, status)
}

/// Without a body.
fn plain(what: &'static str, line: &str, status: u16) -> Case {
    Case {
        what,
        head: format!("{line} HTTP/1.1\r\nhost: inn\r\n\r\n"),
        body: Vec::new(),
        status,
    }
}

/// Without a body, with headers.
fn headed(what: &'static str, line: &str, headers: &str, status: u16) -> Case {
    Case {
        what,
        head: format!("{line} HTTP/1.1\r\nhost: inn\r\n{headers}\r\n"),
        body: Vec::new(),
        status,
    }
}

fn malformed_json() -> Vec<Case> {
    let deep = "[".repeat(10_000);
    let bodies: [(&str, Vec<u8>); 21] = [
        ("nothing", b"".into()),
        ("spaces", b"   ".into()),
        ("an open object", b"{".into()),
        ("an open text", br#"{"desc": "x"#.into()),
        ("a text without quotes", br#"{"desc": x}"#.into()),
        ("a key without quotes", br#"{desc: "x"}"#.into()),
        ("single quotes", br#"{'desc': 'x'}"#.into()),
        ("a comma too many", br#"{"desc": "x",}"#.into()),
        ("no colon", br#"{"desc" "x"}"#.into()),
        ("two values", br#"{"desc": "x"} {"desc": "y"}"#.into()),
        ("something behind it", br#"{"desc": "x"} x"#.into()),
        ("a comment", br#"{"desc": "x" /* nice */}"#.into()),
        ("an escape that does not exist", br#"{"desc": "\x"}"#.into()),
        ("half an escape", br#"{"desc": "\u12"}"#.into()),
        ("a control character", b"{\"desc\": \"a\x01b\"}".into()),
        ("a zero byte", b"{\"desc\": \"a\0b\"}".into()),
        ("no UTF-8", b"{\"desc\": \"\xff\xfe\"}".into()),
        ("half a character of UTF-8", b"{\"desc\": \"\xc3\"}".into()),
        ("a byte order mark", b"\xef\xbb\xbf{\"desc\": \"x\"}".into()),
        ("not a number", br#"{"desc": NaN}"#.into()),
        ("ten thousand arrays", deep.into()),
    ];
    bodies
        .into_iter()
        .map(|(what, body)| json_body(what, POST_ROOMS, body, 400))
        .collect()
}

fn wrong_shapes() -> Vec<Case> {
    let long = format!(r#"{{"desc": "{}"}}"#, "x".repeat(2_001));
    let rows: Vec<(&'static str, &'static str, &str)> = vec![
        ("null instead of an object", POST_ROOMS, "null"),
        ("a number instead of an object", POST_ROOMS, "1"),
        ("a text instead of an object", POST_ROOMS, r#""desc""#),
        (
            "an array instead of an object",
            POST_ROOMS,
            r#"["Beautiful House"]"#,
        ),
        ("an empty array", POST_ROOMS, "[]"),
        ("no desc", POST_ROOMS, "{}"),
        ("desc null", POST_ROOMS, r#"{"desc": null}"#),
        ("desc a number", POST_ROOMS, r#"{"desc": 1}"#),
        ("desc a truth", POST_ROOMS, r#"{"desc": true}"#),
        ("desc an object", POST_ROOMS, r#"{"desc": {}}"#),
        ("desc an array", POST_ROOMS, r#"{"desc": ["x"]}"#),
        ("desc empty", POST_ROOMS, r#"{"desc": ""}"#),
        ("desc blank", POST_ROOMS, r#"{"desc": " \t"}"#),
        (
            "desc with a lonely surrogate",
            POST_ROOMS,
            r#"{"desc": "\ud800"}"#,
        ),
        ("desc too long", POST_ROOMS, &long),
        ("desc twice", POST_ROOMS, r#"{"desc": "x", "desc": "y"}"#),
        (
            "an unknown field",
            POST_ROOMS,
            r#"{"desc": "x", "price": 1}"#,
        ),
        (
            "an id of one's own",
            POST_ROOMS,
            r#"{"desc": "x", "roomId": 7}"#,
        ),
        (
            "a status of one's own",
            POST_ROOMS,
            r#"{"desc": "x", "status": "reserved"}"#,
        ),
        (
            "a review count of one's own",
            POST_ROOMS,
            r#"{"desc": "x", "reviewCnt": 5}"#,
        ),
        ("another case of the name", POST_ROOMS, r#"{"Desc": "x"}"#),
        ("no roomId", POST_RESERVATIONS, "{}"),
        ("roomId a text", POST_RESERVATIONS, r#"{"roomId": "1"}"#),
        ("roomId negative", POST_RESERVATIONS, r#"{"roomId": -1}"#),
        ("roomId a fraction", POST_RESERVATIONS, r#"{"roomId": 1.5}"#),
        (
            "roomId with an exponent",
            POST_RESERVATIONS,
            r#"{"roomId": 1e2}"#,
        ),
        (
            "roomId too big",
            POST_RESERVATIONS,
            r#"{"roomId": 18446744073709551616}"#,
        ),
        ("roomId enormous", POST_RESERVATIONS, r#"{"roomId": 1e400}"#),
        ("roomId null", POST_RESERVATIONS, r#"{"roomId": null}"#),
        ("roomId an array", POST_RESERVATIONS, r#"{"roomId": [1]}"#),
        (
            "a room that does not exist",
            POST_RESERVATIONS,
            r#"{"roomId": 4711}"#,
        ),
        ("room zero", POST_RESERVATIONS, r#"{"roomId": 0}"#),
        (
            "a reservation that is reserved already",
            POST_RESERVATIONS,
            r#"{"roomId": 1, "status": "reserved"}"#,
        ),
        (
            "a reservation that is paid already",
            POST_RESERVATIONS,
            r#"{"roomId": 1, "payId": 1}"#,
        ),
        (
            "a guest who is a text",
            POST_RESERVATIONS,
            r#"{"roomId": 1, "guestId": "me"}"#,
        ),
        (
            "a guest who is negative",
            POST_RESERVATIONS,
            r#"{"roomId": 1, "guestId": -7}"#,
        ),
        ("no content", POST_REVIEWS, r#"{"roomId": 1}"#),
        ("no room to review", POST_REVIEWS, r#"{"content": "x"}"#),
        (
            "a review of a room that does not exist",
            POST_REVIEWS,
            r#"{"roomId": 4711, "content": "x"}"#,
        ),
        (
            "a review with an id",
            POST_REVIEWS,
            r#"{"roomId": 1, "content": "x", "reviewId": 9}"#,
        ),
        (
            "content a number",
            POST_REVIEWS,
            r#"{"roomId": 1, "content": 5}"#,
        ),
        (
            "a review moved to another room",
            "PATCH /reviews/1",
            r#"{"roomId": 2, "content": "x"}"#,
        ),
        ("a change of nothing", "PATCH /rooms/1", "{}"),
        (
            "a change of the status",
            "PATCH /rooms/1",
            r#"{"status": "reserved"}"#,
        ),
        (
            "a change of the id",
            "PATCH /rooms/1",
            r#"{"desc": "x", "roomId": 2}"#,
        ),
        (
            "straight to reserved",
            "PATCH /reservations/1",
            r#"{"status": "reserved"}"#,
        ),
        (
            "straight to cancelled",
            "PATCH /reservations/1",
            r#"{"status": "cancelled"}"#,
        ),
        (
            "back to the request",
            "PATCH /reservations/1",
            r#"{"status": "reqReserve"}"#,
        ),
        (
            "a status in capitals",
            "PATCH /reservations/1",
            r#"{"status": "REQCANCEL"}"#,
        ),
        (
            "a status that is null",
            "PATCH /reservations/1",
            r#"{"status": null}"#,
        ),
        (
            "a status that is an object",
            "PATCH /reservations/1",
            r#"{"status": {"reqCancel": null}}"#,
        ),
        (
            "a status and more",
            "PATCH /reservations/1",
            r#"{"status": "reqCancel", "payId": 5}"#,
        ),
        (
            "a reservation moved to another room",
            "PATCH /reservations/1",
            r#"{"roomId": 2}"#,
        ),
    ];
    rows.into_iter()
        .map(|(what, line, body)| json_body(what, line, body, 422))
        .collect()
}

fn paths_and_methods() -> Vec<Case> {
    let long = format!("GET /rooms/{}", "1".repeat(9_000));
    let long_query = format!("GET /rooms?page={}", "1".repeat(9_000));
    let rows: Vec<(&'static str, &str, u16)> = vec![
        ("no such path", "GET /nothing", 404),
        ("the root", "GET /", 404),
        ("a path in capitals", "GET /Rooms", 404),
        ("a slash too many at the end", "GET /rooms/", 404),
        ("a slash too many at the front", "GET //rooms", 404),
        ("a path below a room", "GET /rooms/1/beds", 404),
        ("a step upwards", "GET /rooms/../payments", 404),
        ("a file of the host", "GET /../../../etc/passwd", 404),
        ("an encoded step upwards", "GET /rooms/%2e%2e/payments", 404),
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

fn headers() -> Vec<Case> {
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

fn sizes_and_framing() -> Vec<Case> {
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

#[tokio::test]
async fn each_case_gets_the_right_problem_and_changes_nothing() {
    let inn = Inn::open().await;
    let stay = inn.stay();
    let room = stay.room("as it was").await;
    stay.booked(room).await;
    stay.review(room, "as it was").await;
    stay.shows("/rooms/1", json!({"reviewCnt": 1})).await;
    let before = inn.at_rest().await;

    let cases = [
        malformed_json(),
        wrong_shapes(),
        paths_and_methods(),
        headers(),
        sizes_and_framing(),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let mut bytes = case.head.clone().into_bytes();
        bytes.extend_from_slice(&case.body);
        let reply = raw(inn.gateway().base(), &bytes).await;
        if let Err(difference) = is_problem(reply, case.status) {
            wrong.push(format!("{}: {difference}", case.what));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert_eq!(inn.at_rest().await, before);
    // And it still serves.
    stay.room("as ever").await;
}

fn is_problem(reply: Option<Reply>, status: u16) -> Result<(), String> {
    let Some(reply) = reply else {
        return Err(format!("the connection was closed instead of {status}"));
    };
    if reply.status != status {
        return Err(format!(
            "{} instead of {status}: {}",
            reply.status, reply.text
        ));
    }
    // What cannot be parsed as HTTP at all is answered by the parser, without a body.
    if reply.text.is_empty() && (status == 400 || status == 431 || status == 414) {
        return Ok(());
    }
    if reply.header("content-type") != "application/problem+json" {
        return Err(format!("no problem: {:?} {}", reply.headers, reply.text));
    }
    let title = reply.body["title"].as_str().unwrap_or_default();
    if reply.body["status"] != status || title.len() < 4 {
        return Err(format!("an odd problem: {}", reply.text));
    }
    if status == 405 && reply.header("allow").is_empty() {
        return Err("405 without Allow".to_owned());
    }
    Ok(())
}

#[tokio::test]
async fn what_looks_odd_but_is_right_is_accepted() {
    let inn = Inn::open().await;
    let stay = inn.stay();
    let send = async |head: &str, body: &str| {
        let bytes = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        raw(inn.gateway().base(), bytes.as_bytes())
            .await
            .expect("an answer")
    };
    let post = "POST /rooms HTTP/1.1\r\nhost: inn\r\n";
    let typed = format!("{post}content-type: Application/JSON; charset=\"UTF-8\"\r\n");
    assert_eq!(
        send(&typed, r#"{"desc": "caf\u00e9 ☕ \ud83d\ude00"}"#)
            .await
            .expect(201)
            .body["desc"],
        "café ☕ 😀"
    );
    send(&format!("{post}{JSON}"), " \n{\"desc\": \" x \"}\r\n")
        .await
        .expect(201);
    send(
        &format!("{post}{JSON}expect: 100-continue\r\n"),
        r#"{"desc": "x"}"#,
    )
    .await;
    assert_eq!(
        stay.client().get("/rooms/%31").await.expect(200).body["roomId"],
        1
    );
    assert_eq!(
        stay.client()
            .get("/rooms?color=blue&page=0")
            .await
            .expect(200)
            .body["page"],
        0
    );
    let options = raw(
        inn.gateway().base(),
        b"OPTIONS /rooms/1 HTTP/1.1\r\nhost: inn\r\n\r\n",
    )
    .await
    .unwrap();
    assert_eq!(
        (options.status, options.header("allow")),
        (204, "DELETE, GET, HEAD, OPTIONS, PATCH")
    );
    let head = stay
        .client()
        .request(http::Method::HEAD, "/rooms/1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.status().as_u16(), head.content_length()),
        (200, Some(0))
    );
}
