//! Requests that a page of another site makes in somebody's browser. Such a page could not read the answer, but would hold a place of ours for it.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::audit::Asked;
use super::problem::Problem;
use super::state::State;

/// What browsers say of where a request comes from; pages cannot change it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets through whoever is no page of another origin. All that this port answers is behind it.
pub(super) async fn refuse_foreign(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if !is_foreign(request.headers()) {
        return Ok(next.run(request).await);
    }
    let detail =
        "the request comes from a web page of another origin; only pages of this port may send it";
    let problem = Problem::new(StatusCode::FORBIDDEN, detail);
    let status = problem.status().as_u16();
    let asked = Asked::of(&request);
    state.audit.refused(&asked, status, "origin").await;
    Err(problem)
}

/// Whether a browser says that a page of another origin asks.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE);
    if site.is_some_and(|site| !["same-origin", "none"].iter().any(|ours| site == *ours)) {
        return true;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority);
    match (authority, host) {
        (Some(authority), Some(host)) => !authority.eq_ignore_ascii_case(host),
        // `null`, for example.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_pages_of_this_port_ask() {
        let foreign = |origin: Option<&'static str>, site: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("localhost:8081"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            if let Some(site) = site {
                headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
            }
            is_foreign(&headers)
        };
        for (origin, site) in [
            (None, None),
            (None, Some("none")),
            (None, Some("same-origin")),
            (Some("http://localhost:8081"), Some("same-origin")),
            (Some("https://LOCALHOST:8081"), None),
        ] {
            assert!(!foreign(origin, site), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (Some("https://evil.example"), None),
            (Some("http://localhost:8080"), None),
            (Some("http://localhost"), None),
            (Some("null"), None),
            (Some(""), None),
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (Some("http://localhost:8081"), Some("cross-site")),
        ] {
            assert!(foreign(origin, site), "{origin:?} {site:?}");
        }
    }
}
