//! Bodies that are no JSON, or JSON of another shape.

use super::{Case, POST_RESERVATIONS, POST_REVIEWS, POST_ROOMS, json_body};

pub(super) fn malformed_json() -> Vec<Case> {
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

pub(super) fn wrong_shapes() -> Vec<Case> {
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
