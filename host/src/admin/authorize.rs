//! Who may look, and who may change something.
//!
//! Whatever changes something needs a token, and one that is good for it. To look needs one, too, unless the port listens on the loopback interface only and is asked by
//! a loopback name: a web page that someone on this machine has open can get its own name to lead here, but cannot ask by another.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{MatchedPath, Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::audit::{Asked, middleware};
use super::caller::Caller;
use super::peer::Peer;
use super::problem::Problem;
use super::state::State;
use super::token::Token;
use super::tokens::Unknown;
use crate::core::Timestamp;
use crate::manifest::Role;

/// Why a request is refused.
struct Refused {
    problem: Problem,
    /// In a word, for metrics and the audit log.
    why: &'static str,
    /// Who asks, where that is known.
    who: Option<Caller>,
}

/// Lets through who may ask, and says with the request who it is. What changes something is written down, and so is who was refused.
pub(super) async fn authorize(
    Shared(state): Shared<Arc<State>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>();
    let needed = needed(request.method(), path.map(MatchedPath::as_str));
    let mut asked = Asked::of(&request);
    let caller = match admit(&state, &request, needed) {
        Ok(caller) => caller,
        Err(refused) => {
            let Refused { problem, why, who } = *refused;
            asked.note(who.as_ref());
            let status = problem.status().as_u16();
            state.audit.refused(&asked, status, why).await;
            return Err(problem);
        }
    };
    asked.note(Some(&caller));
    request.extensions_mut().insert(caller);
    match needed {
        Role::Read => Ok(next.run(request).await),
        Role::Deploy | Role::Admin => middleware::run_audited(&state, asked, request, next).await,
    }
}

/// Who asks, when they may.
fn admit(state: &State, request: &Request, needed: Role) -> Result<Caller, Box<Refused>> {
    let refused = |why, who, problem| Box::new(Refused { problem, why, who });
    let anonymous = |why, problem| refused(why, None, problem);
    let Some(token) = bearer(request.headers()) else {
        return match needed {
            Role::Read if state.private && asks_for_loopback(request) => Ok(Caller::local()),
            Role::Read => Err(anonymous(
                "no-token",
                refusal("requests from outside this machine need an operators' token"),
            )),
            _ => Err(anonymous(
                "no-token",
                refusal("this request needs an operators' token, because it changes something"),
            )),
        };
    };
    let from = request.extensions().get().map(|Peer(address)| *address);
    let attempt = match state.token_throttle.admit(from) {
        Ok(attempt) => attempt,
        Err(wait) => return Err(anonymous("guessing", slow_down(wait))),
    };
    let tokens = state.tokens.borrow();
    let now = Timestamp::from(SystemTime::now());
    let caller = match tokens.find(&Token::new(token), now) {
        Ok(caller) => caller,
        Err(Unknown::Nobodys) => {
            let problem = refusal("this is not an operators' token");
            return Err(anonymous("unknown-token", problem));
        }
        Err(Unknown::Expired(caller)) => {
            let problem = refusal("this token has expired");
            return Err(refused("expired-token", Some(caller), problem));
        }
    };
    attempt.succeeded();
    match caller.role >= needed {
        true => Ok(caller.clone()),
        false => Err(refused(
            "role",
            Some(caller.clone()),
            forbidden(caller, needed),
        )),
    }
}

/// What a caller must be good for, given the route that the request takes.
fn needed(method: &Method, path: Option<&str>) -> Role {
    match (method, path) {
        (&Method::GET | &Method::HEAD | &Method::OPTIONS, _) => Role::Read,
        (
            &Method::POST,
            Some(
                "/v1/contexts/{name}/versions"
                | "/v1/contexts/{name}/rollback"
                | "/v1/contexts/{name}/rollout/pause"
                | "/v1/contexts/{name}/rollout/resume"
                | "/v1/contexts/{name}/rollout/promote"
                | "/v1/contexts/{name}/rollout/abort",
            ),
        ) => Role::Deploy,
        _ => Role::Admin,
    }
}

/// The token that a request brings.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
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

fn slow_down(wait: Duration) -> Problem {
    Problem::of_kind(
        StatusCode::TOO_MANY_REQUESTS,
        "rate-limited",
        "Rate limited",
        "too many wrong tokens came from this address; requests from it are refused for a moment",
    )
    .retry_after(wait)
}

fn forbidden(caller: &Caller, needed: Role) -> Problem {
    let Caller { name, role } = caller;
    Problem::new(
        StatusCode::FORBIDDEN,
        format!("the token of `{name}` has the role `{role}`, but this needs the role `{needed}`"),
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_versions_are_for_those_who_deploy() {
        let versions = Some("/v1/contexts/{name}/versions");
        let rollback = Some("/v1/contexts/{name}/rollback");
        let rebuild = Some("/v1/contexts/{name}/rebuild");
        for path in [versions, rollback, rebuild, None] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert_eq!(needed(&method, path), Role::Read);
            }
            for method in [Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(needed(&method, path), Role::Admin);
            }
        }
        assert_eq!(needed(&Method::POST, versions), Role::Deploy);
        assert_eq!(needed(&Method::POST, rollback), Role::Deploy);
        for order in ["pause", "resume", "promote", "abort"] {
            let path = format!("/v1/contexts/{{name}}/rollout/{order}");
            assert_eq!(needed(&Method::POST, Some(&path)), Role::Deploy);
        }
        assert_eq!(needed(&Method::POST, rebuild), Role::Admin);
        assert_eq!(needed(&Method::POST, None), Role::Admin);
    }

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
