//! How a line looks.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use serde::Serialize;

use crate::core::{Correlation, Timestamp};
use crate::gateway::forwarded::Scheme;
use crate::gateway::span::protocol_version;
use crate::observe::sanitize;

/// What is told of a request whose client went away before it was answered, as nginx tells it.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// How much is told of a method, of a path or a query, and of a client's name for itself, in bytes: nobody's lines keep out those of others.
const LONGEST_METHOD: usize = 32;
const LONGEST_TARGET: usize = 2 * 1024;
const LONGEST_USER_AGENT: usize = 512;

/// What is told of a request.
pub(super) struct Entry<'a> {
    pub time: u64,
    pub took: Duration,
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub version: Version,
    pub scheme: Scheme,
    /// Whom the connection is with.
    pub peer: IpAddr,
    /// Who has asked, as far as trusted proxies say.
    pub client: IpAddr,
    pub user_agent: Option<&'a HeaderValue>,
    pub outcome: Outcome,
    pub route: Option<&'a str>,
    pub context: Option<&'a str>,
    pub context_version: Option<&'a str>,
    pub correlation: &'a Correlation,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With this status, and a body of so many bytes.
    Answered(StatusCode, u64),
    /// Its client went away before it was answered.
    ClientGone,
    /// The host has stopped before it was answered.
    CutOff,
    /// What was to answer it has panicked.
    Panicked,
}

impl Outcome {
    /// Whether it is the server that failed.
    pub(super) fn is_server_error(self) -> bool {
        (500..600).contains(&self.status())
    }

    /// What it is told with: where nothing was answered, what would have been.
    fn status(self) -> u16 {
        match self {
            Self::Answered(status, _) => status.as_u16(),
            Self::ClientGone => CLIENT_CLOSED_REQUEST,
            Self::CutOff => StatusCode::SERVICE_UNAVAILABLE.as_u16(),
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
        }
    }

    fn error(self) -> Option<String> {
        match self {
            Self::CutOff => Some("shutdown".to_owned()),
            Self::Panicked => Some("panic".to_owned()),
            _ => self.is_server_error().then(|| self.status().to_string()),
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::Answered(_, size) => size,
            _ => 0,
        }
    }
}

/// A line in JSON. The names are those of OpenTelemetry's semantic conventions, where they have one.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: Timestamp,
    #[serde(rename = "http.request.method")]
    method: &'a str,
    #[serde(rename = "url.scheme")]
    scheme: &'a str,
    #[serde(rename = "url.path")]
    path: &'a str,
    #[serde(rename = "url.query", skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    #[serde(rename = "http.route", skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(rename = "http.response.status_code")]
    status: u16,
    #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(rename = "http.response.body.size")]
    size: u64,
    /// In seconds, until the answer was ready.
    #[serde(rename = "http.server.request.duration")]
    took: f64,
    #[serde(rename = "client.address")]
    client: IpAddr,
    #[serde(rename = "network.peer.address")]
    peer: IpAddr,
    #[serde(rename = "network.protocol.name")]
    protocol: &'static str,
    #[serde(rename = "network.protocol.version")]
    version: &'static str,
    #[serde(
        rename = "user_agent.original",
        skip_serializing_if = "Option::is_none"
    )]
    user_agent: Option<String>,
    trace_id: String,
    span_id: String,
    #[serde(rename = "innkeeper.correlation_id")]
    correlation_id: &'a str,
    #[serde(rename = "innkeeper.context", skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(rename = "innkeeper.version", skip_serializing_if = "Option::is_none")]
    context_version: Option<&'a str>,
}

impl Entry<'_> {
    fn method(&self) -> &str {
        cut(self.method.as_str(), LONGEST_METHOD)
    }

    fn path(&self) -> &str {
        cut(self.uri.path(), LONGEST_TARGET)
    }

    fn query(&self, is_told: bool) -> Option<&str> {
        let query = self.uri.query().filter(|_| is_told)?;
        Some(cut(query, LONGEST_TARGET))
    }

    /// An object of JSON in one line.
    pub(super) fn json(&self, tells_query: bool) -> String {
        let trace = &self.correlation.trace;
        let line = Line {
            timestamp: Timestamp(self.time),
            method: self.method(),
            scheme: self.scheme.as_str(),
            path: self.path(),
            query: self.query(tells_query),
            route: self.route,
            status: self.outcome.status(),
            error: self.outcome.error(),
            size: self.outcome.size(),
            took: self.took.as_secs_f64(),
            client: self.client,
            peer: self.peer,
            protocol: "http",
            version: protocol_version(self.version),
            user_agent: self.user_agent.map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes());
                cut(&text, LONGEST_USER_AGENT).to_owned()
            }),
            trace_id: trace.trace_id(),
            span_id: trace.span_id(),
            correlation_id: &self.correlation.id,
            context: self.context,
            context_version: self.context_version,
        };
        // Texts and numbers can always be written.
        let line = serde_json::to_string(&line).unwrap_or_default();
        let mut line = sanitize::json(&line).into_owned();
        line.push('\n');
        line
    }

    /// A line in the Common Log Format.
    pub(super) fn common(&self, tells_query: bool) -> String {
        let mut line = format!("{} - - [{}] \"", self.client, self.calendar());
        escape(&mut line, self.method());
        line.push(' ');
        escape(&mut line, self.path());
        if let Some(query) = self.query(tells_query) {
            line.push('?');
            escape(&mut line, query);
        }
        let protocol = match self.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            _ => "HTTP/1.1",
        };
        let size = match self.outcome.size() {
            0 => "-".to_owned(),
            size => size.to_string(),
        };
        // Writing into a text does not fail.
        let _ = writeln!(line, " {protocol}\" {} {size}", self.outcome.status());
        line
    }

    /// The time as the Common Log Format has it: `10/Oct/2000:13:55:36 +0000`.
    fn calendar(&self) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let text = Timestamp(self.time).to_string();
        let part = |range| text.get(range).unwrap_or_default();
        let month = part(5..7).parse::<usize>().ok();
        let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
        format!(
            "{}/{}/{}:{} +0000",
            part(8..10),
            month.unwrap_or(&"Jan"),
            part(0..4),
            part(11..19)
        )
    }
}

/// The beginning of a text, of so many bytes at most.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

/// Adds a text with everything that could end its field, or its line, escaped as Apache does.
fn escape(line: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                line.push('\\');
                line.push(char::from(byte));
            }
            b' '..=b'~' => line.push(char::from(byte)),
            _ => {
                // Writing into a text does not fail.
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn correlation() -> Correlation {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-correlation-id", HeaderValue::from_static("order-\"7"));
        Correlation::of(&headers).unwrap()
    }

    fn with<T>(target: &str, user_agent: &[u8], look: impl FnOnce(Entry<'_>) -> T) -> Option<T> {
        let uri: Uri = target.parse().ok()?;
        let user_agent = HeaderValue::from_bytes(user_agent).ok()?;
        let correlation = correlation();
        Some(look(Entry {
            time: 971_186_136_000,
            took: Duration::from_micros(1_500),
            method: &Method::GET,
            uri: &uri,
            version: Version::HTTP_11,
            scheme: Scheme::Https,
            peer: Ipv4Addr::LOCALHOST.into(),
            client: Ipv4Addr::new(192, 0, 2, 7).into(),
            user_agent: Some(&user_agent),
            outcome: Outcome::Answered(StatusCode::OK, 2326),
            route: Some("/rooms/{id}"),
            context: Some("room"),
            context_version: Some("3"),
            correlation: &correlation,
        }))
    }

    #[test]
    fn the_common_format_is_that_of_apache() {
        let lines = with("/rooms/1?token=secret", b"curl", |entry| {
            [entry.common(false), entry.common(true)]
        });
        assert_eq!(
            lines.unwrap(),
            [
                "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"GET /rooms/1 HTTP/1.1\" 200 2326\n",
                "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"GET /rooms/1?token=secret HTTP/1.1\" 200 2326\n",
            ]
        );
    }

    #[test]
    fn json_has_the_names_of_the_semantic_conventions_and_no_query_unless_it_is_asked_for() {
        let lines = with("/rooms/1?token=secret", b"curl", |entry| {
            [entry.json(false), entry.json(true)]
        });
        let [without, with] = lines.unwrap();
        assert!(!without.contains("secret"), "{without}");
        let line: Value = serde_json::from_str(&with).unwrap();
        for (name, value) in [
            ("timestamp", "2000-10-10T13:55:36.000Z".into()),
            ("http.request.method", "GET".into()),
            ("url.scheme", "https".into()),
            ("url.path", "/rooms/1".into()),
            ("url.query", "token=secret".into()),
            ("http.route", "/rooms/{id}".into()),
            ("http.response.status_code", 200.into()),
            ("http.response.body.size", 2326.into()),
            ("http.server.request.duration", 0.0015.into()),
            ("client.address", "192.0.2.7".into()),
            ("network.peer.address", "127.0.0.1".into()),
            ("network.protocol.version", "1.1".into()),
            ("user_agent.original", "curl".into()),
            ("innkeeper.correlation_id", "order-\"7".into()),
            ("innkeeper.context", "room".into()),
            ("innkeeper.version", Value::from("3")),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
        assert_eq!(line.get("error.type"), None);
    }

    #[test]
    fn what_was_never_answered_is_told_by_who_ended_it() {
        for (outcome, status, is_server_error, error) in [
            // As nginx tells it.
            (Outcome::ClientGone, 499, false, None),
            (Outcome::CutOff, 503, true, Some("shutdown")),
            (Outcome::Panicked, 500, true, Some("panic")),
        ] {
            let lines = with("/", b"curl", |mut entry| {
                entry.outcome = outcome;
                (entry.common(false), entry.json(false))
            });
            let (common, json) = lines.unwrap();
            assert!(common.ends_with(&format!("\" {status} -\n")), "{common}");
            let line: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(line.get("error.type").and_then(Value::as_str), error);
            assert_eq!(outcome.is_server_error(), is_server_error);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_stays_in_its_field(
            path in prop::collection::vec(any::<char>(), 0..40),
            user_agent in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let path: String = path.into_iter().collect();
            let user_agent: Vec<u8> = user_agent.into_iter().filter(|byte| *byte >= b' ' && *byte != 127).collect();
            let lines = with(&format!("/{path}"), &user_agent, |entry| (entry.common(true), entry.json(true)));
            if let Some((common, json)) = lines {
                prop_assert_eq!(common.matches('\n').count(), 1);
                prop_assert!(common.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", common);
                // The field ends where it ends.
                let unescaped = common.replace("\\\\", "").replace("\\\"", "");
                prop_assert_eq!(unescaped.matches('"').count(), 2, "{}", common);
                prop_assert_eq!(json.matches('\n').count(), 1);
                let line: Value = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&line["innkeeper.context"], "room");
            }
        }
    }

    #[test]
    fn long_fields_are_cut() {
        let lines = with(
            &format!("/{}?{}", "a".repeat(20_000), "é".repeat(20_000)),
            &[b'x'; 20_000],
            |entry| [entry.common(true), entry.json(true)],
        );
        for line in lines.unwrap() {
            assert!(line.len() < 12_000, "{}", line.len());
        }
    }
}
