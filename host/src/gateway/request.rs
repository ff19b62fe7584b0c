//! What a request must be before a guest sees it.

use http::{HeaderMap, HeaderName, Method, StatusCode, Version, header, request::Parts};

use super::{decode, problem::Problem, routes::Route};
use crate::invocation::Request;
use crate::observe::correlation::{CORRELATION_ID, TRACEPARENT, TRACESTATE};

/// The header that makes a request safe to repeat.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What the host carries for the guest: `invocation` in the contract tells it.
const CARRIED: [HeaderName; 3] = [CORRELATION_ID, TRACEPARENT, TRACESTATE];
/// The longest path and query, in bytes.
const LONGEST_URI: usize = 8 * 1024;
/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// Checks what can be checked before it is known who answers.
pub(super) fn check(parts: &Parts) -> Result<(), Problem> {
    let uri = &parts.uri;
    if uri.path().len() + uri.query().map_or(0, str::len) > LONGEST_URI {
        let detail = format!("path and query have more than {LONGEST_URI} bytes");
        return Err(Problem::new(StatusCode::URI_TOO_LONG, detail));
    }
    if !uri.path().starts_with('/') && uri.path() != "*" {
        return Err(bad("a request asks for a path, which begins with `/`"));
    }
    let hosts = parts.headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && parts.version == Version::HTTP_11) {
        return Err(bad("a request has one Host header"));
    }
    decode::check_path(uri.path()).map_err(|_| bad("the path is not percent-encoded UTF-8"))
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

/// The request as the guest sees it, still without its body. `values` are those of the placeholders, encoded.
pub(super) fn read<C>(
    route: &Route<C>,
    values: Vec<String>,
    parts: &Parts,
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
    let carried = |name: &HeaderName| CARRIED.contains(name);
    let headers = parts.headers.iter().filter(|(name, _)| !carried(name));
    let headers = headers.filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    Ok(Request {
        method: route.method.as_str().to_owned(),
        route: route.pattern.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        parameters: parameters
            .collect::<Result<_, _>>()
            .map_err(|_| bad("the path is not percent-encoded UTF-8"))?,
        query: decode::query(parts.uri.query().unwrap_or_default())
            .map_err(|_| bad("the query is not percent-encoded UTF-8"))?,
        headers: headers.collect(),
        body: bytes::Bytes::new(),
    })
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
