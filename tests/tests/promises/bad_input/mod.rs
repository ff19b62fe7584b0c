//! Bad input: each case gets the right problem, and changes nothing.

mod bodies;
mod framing;

use http::Method;
use innkeeper_tests::{Reply, TestHost, raw};
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

#[tokio::test]
async fn each_case_gets_the_right_problem_and_changes_nothing() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("as it was").await;
    stay.booked(room).await;
    stay.review(room, "as it was").await;
    stay.shows("/rooms/1", json!({"reviewCnt": 1})).await;
    let before = host.at_rest().await;

    let cases = [
        bodies::malformed_json(),
        bodies::wrong_shapes(),
        framing::paths_and_methods(),
        framing::headers(),
        framing::sizes_and_framing(),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let mut bytes = case.head.clone().into_bytes();
        bytes.extend_from_slice(&case.body);
        let reply = raw(host.gateway().base(), &bytes).await;
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
    assert_eq!(host.at_rest().await, before);
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
    if reply.header("content-type") != "application/problem+json" {
        return Err(format!("no problem: {:?} {}", reply.headers, reply.text));
    }
    let title = reply.body["title"].as_str().unwrap_or_default();
    if reply.body["status"] != status || title.len() < 4 {
        return Err(format!("an odd problem: {}", reply.text));
    }
    if reply.header("x-correlation-id").is_empty() {
        return Err("no correlation id".to_owned());
    }
    if status == 405 && reply.header("allow").is_empty() {
        return Err("405 without Allow".to_owned());
    }
    Ok(())
}

#[tokio::test]
async fn what_looks_odd_but_is_right_is_accepted() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let send = async |head: &str, body: &str| {
        let bytes = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        raw(host.gateway().base(), bytes.as_bytes())
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
        host.gateway().base(),
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
        .request(Method::HEAD, "/rooms/1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.status().as_u16(), head.content_length()),
        (200, Some(0))
    );
}
