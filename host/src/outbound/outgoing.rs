//! A request as it goes out: to whom it may, with what the host has to say of it, and without what is of one connection.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Scheme;
use http::{Method, Uri};

use super::{Envelope, OutboundClient};
use crate::core::correlation::{BAGGAGE, CORRELATION_ID, TRACEPARENT, TRACESTATE};
use crate::core::{TraceContext, digest};
use crate::guest::OutboundError;
use crate::manifest::{AllowedOrigin, OriginHost};

/// The header by which a callee knows a request again.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What begins the names of headers that hosts tell each other.
const OF_HOSTS: [&str; 2] = ["x-innkeeper-", "innkeeper-"];
/// The headers that are of one connection, whichever way it is.
const OF_CONNECTION: [HeaderName; 13] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];
/// How much the headers may take, as HTTP/2 counts them, in bytes.
const LONGEST_HEAD: usize = 32 << 10;
/// What HTTP/2 counts for a field besides its name and its value (RFC 9113 6.5.2).
const FIELD: usize = 32;

/// A request that may go out.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Whom it goes to.
    pub origin: AllowedOrigin,
    /// What only the same request has: whoever asks it again in the same invocation is given the same answer.
    pub known_by: String,
    pub request: http::Request<http_body_util::Full<Bytes>>,
}

impl Outgoing {
    pub(super) fn of(
        request: http::Request<Bytes>,
        client: &OutboundClient,
        envelope: &Envelope,
    ) -> Result<Self, OutboundError> {
        let (mut parts, body) = request.into_parts();
        let invalid = |reason: &str| OutboundError::Invalid(reason.to_owned());
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(OutboundError::Method(parts.method.to_string()));
        }
        let origin = origin(&parts.uri, client)?;
        let target = target(&parts, &origin);
        let place = envelope.asked.count(&target)?;
        let known_by = known_by(&parts, &body, &target, place);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse::<Uri>();
        parts.uri = path.map_err(|_| invalid("its path is none"))?;
        parts.version = http::Version::HTTP_11;
        address(&mut parts.headers, &origin, envelope)?;
        let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && !parts.headers.contains_key(IDEMPOTENCY_KEY) {
            let key = idempotency_key(&target, place, envelope);
            insert(&mut parts.headers, IDEMPOTENCY_KEY, &key)?;
        }
        if head_size(&parts.headers) > LONGEST_HEAD {
            let limit = LONGEST_HEAD as u32;
            return Err(OutboundError::HeadTooLong { limit });
        }
        Ok(Self {
            origin,
            known_by,
            request: http::Request::from_parts(parts, body.into()),
        })
    }
}

/// What is asked for: a method, whom, and the path. A query may hold the time.
fn target(parts: &Parts, origin: &AllowedOrigin) -> String {
    let scheme = if origin.tls { "https" } else { "http" };
    let (host, port, path) = (&origin.host, origin.port, parts.uri.path());
    format!("{} {scheme}://{host}:{port}{path}", parts.method)
}

/// What tells a request from all others of its invocation: its place among those for one target, and all that the guest says in it.
fn known_by(parts: &Parts, body: &[u8], target: &str, place: usize) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut fields: Vec<_> = parts.headers.iter().collect();
    // The order of the names says nothing; that of the values of one does.
    fields.sort_by_key(|(name, _)| name.as_str());
    let fields = fields
        .into_iter()
        .flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
    let place = place.to_be_bytes();
    let said = [place.as_slice(), target.as_bytes(), query.as_bytes(), body];
    digest(&said.into_iter().chain(fields).collect::<Vec<_>>())
}

/// What a repeat of a request has, too, whatever it says then: a body may hold the time, and a state may have moved. Who has answered it and is asked
/// something else by the same key can say so.
fn idempotency_key(target: &str, place: usize, envelope: &Envelope) -> String {
    digest(&[
        envelope.conversation.origin().as_bytes(),
        &place.to_be_bytes(),
        target.as_bytes(),
    ])
}

/// What headers take, as HTTP/2 counts them, in bytes.
pub(super) fn head_size(headers: &HeaderMap) -> usize {
    let sizes = headers.iter();
    let sizes = sizes.map(|(name, value)| name.as_str().len() + value.len() + FIELD);
    sizes.sum()
}

/// Whom a request goes to, if the context may ask there.
fn origin(uri: &Uri, client: &OutboundClient) -> Result<AllowedOrigin, OutboundError> {
    let denied = |what: &str| {
        OutboundError::Denied(format!(
            "{what}; `allow_outbound` in [context.{}] says whom it may ask",
            client.context
        ))
    };
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        _ => return Err(denied("only `https` and `http` are asked")),
    };
    let authority = uri
        .authority()
        .ok_or_else(|| denied("the request is for nobody"))?;
    if authority.as_str().contains('@') {
        return Err(denied(
            "a name and a password do not belong into an authority",
        ));
    }
    let host = OriginHost::parse(authority.host());
    let host = host.ok_or_else(|| denied("its host is neither a name nor an address"))?;
    // What is no port is not told from none.
    let says_port = authority.as_str().len() > authority.host().len();
    let port = match (says_port, authority.port_u16()) {
        (true, None) => return Err(denied("its port is none")),
        (_, port) => port.unwrap_or(if tls { 443 } else { 80 }),
    };
    let mut allowed = client.allowed.iter();
    let found = allowed.find(|allowed| allowed.is(tls, &host, port));
    found.cloned().ok_or_else(|| {
        let scheme = if tls { "https" } else { "http" };
        denied(&format!("{scheme}://{host}:{port} is not allowed"))
    })
}

/// Says whom it is for and which story it is a part of, and takes away what is not the guest's to say.
fn address(
    headers: &mut HeaderMap,
    origin: &AllowedOrigin,
    envelope: &Envelope,
) -> Result<(), OutboundError> {
    let is_of_hosts = |name: &HeaderName| {
        let mut beginnings = OF_HOSTS.iter();
        beginnings.any(|beginning| name.as_str().starts_with(beginning))
    };
    let names: Vec<HeaderName> = headers.keys().cloned().collect();
    for name in names {
        if OF_CONNECTION.contains(&name) || is_of_hosts(&name) {
            headers.remove(&name);
        }
    }
    insert(headers, header::HOST, &origin.authority())?;
    let trace: &TraceContext = &envelope.trace;
    insert(headers, TRACEPARENT, &trace.to_string())?;
    headers.remove(TRACESTATE);
    if let Some(state) = trace.state() {
        insert(headers, TRACESTATE, state)?;
    }
    if let Some(baggage) = trace.baggage().filter(|_| !headers.contains_key(BAGGAGE)) {
        insert(headers, BAGGAGE, baggage)?;
    }
    insert(headers, CORRELATION_ID, &envelope.correlation_id)
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), OutboundError> {
    let value = HeaderValue::from_str(value);
    let value = value.map_err(|error| OutboundError::Invalid(format!("{name}: {error}")))?;
    let inserted = headers.try_insert(name, value);
    inserted.map_err(|error| OutboundError::Invalid(error.to_string()))?;
    Ok(())
}

/// Takes away what was of the connection that an answer came by.
pub(super) fn without_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        // How long it is was said of what has come.
        if *name != header::CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::core::memory::Budget;
    use crate::manifest::ContextSettings;
    use crate::outbound::Conversation;

    fn client() -> OutboundClient {
        let allowed = ["https://api.example", "http://localhost:9000"];
        let settings = ContextSettings {
            allow_outbound: Some(allowed.map(|origin| origin.parse().unwrap()).to_vec()),
            ..ContextSettings::default()
        };
        OutboundClient::new(&"room".into(), &settings)
    }

    fn envelope(origin: &str) -> Envelope {
        let nothing = Budget::new(1 << 20).nothing();
        Envelope {
            conversation: Conversation::new(origin.to_owned(), nothing, 1 << 20),
            asked: Arc::default(),
            deadline: Instant::now() + Duration::from_secs(1),
            trace: TraceContext::new().with_baggage("tenant=blue"),
            correlation_id: "a-story".parse().unwrap(),
        }
    }

    fn request(method: &str, url: &str, body: &str) -> http::Request<Bytes> {
        let request = http::Request::builder().method(method).uri(url);
        let request = request
            .header("connection", "x-hop")
            .header("te", "trailers")
            .header("traceparent", "mine")
            .header("x-innkeeper-fault", "none")
            .header("content-length", "7")
            .header("x-own", "mine");
        request
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap()
    }

    fn sent(method: &str, url: &str, body: &str, envelope: &Envelope) -> Outgoing {
        Outgoing::of(request(method, url, body), &client(), envelope).unwrap()
    }

    #[test]
    fn only_what_is_allowed_goes_out() {
        for (url, allowed) in [
            ("https://api.example/a?b", true),
            ("https://API.example:443/", true),
            ("http://localhost:9000", true),
            ("http://api.example/", false),
            ("https://api.example:444/", false),
            ("https://api.example:99999/", false),
            ("https://user@api.example/", false),
            ("https://api.example@evil.example/", false),
            ("https://api.example.evil.example/", false),
            ("http://localhost/", false),
            ("/path", false),
            ("ftp://api.example/", false),
        ] {
            let Ok(uri) = url.parse::<Uri>() else {
                assert!(!allowed, "{url}");
                continue;
            };
            let mut request = request("GET", "/", "");
            *request.uri_mut() = uri;
            let outgoing = Outgoing::of(request, &client(), &envelope("a"));
            assert_eq!(outgoing.is_ok(), allowed, "{url}: {outgoing:?}");
        }
        for method in ["CONNECT", "TRACE"] {
            let request = request(method, "https://api.example/", "");
            let refused = Outgoing::of(request, &client(), &envelope("a"));
            assert!(matches!(refused, Err(OutboundError::Method(_))), "{method}");
        }
    }

    #[test]
    fn the_host_says_what_is_its_to_say() {
        let envelope = envelope("a");
        let outgoing = sent("POST", "http://localhost:9000/a?b", "text", &envelope);
        let headers = outgoing.request.headers();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(outgoing.request.uri(), "/a?b");
        assert_eq!(header("host"), Some("localhost:9000"));
        assert_eq!(header("traceparent"), Some(&*envelope.trace.to_string()));
        assert_eq!(header("baggage"), Some("tenant=blue"));
        assert_eq!(header("x-correlation-id"), Some("a-story"));
        assert_eq!(header("x-own"), Some("mine"));
        for name in ["connection", "te", "x-innkeeper-fault", "content-length"] {
            assert_eq!(header(name), None, "{name}");
        }
        let usual = sent("GET", "https://api.example/", "", &envelope);
        assert_eq!(usual.request.headers()["host"], "api.example");
    }

    #[test]
    fn a_key_is_of_one_target_of_one_invocation_whatever_is_said_there() {
        let keys = |origin, requests: &[(&str, &str, &str)]| {
            let envelope = envelope(origin);
            let keys = requests.iter().map(|(method, url, body)| {
                let outgoing = sent(method, url, body, &envelope);
                let header = outgoing.request.headers().get("idempotency-key");
                header.map(|value| value.to_str().unwrap().to_owned())
            });
            keys.collect::<Vec<_>>()
        };
        let url = "https://api.example/pay";
        let once = ("POST", url, "100 at 12:00:00");
        let one = keys("a", &[once])[0].clone();
        assert!(one.is_some());
        for same in [
            ("POST", url, "100 at 12:00:01"),
            ("POST", "https://api.example/pay?at=12", "100"),
        ] {
            assert_eq!(keys("a", &[same])[0], one);
        }
        // What else is asked, and which comes first, is no reason for another key.
        let price = ("GET", "https://api.example/price", "");
        let other = ("POST", "https://api.example/pay/2", "100");
        let found = keys("a", &[price, other, once, once]);
        assert_eq!((&found[0], &found[2]), (&None, &one));
        assert!(found[1] != one && found[3] != one && found[1] != found[3]);
        assert_eq!(keys("a", &[once, other])[1], found[1]);
        for other in [
            keys("b", &[once]),
            keys("a", &[("PUT", url, "100")]),
            keys("a", &[("POST", "http://localhost:9000/pay", "100")]),
        ] {
            assert_ne!(other[0], one);
        }
    }

    #[test]
    fn what_is_answered_from_memory_is_the_same_to_the_last_header() {
        let known_by = |place, method: &str, url: &str, own: &str, body: &str| {
            let mut request = request(method, url, body);
            let own = HeaderValue::from_str(own).unwrap();
            request.headers_mut().insert(IDEMPOTENCY_KEY, own);
            let envelope = envelope("a");
            for _ in 0..place {
                let before = self::request(method, url, "");
                Outgoing::of(before, &client(), &envelope).unwrap();
            }
            let outgoing = Outgoing::of(request, &client(), &envelope);
            outgoing.unwrap().known_by
        };
        let url = "https://api.example/pay";
        let one = known_by(0, "POST", url, "order-1", "100");
        assert_eq!(known_by(0, "POST", url, "order-1", "100"), one);
        for other in [
            known_by(1, "POST", url, "order-1", "100"),
            known_by(0, "PUT", url, "order-1", "100"),
            known_by(0, "POST", "https://api.example/pay2", "order-1", "100"),
            known_by(0, "POST", url, "order-2", "100"),
            known_by(0, "POST", url, "order-1", "200"),
        ] {
            assert_ne!(other, one);
        }
    }
}
