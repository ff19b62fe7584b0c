//! Somebody outside: keeps what it was asked, and answers as the path says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, Method, StatusCode};
use innkeeper_tests::eventually;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

/// How many meet outside before any of them is answered.
pub(super) const AT_ONCE: usize = 8;

/// What somebody outside was asked.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// Somebody outside, on this machine.
#[derive(Clone)]
pub(super) struct Outsider {
    pub(super) authority: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Whether it leaves the next request without an answer.
    pub(super) hangs: Arc<AtomicBool>,
    meeting: Arc<Barrier>,
}

impl Outsider {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let outsider = Self {
            authority: listener.local_addr().expect("it is bound").to_string(),
            asked: Arc::default(),
            hangs: Arc::default(),
            meeting: Arc::new(Barrier::new(AT_ONCE)),
        };
        let router = Router::new().fallback(answer).with_state(outsider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        outsider
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    pub(super) async fn is_asked(&self, times: usize) {
        eventually("somebody outside is asked", async || {
            match self.asked().len() {
                asked if asked == times => Ok(()),
                asked => Err(format!("{asked} times instead of {times}")),
            }
        })
        .await;
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let asked = self.asked();
        let keys = asked.iter().map(|asked| asked.header("idempotency-key"));
        keys.map(str::to_owned).collect()
    }
}

async fn answer(State(outsider): State<Outsider>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 23).await;
    let target = head.uri.to_string();
    outsider.asked.lock().push(Asked {
        method: head.method,
        target: target.clone(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body.unwrap_or_default()).into_owned(),
    });
    if outsider.hangs.swap(false, Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let words: Vec<&str> = target.trim_start_matches('/').splitn(2, '/').collect();
    match words.as_slice() {
        ["moved", to] => Redirect::temporary(&format!("http://{to}")).into_response(),
        ["long", length] => "x"
            .repeat(length.parse().expect("a length"))
            .into_response(),
        ["meeting", _] => {
            outsider.meeting.wait().await;
            "met".into_response()
        }
        ["status", status] => {
            let status = status.parse::<u16>().expect("a status");
            (StatusCode::from_u16(status).expect("a status"), "said").into_response()
        }
        _ => ([("x-from", "outside")], "heard").into_response(),
    }
}
