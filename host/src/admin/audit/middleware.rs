//! Middleware that audits what changes something: one line of the audit log before, and one with the outcome.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::StatusCode;
use hyper::body::{Body as _, Frame, SizeHint};

use super::{Action, Asked};
use crate::admin::problem::Problem;
use crate::admin::state::State;

/// Does what is asked for. Whoever asks may go away: it is done to its end all the same.
pub(in crate::admin) async fn run_audited(
    state: &Arc<State>,
    asked: Asked,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let at_state = state.clone();
    let audit_middleware = async move { audited(&at_state, &asked, request, next).await };
    state
        .tasks
        .spawn(audit_middleware)
        .await
        .unwrap_or_else(|_| {
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the host is stopping",
            ))
        })
}

async fn audited(
    state: &State,
    asked: &Asked,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let action = state.audit.begin(asked).await.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be written, so no action of an operator is carried out");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the audit log cannot be written, so nothing was done; make room in the data directory",
        )
    })?;
    let doing = AssertUnwindSafe(next.run(request)).catch_unwind();
    let (response, reason) = match doing.await {
        Ok(response) => (response, None),
        Err(_) => (panicked().into_response(), Some("the host panicked")),
    };
    let status = response.status().as_u16();
    if response.body().size_hint().exact().is_some() {
        action.end(status, reason).await;
        return Ok(response);
    }
    // It goes on for as long as its answer does.
    Ok(response.map(|body| {
        Body::new(AuditedBody {
            body,
            status,
            action: Some(action),
        })
    }))
}

fn panicked() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the host panicked while it handled this request; see its log, and check whether the action took effect before you repeat it",
    )
}

/// The answer to an action that has ended when the answer has.
struct AuditedBody {
    body: Body,
    status: u16,
    /// Taken at the end.
    action: Option<Action>,
}

impl hyper::body::Body for AuditedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let status = self.status;
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                if let Some(action) = self.action.take() {
                    action.end_soon(status, Some("its answer failed"));
                }
            }
            None => {
                if let Some(action) = self.action.take() {
                    action.end_soon(status, None);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        // It has ended when that was seen, and not before.
        self.action.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
