//! `/v1/contexts/{name}/interrupted`: requests that a stop of the host has interrupted and that cannot be ended, and what operators decide about them.

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
use crate::core::InvocationId;
use crate::invocation::Context;
use crate::invocation::interrupted_requests::{self, InterruptedRequest};
use crate::journal;

/// The most requests in one answer.
const MOST: usize = 1000;

/// The requests of a context that a stop of the host has interrupted, and that have not ended for `limits.stuck_after`
#[utoipa::path(get, path = "/v1/contexts/{name}/interrupted", tag = "dead letters", params(("name", description = "the context")), responses(
    (status = 200, body = view::InterruptedRequests),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(
    Named { host, context }: Named,
) -> Result<Json<view::InterruptedRequests>, Problem> {
    let listed = reading(move || {
        let mut redactor = Redactor::new(&host);
        let view = |request: InterruptedRequest| {
            let contexts = [context.name.as_str()];
            let redaction = redactor.of(request.correlation_id.as_ref(), contexts)?;
            // What the guest was sent is not looked into.
            let redaction = redaction.with_texts(None);
            Ok(view::InterruptedRequest::new(request, &redaction))
        };
        let found = interrupted_requests::list(&context);
        let found = found.into_iter().take(MOST).map(view);
        Ok(view::InterruptedRequests {
            interrupted: found.collect::<Result<_, journal::Error>>()?,
        })
    });
    Ok(Json(listed.await?))
}

/// Have an interrupted request tried at once
#[utoipa::path(post, path = "/v1/contexts/{name}/interrupted/{id}/retry", tag = "dead letters",
    params(("name", description = "the context"), ("id", description = "the request")),
    responses(
        (status = 202, description = "it is tried, as soon as its context takes work"),
        (status = 404, description = "there is no such context, or no such request")
    )
)]
pub(super) async fn retry(Named { context, .. }: Named, Id(id): Id) -> Result<StatusCode, Problem> {
    let found = find(&context, &id)?;
    match interrupted_requests::retry(&context, &found) {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(not_found(&context, &id)),
    }
}

/// Give an interrupted request up: what it called is undone
#[utoipa::path(delete, path = "/v1/contexts/{name}/interrupted/{id}", tag = "dead letters",
    params(("name", description = "the context"), ("id", description = "the request")),
    responses(
        (status = 204, description = "it is given up"),
        (status = 404, description = "there is no such context, or no such request"),
        (status = 503, description = "it cannot be given up now")
    )
)]
pub(super) async fn drop(Named { context, .. }: Named, Id(id): Id) -> Result<StatusCode, Problem> {
    let found = find(&context, &id)?;
    match interrupted_requests::give_up(&context, &found).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(not_found(&context, &id)),
        Err(failure) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            failure.to_string(),
        )),
    }
}

fn find(context: &Context, id: &str) -> Result<InvocationId, Problem> {
    let listed = interrupted_requests::list(context).into_iter();
    let mut found = listed.filter(|request| view::interrupted_id(&request.id) == id);
    let found = found.next().map(|request| request.id);
    found.ok_or_else(|| not_found(context, id))
}

fn not_found(context: &Context, id: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!(
            "context {} has no interrupted request {id} that waits for an operator; it may have ended or been dropped",
            context.name
        ),
    )
}

/// The request that the path names.
pub(super) struct Id(String);

impl FromRequestParts<Arc<State>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        Ok(Self(segment(parts, state, "id").await?))
    }
}
