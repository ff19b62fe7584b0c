//! What a request must be before a guest sees it.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts};

use super::{
    authority,
    connection::BIGGEST_HEAD,
    decode,
    forwarded::{self, Sender},
    framing,
    problem::Problem,
};
use crate::core::correlation::{CORRELATION_ID, TRACEPARENT, TRACESTATE};
use crate::core::message::Request;
use crate::versions::Route;

/// The header that makes a request safe to repeat.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What the host carries for the guest: `invocation` in the contract tells it.
const CARRIED: [HeaderName; 3] = [CORRELATION_ID, TRACEPARENT, TRACESTATE];
/// The longest path and query, in bytes.
const LONGEST_URI: usize = 8 * 1024;
/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// What makes a request depend on something: without it, another request would be done.
const CONDITIONS: [HeaderName; 5] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// What HTTP/2 counts for a field besides its name and its value (RFC 9113 6.5.2).
const FIELD: usize = 32;

/// What of a request is known before it is known who answers.
pub(super) struct Target<'a> {
    /// The path as it is compared.
    pub(super) path: Cow<'a, str>,
    /// Whom the request is for.
    pub(super) host: Option<&'a str>,
}

/// Checks what can be checked before it is known who answers.
pub(super) fn check(parts: &Parts) -> Result<Target<'_>, Problem> {
    let uri = &parts.uri;
    let fields = parts.headers.iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + FIELD);
    // HTTP/1.1 has been checked by its parser, which counts less for a field.
    if parts.version == http::Version::HTTP_2 && fields.sum::<usize>() > BIGGEST_HEAD {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!("the request's headers have more than {BIGGEST_HEAD} bytes"),
        ));
    }
    if uri.path().len() + uri.query().map_or(0, str::len) > LONGEST_URI {
        let detail = format!("the path and query have more than {LONGEST_URI} bytes");
        return Err(Problem::new(StatusCode::URI_TOO_LONG, detail));
    }
    framing::check(&parts.headers)?;
    if !uri.path().starts_with('/') && uri.path() != "*" {
        return Err(bad("the path must begin with `/`"));
    }
    let path =
        decode::plain_path(uri.path()).map_err(|_| bad("the path is not percent-encoded UTF-8"))?;
    if decode::leads_elsewhere(&path) {
        return Err(bad(
            "the path has a segment `.` or `..`, encoded or not, or a backslash; send the path that is meant",
        ));
    }
    Ok(Target {
        host: authority::of(uri, &parts.headers, parts.version)?,
        path,
    })
}

/// Checks the body's media type against what the route consumes. A request without a body needs none.
pub(super) fn check_media_type<C>(
    route: &Route<C>,
    headers: &HeaderMap,
    has_body: bool,
) -> Result<(), Problem> {
    let Some(expected) = &route.consumes else {
        return Ok(());
    };
    let unsupported = |detail| {
        let accept = http::HeaderValue::from_str(expected.as_str());
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        accept.into_iter().fold(problem, |problem, accept| {
            problem.with_header(header::ACCEPT, accept)
        })
    };
    match single(headers, &header::CONTENT_TYPE)? {
        Some(found) if !expected.accepts(found) => {
            return Err(unsupported(format!(
                "the body must be {}, in UTF-8",
                expected.as_str()
            )));
        }
        None if has_body => {
            return Err(unsupported(format!(
                "the body must be {}, and Content-Type must say so",
                expected.as_str()
            )));
        }
        _ => {}
    }
    match single(headers, &header::CONTENT_ENCODING)? {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(unsupported(
            "the body must be sent without Content-Encoding".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The idempotency key. Only what changes something can have one.
pub(crate) fn idempotency_key(
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<String>, Problem> {
    if !matches!(
        *method,
        Method::POST | Method::PATCH | Method::PUT | Method::DELETE
    ) {
        return Ok(None);
    }
    let mut keys = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if keys.next().is_none() && is_key(key) => Ok(Some(key.to_owned())),
        _ => Err(bad(
            "Idempotency-Key must be sent once, as 1 to 255 visible ASCII characters without spaces",
        )),
    }
}

fn is_key(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The request as the guest sees it, from this sender, still without its body. `values` are those of the placeholders, encoded.
pub(super) fn read<C>(
    route: &Route<C>,
    values: Vec<String>,
    parts: &Parts,
    target: &Target<'_>,
    sender: &Sender,
) -> Result<Request, Problem> {
    let encoded = parts.uri.path().contains('%');
    let names = route.pattern.placeholders().iter().cloned();
    let parameters = names.zip(values).map(|(name, value)| {
        let value = if encoded {
            decode::segment(&value)
        } else {
            Ok(value)
        };
        value.map(|value| (name, value))
    });
    Ok(Request {
        method: route.method.as_str().to_owned(),
        route: route.pattern.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        parameters: parameters
            .collect::<Result<_, _>>()
            .map_err(|_| bad("the path is not percent-encoded UTF-8"))?,
        raw_query: parts.uri.query().map(str::to_owned),
        query: decode::query(parts.uri.query().unwrap_or_default())
            .map_err(|_| bad("the query is not percent-encoded UTF-8"))?,
        headers: fields(&parts.headers, target.host, sender)?,
        body: bytes::Bytes::new(),
    })
}

/// The fields as the guest sees them: one `host`, whatever the version of HTTP calls it, what is known of the sender instead of what it says of itself, and one `cookie`, which HTTP/2 may send in crumbs (RFC 9113 8.2.3).
/// The headers as the guest sees them. A value that is no text is left out, but not silently where that would change what is asked for.
fn fields(
    headers: &HeaderMap,
    host: Option<&str>,
    sender: &Sender,
) -> Result<Vec<(String, String)>, Problem> {
    let mut fields = Vec::with_capacity(headers.len() + 1);
    let host = sender.host.as_deref().or(host);
    fields.extend(host.map(|host| (header::HOST.as_str().to_owned(), host.to_owned())));
    let mut cookie = None;
    for (name, value) in headers {
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else {
            if CONDITIONS.contains(name) {
                return Err(bad(format!("the header {name} is not UTF-8")));
            }
            continue;
        };
        if *name == header::HOST || CARRIED.contains(name) || forwarded::is_forwarding(name) {
            continue;
        }
        if *name == header::COOKIE {
            match cookie.and_then(|place: usize| fields.get_mut(place)) {
                Some((_, crumbs)) => {
                    crumbs.push_str("; ");
                    crumbs.push_str(value);
                    continue;
                }
                None => cookie = Some(fields.len()),
            }
        }
        fields.push((name.as_str().to_owned(), value.to_owned()));
    }
    fields.extend(forwarded::fields(sender));
    Ok(fields)
}

/// The text of a header that may be there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(http::HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(bad(format!(
            "the header {name} must be sent once, as visible ASCII"
        ))),
    }
}

fn bad(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
