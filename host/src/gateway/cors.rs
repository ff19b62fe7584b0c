//! Which pages of other origins may call.

use http::{HeaderName, HeaderValue, Method, Request, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::manifest::Cors;

/// The headers of an answer that such a page may read, next to the plain ones.
const EXPOSED: [HeaderName; 6] = [
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("idempotent-replayed"),
    header::LOCATION,
    header::ETAG,
    header::RETRY_AFTER,
];

/// What the settings allow. The manifest has checked them; a value that still is none allows nothing.
pub(super) fn layer(cors: &Cors) -> CorsLayer {
    let origins = if cors.origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            cors.origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    let methods: Vec<Method> = cors
        .methods
        .iter()
        .filter_map(|method| method.parse().ok())
        .collect();
    let headers: Vec<HeaderName> = cors
        .headers
        .iter()
        .filter_map(|header| header.parse().ok())
        .collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(methods)
        .allow_headers(headers)
        .expose_headers(EXPOSED)
        .max_age(cors.max_age)
        .allow_credentials(cors.credentials)
}

/// Whether a request asks what may be called, and calls nothing itself.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
