//! What is let through to a handler, and what the handler knows of it.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use http::{Method, Request, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::audit::{Audit, Line, What, audit_files};
use super::authorize::authorize;
use super::caller::Caller;
use super::state::State;
use super::token::Token;
use super::token_throttle::TokenThrottle;
use super::tokens::Tokens;
use super::uploads::{Place, Uploads};
use crate::manifest::{RateLimit, Role, TokenSettings};
use crate::observe::metrics::Metrics;

/// How long a handler takes that is left alone.
const LONG: Duration = Duration::from_millis(200);

/// Routes of the same names as the port's; their handlers answer who asks.
fn port(burst: u32) -> Router {
    // The log is written on, also when its directory is gone.
    let directory = tempfile::tempdir().unwrap();
    port_in(directory.path(), burst)
}

fn port_in(directory: &Path, burst: u32) -> Router {
    let token = |name: &str, role| {
        let settings = TokenSettings {
            role,
            file: None,
            sha256: Some(Sha256::digest(name).into()),
            expires: None,
        };
        (name.to_owned(), settings)
    };
    let settings = [token("board", Role::Read), token("ci", Role::Deploy)];
    let tokens = Tokens::read(&settings.into()).unwrap();
    let state = Arc::new(State {
        metrics: Metrics::install().unwrap(),
        tokens: watch::Sender::new(tokens.with_operator(Token::new("main")).unwrap()),
        token_throttle: TokenThrottle::new(),
        audit: Audit::open(directory).unwrap(),
        tasks: TaskTracker::new(),
        uploads: Uploads::new(RateLimit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(burst).unwrap(),
        }),
        private: true,
        host: OnceLock::new(),
        streams: Arc::new(Semaphore::new(1)),
        backup: Arc::new(Semaphore::new(1)),
        liveness: Arc::default(),
        draining: CancellationToken::new(),
    });
    let said = |caller: Caller| async move { format!("{} {}", caller.name, caller.role) };
    let upload = |caller: Caller, _: Place| async move { caller.name };
    let fail = |caller: Caller| async move {
        if !caller.name.is_empty() {
            panic!("a mistake");
        }
    };
    let take_long = |_: Caller| tokio::time::sleep(LONG);
    Router::new()
        .route("/v1/contexts/{name}/versions", get(said).post(upload))
        .route("/v1/contexts/{name}/rollback", post(said))
        .route("/v1/contexts/{name}/rebuild", post(said))
        .route("/v1/contexts/{name}/rollout/pause", post(fail))
        .route("/v1/contexts/{name}/rollout/resume", post(take_long))
        .layer(from_fn_with_state(state.clone(), authorize))
        .with_state(state)
}

async fn ask(port: &Router, method: Method, path: &str, token: Option<&str>) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1/contexts/room/{path}"))
        .header(header::HOST, "localhost:8081");
    let request = match token {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    };
    let request = request.body(Body::empty()).unwrap();
    let answer = port.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_knows_who_asks() {
    let port = port(10);
    for (token, who) in [
        (None, "local read"),
        (Some("board"), "board read"),
        (Some("ci"), "ci deploy"),
        (Some("main"), "operator admin"),
    ] {
        let told = ask(&port, Method::GET, "versions", token).await;
        assert_eq!(told, (200, who.to_owned()));
    }
    let (status, _) = ask(&port, Method::GET, "versions", Some("other")).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn each_role_gets_to_what_it_is_for() {
    let port = port(10);
    for (path, token, expected) in [
        ("versions", None, 401),
        ("versions", Some("other"), 401),
        ("versions", Some("board"), 403),
        ("versions", Some("ci"), 200),
        ("versions", Some("main"), 200),
        ("rollback", Some("board"), 403),
        ("rollback", Some("ci"), 200),
        ("rollback", Some("main"), 200),
        ("rebuild", None, 401),
        ("rebuild", Some("board"), 403),
        ("rebuild", Some("ci"), 403),
        ("rebuild", Some("main"), 200),
    ] {
        let (status, said) = ask(&port, Method::POST, path, token).await;
        assert_eq!(status, expected, "{path} {token:?}: {said}");
    }
    let (_, said) = ask(&port, Method::POST, "versions", Some("board")).await;
    assert!(
        said.contains("`board` has the role `read`, but this needs the role `deploy`"),
        "{said}"
    );
}

#[tokio::test]
async fn an_upload_takes_out_of_its_callers_bucket() {
    let port = port(1);
    let upload = async |token| ask(&port, Method::POST, "versions", Some(token)).await;
    assert_eq!(upload("ci").await, (200, "ci".to_owned()));
    let (status, said) = upload("ci").await;
    assert_eq!(status, 429);
    assert!(
        said.contains("urn:innkeeper:problem:rate-limited"),
        "{said}"
    );
    assert_eq!(upload("main").await, (200, "operator".to_owned()));
    // Whoever may not upload takes nothing out of any.
    assert_eq!(upload("board").await.0, 403);
    assert_eq!(ask(&port, Method::GET, "versions", Some("ci")).await.0, 200);
}

/// The lines of the log of a directory.
fn log(directory: &Path) -> Vec<Line> {
    let file = audit_files(directory).unwrap().pop().unwrap();
    let log = std::fs::read_to_string(file).unwrap();
    let lines = log.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_handler_that_panics_has_an_end_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let port = port_in(directory.path(), 10);
    let (status, said) = ask(&port, Method::POST, "rollout/pause", Some("ci")).await;
    assert_eq!(status, 500, "{said}");
    assert!(said.contains("see its log"), "{said}");
    let log = log(directory.path());
    let [begun, done] = &log[..] else {
        panic!("{log:?}")
    };
    assert_eq!((begun.what, done.what), (What::Begun, What::Done));
    assert_eq!((done.began, done.status), (Some(begun.number), Some(500)));
    assert!(done.reason.is_some() && done.who.as_deref() == Some("ci"));
}

#[tokio::test]
async fn an_action_goes_on_to_its_end_when_nobody_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let port = port_in(directory.path(), 10);
    let asking = ask(&port, Method::POST, "rollout/resume", Some("ci"));
    assert!(tokio::time::timeout(LONG / 4, asking).await.is_err());
    let deadline = Instant::now() + 50 * LONG;
    while log(directory.path()).len() < 2 && Instant::now() < deadline {
        tokio::time::sleep(LONG / 20).await;
    }
    let log = log(directory.path());
    assert_eq!(
        log.last().and_then(|done| done.status),
        Some(200),
        "{log:?}"
    );
}
