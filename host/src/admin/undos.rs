//! `/v1/contexts/{name}/undos`: calls that are still to be undone, and what operators decide about those that the host has given up on.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::extract::{Named, reading, segment};
use super::problem::Problem;
use super::redaction::Redactor;
use super::state::State;
use super::view;
use crate::invocation::Context;
use crate::invocation::undoing::operator_decision::{self, Decision, PendingCompensation};
use crate::journal::{self, CommitError};

/// The most calls in one answer.
const MOST: usize = 1000;

/// The calls of a context that are still to be undone, those first that wait for an operator
#[utoipa::path(get, path = "/v1/contexts/{name}/undos", tag = "dead letters", params(("name", description = "the context that called")), responses(
    (status = 200, body = view::Undos),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(Named { host, context }: Named) -> Result<Json<view::Undos>, Problem> {
    let undos = reading(move || {
        let (mut stuck, mut waiting) = (Vec::new(), Vec::new());
        operator_decision::each_pending(&context, |pending| {
            let undos = match pending.stuck {
                Some(_) => &mut stuck,
                None => &mut waiting,
            };
            if undos.len() < MOST {
                undos.push(pending);
            }
        })?;
        stuck.append(&mut waiting);
        stuck.truncate(MOST);
        let mut redactor = Redactor::new(&host);
        let view = |pending: PendingCompensation| {
            let known = pending.known.as_ref();
            let callee = known.map(|known| known.callee.as_str());
            let contexts = callee.into_iter().chain([context.name.as_str()]);
            let redaction = redactor.of(known.map(|known| &known.correlation_id), contexts)?;
            let texts = operator_decision::texts(&host.invoker, &pending);
            Ok(view::Undo::new(pending, &redaction.with_texts(texts)))
        };
        let undos = stuck.into_iter().map(view);
        Ok(view::Undos {
            undos: undos.collect::<Result<_, journal::Error>>()?,
        })
    });
    Ok(Json(undos.await?))
}

/// Have a call undone that the host has given up on
#[utoipa::path(post, path = "/v1/contexts/{name}/undos/{id}/retry", tag = "dead letters",
    params(("name", description = "the context that called"), ("id", description = "the undo")),
    responses(
        (status = 202, description = "it is tried again"),
        (status = 404, description = "there is no such context, or no such undo that waits for an operator")
    )
)]
pub(super) async fn retry(Named { context, .. }: Named, Id(id): Id) -> Result<StatusCode, Problem> {
    decide(context, id, Decision::Retry).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Leave a call as it is that the host could not undo
#[utoipa::path(delete, path = "/v1/contexts/{name}/undos/{id}", tag = "dead letters",
    params(("name", description = "the context that called"), ("id", description = "the undo")),
    responses(
        (status = 204, description = "it is not undone any more"),
        (status = 404, description = "there is no such context, or no such undo that waits for an operator")
    )
)]
pub(super) async fn drop(Named { context, .. }: Named, Id(id): Id) -> Result<StatusCode, Problem> {
    decide(context, id, Decision::Drop).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn decide(context: Arc<Context>, id: String, decision: Decision) -> Result<(), Problem> {
    let not_found = Problem::new(
        StatusCode::NOT_FOUND,
        format!(
            "context {} has no undo {id} that waits for an operator; it may have succeeded or been dropped",
            context.name
        ),
    );
    let (searched, wanted) = (context.clone(), id.clone());
    let found = reading(move || find(&searched, &wanted)).await?;
    let key = found.ok_or_else(|| not_found.clone())?;
    loop {
        return match operator_decision::decide(&context, &key, decision).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_found),
            // It is looked at again.
            Err(CommitError::Conflict { .. }) => continue,
            Err(error) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                error.to_string(),
            )),
        };
    }
}

/// The key of the undo that waits for an operator under an id.
fn find(context: &Context, id: &str) -> Result<Option<String>, journal::Error> {
    let mut found = None;
    operator_decision::each_pending(context, |pending| {
        if pending.stuck.is_some() && view::undo_id(&pending.id) == id {
            found = Some(pending.id);
        }
    })?;
    Ok(found)
}

/// The undo that the path names.
pub(super) struct Id(String);

impl FromRequestParts<Arc<State>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        Ok(Self(segment(parts, state, "id").await?))
    }
}
