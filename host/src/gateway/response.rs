//! Makes an HTTP response of what a guest answered.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header, header::MaxSizeReached};
use http_body_util::Full;
use hyper::body::Body;

use super::problem::{FAULT, OVERLOADED};
use crate::core::Correlation;
use crate::core::correlation::{CORRELATION_ID, TRACEPARENT};
use crate::core::message::WebAnswer;
use crate::invocation::Failure;

/// Says that an answer is the one that an earlier request with the same `Idempotency-Key` got.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Says which version made an answer, when `gateway.version_header` is set.
const VERSION: HeaderName = HeaderName::from_static("innkeeper-version");

/// The headers that are the host's to set.
const HOSTS_OWN: [HeaderName; 13] = [
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    CORRELATION_ID,
    TRACEPARENT,
    VERSION,
    FAULT,
    OVERLOADED,
];

/// The guest's answer as a response; with the version that made it, when that is to be told.
pub(super) fn response(
    answer: WebAnswer,
    tell_version: bool,
) -> Result<Response<Full<Bytes>>, Failure> {
    let invalid = |reason: String| Failure::InvalidResponse { reason };
    let WebAnswer {
        response: guests,
        replayed,
        delayed,
        made_by,
    } = answer;
    let status = StatusCode::from_u16(guests.status).map_err(|error| invalid(error.to_string()))?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let too_many =
        |_: MaxSizeReached| invalid("it has more header fields than HTTP allows".to_owned());
    headers
        .try_reserve(guests.headers.len() + 5)
        .map_err(too_many)?;
    for (name, value) in guests.headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| invalid(error.to_string()))?;
        if !HOSTS_OWN.contains(&name) {
            // HTTP/1.1 takes spaces around a value away, and HTTP/2 forbids them.
            let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
                .map_err(|error| invalid(error.to_string()))?;
            headers.try_append(name, value).map_err(too_many)?;
        }
    }
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    if delayed {
        headers.insert(FAULT, HeaderValue::from_static("delay"));
    }
    if let Some(title) = made_by.filter(|_| tell_version)
        && let Ok(title) = HeaderValue::from_str(&title)
    {
        headers.insert(VERSION, title);
    }
    // These have no body, whatever a guest gives them.
    if !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    ) {
        *response.body_mut() = Full::from(guests.body);
    }
    Ok(response)
}

/// Leaves the body out, and says how long it would have been.
pub(super) fn without_body(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let length = std::mem::take(response.body_mut()).size_hint().lower();
    let status = response.status();
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// Says under which ids the answer can be found again.
pub(super) fn correlate(response: &mut Response<Full<Bytes>>, correlation: &Correlation) {
    let headers = response.headers_mut();
    // Both are visible ASCII, always.
    if let Ok(id) = HeaderValue::from_str(&correlation.id) {
        headers.insert(CORRELATION_ID, id);
    }
    if let Ok(parent) = HeaderValue::try_from(correlation.trace.to_string()) {
        headers.insert(TRACEPARENT, parent);
    }
}
