//! A message as its stream keeps it. A server keeps whatever was published, also with headers that no client can read: the client library ends its connection
//! over such a message, or takes it for something else, whenever it is delivered. So it is asked for here by its place, and read as bytes.

use async_nats::jetstream::context::{RequestError, RequestErrorKind};
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::NatsError;

/// How each block of headers begins.
const BEGINNING: &str = "NATS/1.0";

/// A message as its stream keeps it.
#[derive(Debug)]
pub(super) struct RawMessage {
    pub subject: String,
    pub sequence: u64,
    /// When the stream got it.
    pub time: OffsetDateTime,
    /// Its block of headers, if it has one.
    pub headers: Vec<u8>,
    pub payload: Vec<u8>,
}

/// Which message is asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Wanted<'a> {
    /// The first one at a subject, which may have wildcards, from a sequence on.
    Next { seq: u64, next_by_subj: &'a str },
    /// The one of a sequence.
    At { seq: u64 },
    /// The last one at a subject, which may have wildcards.
    Last { last_by_subj: &'a str },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Response {
    Found { message: Stored },
    Failed { error: jetstream::Error },
}

#[derive(Deserialize)]
struct Stored {
    subject: String,
    seq: u64,
    time: String,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

/// Asks a stream for a message; none when it has no such.
pub(super) async fn find(
    context: &Context,
    stream: &str,
    wanted: &Wanted<'_>,
) -> Result<Option<RawMessage>, NatsError> {
    let asked = context.request(format!("STREAM.MSG.GET.{stream}"), wanted);
    let response: Response = asked.await.map_err(|error| failure(stream, &error))?;
    let unusable = |reason: String| NatsError::Stream {
        stream: stream.to_owned(),
        reason,
    };
    match response {
        Response::Found { message } => message.read().map(Some).map_err(unusable),
        Response::Failed { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => Ok(None),
        Response::Failed { error } => Err(unusable(error.to_string())),
    }
}

fn failure(stream: &str, error: &RequestError) -> NatsError {
    match error.kind() {
        RequestErrorKind::TimedOut => {
            NatsError::Unreachable("it does not answer in time".to_owned())
        }
        _ => NatsError::Stream {
            stream: stream.to_owned(),
            reason: error.to_string(),
        },
    }
}

impl Stored {
    fn read(self) -> Result<RawMessage, String> {
        let decoded = |text: &str| STANDARD.decode(text).map_err(|error| error.to_string());
        let time = OffsetDateTime::parse(&self.time, &Rfc3339);
        Ok(RawMessage {
            time: time.map_err(|error| error.to_string())?,
            headers: decoded(&self.hdrs)?,
            payload: decoded(&self.data)?,
            subject: self.subject,
            sequence: self.seq,
        })
    }
}

impl RawMessage {
    /// Its headers as the client library reads them, or why it cannot read the message.
    pub(super) fn read_headers(&self) -> Result<HeaderMap, &'static str> {
        // The server's JSON has this character for what is not UTF-8.
        let is_odd = |char: char| char.is_whitespace() || char == char::REPLACEMENT_CHARACTER;
        if self.subject.contains(is_odd) {
            return Err("its subject is not UTF-8 without blanks");
        }
        read_headers(&self.headers)
    }
}

fn read_headers(block: &[u8]) -> Result<HeaderMap, &'static str> {
    let mut headers = HeaderMap::new();
    if block.is_empty() {
        return Ok(headers);
    }
    let text = std::str::from_utf8(block).map_err(|_| "its headers are not UTF-8")?;
    let mut lines = text.lines().peekable();
    let status = lines.next().and_then(|line| line.strip_prefix(BEGINNING));
    match status.map(str::trim) {
        None => return Err("its headers do not begin with `NATS/1.0`"),
        // A success is no status to the client.
        Some("" | "200") => {}
        // A server says so to a client; in a message it would be taken for that.
        Some(_) => return Err("its headers have a status, as only a server's own messages have"),
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or("a line of its headers has no colon")?;
        let name: HeaderName = name
            .parse()
            .map_err(|_| "the name of one of its headers is not visible ASCII")?;
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        let value: HeaderValue = value
            .trim_end()
            .parse()
            .map_err(|_| "one of its headers has a carriage return in it")?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_the_client_reads_them() {
        let read = |block: &str| read_headers(block.as_bytes());
        let headers = read("NATS/1.0\r\nce-id: a\r\nX: 1\r\nX:2 \r\n  3\r\n\r\n").unwrap();
        assert_eq!(headers.get("ce-id").map(HeaderValue::as_str), Some("a"));
        let all: Vec<_> = headers.get_all("X").map(HeaderValue::as_str).collect();
        assert_eq!(all, ["1", "2   3"]);
        for (block, said) in [
            (&b"NATS/1.0\r\nX-A: \xff\xfe\r\n\r\n"[..], "not UTF-8"),
            (b"NATS/1.0\r\nno colon here\r\n\r\n", "no colon"),
            (b"NATS/1.0\r\nA B: x\r\n\r\n", "not visible ASCII"),
            (b"NATS/1.0 100 Idle\r\n\r\n", "a status"),
            (b"NATS/1.0 503\r\n\r\n", "a status"),
            (b"NATS/1.0\r\nX: a\rb\r\n\r\n", "carriage return"),
            (b"HTTP/1.1\r\n\r\n", "do not begin"),
        ] {
            let refused = read_headers(block).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(read_headers(b"").unwrap().is_empty());
    }
}
