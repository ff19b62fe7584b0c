//! The response to what cannot be parsed as HTTP/1.1.
//!
//! The parser of HTTP/1.1 answers that by itself, with a status and nothing else, and offers no place to say more. It is answered here instead, as every other
//! mistake is: with a problem, and an id to find it by.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::{problem::Problem, response};
use crate::core::{Correlation, TraceContext};

/// The fields that the parser's own answers have, and no others; whatever else is answered has more.
const ITS_FIELDS: [&str; 3] = ["connection", "content-length", "date"];

/// The answer to be given instead, when a message that begins with these bytes is the parser's own.
pub(super) fn response_instead_of(message: &[u8]) -> Option<Bytes> {
    let (status, date) = parsers(message)?;
    let detail = match status {
        StatusCode::URI_TOO_LONG => "the request's target is too long",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the request has more than 100 fields, or its head more than 64 KiB"
        }
        _ => "this is not an HTTP/1.1 request: its first line or a header cannot be parsed",
    };
    Some(bytes(status, detail, date))
}

/// The answer to who speaks plain HTTP where TLS is spoken.
pub(super) fn response_to_plain_text() -> Bytes {
    let detail = "this port speaks TLS: ask it by https:// instead of http://";
    bytes(StatusCode::BAD_REQUEST, detail, None)
}

fn bytes(status: StatusCode, detail: &'static str, date: Option<HeaderValue>) -> Bytes {
    let correlation = Correlation::of_trace(TraceContext::new());
    tracing::debug!(
        correlation_id = correlation.id.as_str(),
        status = status.as_u16(),
        "the connection sent something that is not a request"
    );
    let problem = Problem::new(status, detail);
    let body = problem.body(Some(&correlation.id));
    let mut response = problem.answer(Some(&correlation.id));
    response::correlate(&mut response, &correlation);
    let fields = response.headers_mut();
    fields.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    fields.insert(http::header::CONTENT_LENGTH, body.len().into());
    fields.extend(date.map(|date| (http::header::DATE, date)));
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes.into()
}

/// The status and the date of an answer of the parser's own.
fn parsers(message: &[u8]) -> Option<(StatusCode, Option<HeaderValue>)> {
    let rest = message.strip_prefix(b"HTTP/1.1 4")?;
    let head = rest.strip_suffix(b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.split(' ').next()?;
    let status = StatusCode::from_bytes(format!("4{status}").as_bytes()).ok()?;
    let mut date = None;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        if !ITS_FIELDS.contains(&name) {
            return None;
        }
        if name == "date" {
            date = HeaderValue::from_str(value).ok();
        }
    }
    Some((status, date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_parsers_own_answers_are_replaced() {
        let date = "date: Wed, 25 Nov 2026 21:49:39 GMT\r\n";
        for status in ["400 Bad Request", "431 Request Header Fields Too Large"] {
            let own = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n{date}\r\n");
            let answer = response_instead_of(own.as_bytes()).unwrap();
            let answer = std::str::from_utf8(&answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")));
            assert!(answer.contains("x-correlation-id: ") && answer.contains(date));
            assert!(answer.contains("application/problem+json"), "{answer}");
        }
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-correlation-id: a\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 1\r\n\r\nx",
            "HTTP/1.1 4",
            "",
        ] {
            assert_eq!(response_instead_of(other.as_bytes()), None, "{other}");
        }
    }
}
