//! `/v1/contexts/{name}/retries`: the events that are being tried again.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use http::StatusCode;

use super::dead_letters::Letter;
use super::extract::{Named, reading};
use super::problem::Problem;
use super::redaction::Redactor;
use super::view;
use crate::app::Host;
use crate::events::retrying::{self, GiveUpError};
use crate::invocation::Context;
use crate::journal;

/// The events that a context could not handle yet, and tries again
#[utoipa::path(get, path = "/v1/contexts/{name}/retries", tag = "dead letters", params(("name", description = "the context")), responses(
    (status = 200, body = view::Retries),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(Named { host, context }: Named) -> Result<Json<view::Retries>, Problem> {
    let retries = reading(move || {
        Ok(view::Retries {
            retries: see(&host, &context)?,
        })
    });
    Ok(Json(retries.await?))
}

/// Give up on an event that is being tried: it becomes a dead letter
///
/// At once, or when the attempt that is under way has failed.
#[utoipa::path(post, path = "/v1/contexts/{name}/retries/{id}/give-up", tag = "dead letters",
    params(("name", description = "the context"), ("id", description = "the event, as the list names it")),
    responses(
        (status = 204, description = "it is a dead letter"),
        (status = 404, description = "there is no such context, or it does not retry such an event"),
        (status = 409, description = "it was handled meanwhile"),
        (status = 503, description = "the attempt that is under way takes its time")
    )
)]
pub(super) async fn give_up(
    Named { host, context }: Named,
    Letter(id): Letter,
) -> Result<StatusCode, Problem> {
    let given_up = retrying::give_up(&host.events, &context, &id).await;
    given_up.map_err(|error| match error {
        GiveUpError::NotFound { .. } => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
        GiveUpError::Handled { .. } => Problem::new(StatusCode::CONFLICT, error.to_string()),
        GiveUpError::NotYet { .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                .retry_after(Duration::from_secs(1))
        }
        GiveUpError::Journal(error) => error.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a context tries again. Blocks.
pub(super) fn see(
    host: &Arc<Host>,
    context: &Arc<Context>,
) -> Result<Vec<view::Retry>, journal::Error> {
    let mut redactor = Redactor::new(host);
    let limit = context.settings.follow.attempts.get();
    let retries = retrying::retrying(&host.events, context).into_iter();
    let view = |retrying: retrying::Retrying| {
        let contexts = [context.name.as_str(), &retrying.id.source];
        let redaction = redactor.of_event(&retrying.event, contexts)?;
        let manifest = host.manifest();
        let app = &manifest.app.name;
        Ok(view::Retry::new(app, &retrying, limit, &redaction))
    };
    retries.map(view).collect()
}
