//! Who may look, and who may change something.
//!
//! Whatever changes something needs the token. To look needs it, too, unless the port listens on the loopback interface only and is asked by
//! a loopback name: a web page that someone on this machine has open can get its own name to lead here, but cannot ask by another.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::problem::Problem;
use super::state::State;

/// Lets through who may ask.
pub(super) async fn authorize(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match bearer(request.headers()) {
        Some(token) if state.token.is(token) => {}
        Some(_) => return Err(refusal("this is not the operators' token")),
        None if looks(request.method()) => {
            if !(state.private && asks_for_loopback(&request)) {
                return Err(refusal(
                    "from outside this machine, looking needs the operators' token",
                ));
            }
        }
        None => {
            return Err(refusal(
                "whatever changes something needs the operators' token",
            ));
        }
    }
    Ok(next.run(request).await)
}

fn looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// Whether the client knows the port by a name that is always this machine's.
fn asks_for_loopback(request: &Request) -> bool {
    let named = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok().and_then(|host| host.parse::<Uri>().ok()),
        None => Some(request.uri().clone()),
    };
    let Some(host) = named.as_ref().and_then(Uri::host) else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn refusal(detail: &'static str) -> Problem {
    let hint = "send `Authorization: Bearer <token>`; it is INNKEEPER_ADMIN_TOKEN, or in the file admin-token of the data directory";
    Problem::new(StatusCode::UNAUTHORIZED, format!("{detail}: {hint}")).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"innkeeper\""),
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_loopback_name_is_one_that_no_page_can_have() {
        let asks = |host: &str| {
            let request = Request::builder().uri("/v1/contexts").header("host", host);
            asks_for_loopback(&request.body(Body::empty()).unwrap())
        };
        for host in [
            "localhost:8081",
            "LOCALHOST",
            "127.0.0.1:8081",
            "127.1.2.3",
            "[::1]:8081",
        ] {
            assert!(asks(host), "{host}");
        }
        for host in [
            "evil.example:8081",
            "10.0.0.1",
            "localhost.evil.example",
            "",
            "[::2]",
        ] {
            assert!(!asks(host), "{host}");
        }
    }

    #[test]
    fn a_token_is_found_whatever_the_case_of_its_scheme() {
        let found = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(found("Bearer abc").as_deref(), Some(b"abc".as_slice()));
        assert_eq!(found("bearer abc").as_deref(), Some(b"abc".as_slice()));
        assert_eq!(found("Basic abc"), None);
        assert_eq!(found("Bear"), None);
    }
}
