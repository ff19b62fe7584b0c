//! `/v1/contexts/{name}/dead-letters`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Named, Query, reading, segment};
use super::problem::Problem;
use super::state::State;
use super::view;
use crate::admin::{redaction::Redaction, redaction::Redactor};
use crate::app::Host;
use crate::events::dead_letter::{self, DeadLetter, LetterId, NotALetterId};
use crate::events::redelivery::{self, RetryError};
use crate::invocation::Context;
use crate::journal;

/// The most dead letters in one answer.
const MOST: usize = 1000;

/// Which dead letters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those after this one.
    after: Option<String>,
    /// At most so many, and never more than 1000.
    #[serde(default = "a_hundred")]
    limit: usize,
}

fn a_hundred() -> usize {
    100
}

/// The dead letter that the path names.
pub(super) struct Letter(pub(super) LetterId);

impl FromRequestParts<Arc<State>> for Letter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        Ok(Self(segment(parts, state, "id").await?.parse()?))
    }
}

/// The events that a context has given up on
#[utoipa::path(get, path = "/v1/contexts/{name}/dead-letters", tag = "dead letters", params(("name", description = "the context"), Page), responses(
    (status = 200, body = view::DeadLetters),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(
    Named { host, context }: Named,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<view::DeadLetters>, Problem> {
    let after: Option<LetterId> = after.map(|id| id.parse()).transpose()?;
    let limit = limit.clamp(1, MOST);
    let letters = reading(move || {
        let mut found = dead_letter::list(&context, after.as_ref(), limit + 1)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let manifest = host.manifest();
        let app = &manifest.app.name;
        let mut redactor = Redactor::new(&host);
        Ok(view::DeadLetters {
            next: found
                .last()
                .filter(|_| more)
                .map(|letter| letter.id.to_string()),
            dead_letters: found
                .iter()
                .map(|letter| {
                    let redaction = redaction(&mut redactor, &context, letter)?;
                    Ok(view::DeadLetter::new(app, letter, &redaction))
                })
                .collect::<Result<_, journal::Error>>()?,
        })
    });
    Ok(Json(letters.await?))
}

/// Have a dead letter handled, and before it the older ones of its subject
#[utoipa::path(post, path = "/v1/contexts/{name}/dead-letters/{id}/retry", tag = "dead letters",
    params(("name", description = "the context"), ("id", description = "the dead letter")),
    responses(
        (status = 200, body = view::Retried),
        (status = 404, description = "there is no such context or dead letter"),
        (status = 409, description = "it failed again, and is kept with the new reason"),
        (status = 503, description = "it cannot be handled now")
    )
)]
pub(super) async fn retry(
    Named { host, context }: Named,
    Letter(id): Letter,
) -> Result<Json<view::Retried>, Problem> {
    let retried = redelivery::retry(&host.events, &context, &id).await;
    let handled = told(&host, &context, retried).await?;
    Ok(Json(view::Retried {
        handled,
        ..view::Retried::default()
    }))
}

/// Have all dead letters of a context handled
///
/// Each subject's in order, up to the first that fails again. Goes on when nobody waits for the answer.
#[utoipa::path(post, path = "/v1/contexts/{name}/dead-letters/retry", tag = "dead letters", params(("name", description = "the context")), responses(
    (status = 200, body = view::Retried),
    (status = 404, description = "there is no such context"),
    (status = 503, description = "they cannot be handled now")
))]
pub(super) async fn retry_all(
    Named { host, context }: Named,
) -> Result<Json<view::Retried>, Problem> {
    let retried = redelivery::retry_all(&host.events, &context).await;
    let retried = told(&host, &context, retried).await?;
    Ok(Json(retried.into()))
}

/// Drop a dead letter: its event will not be handled
#[utoipa::path(delete, path = "/v1/contexts/{name}/dead-letters/{id}", tag = "dead letters",
    params(("name", description = "the context"), ("id", description = "the dead letter")),
    responses(
        (status = 204, description = "it is gone"),
        (status = 404, description = "there is no such context or dead letter"),
        (status = 503, description = "it cannot be dropped now")
    )
)]
pub(super) async fn drop(
    Named { host, context }: Named,
    Letter(id): Letter,
) -> Result<StatusCode, Problem> {
    let dropped = redelivery::drop(&host.events, &context, &id).await;
    told(&host, &context, dropped).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is not shown of a dead letter of a context.
fn redaction(
    redactor: &mut Redactor,
    context: &Context,
    letter: &DeadLetter,
) -> Result<Redaction, journal::Error> {
    let contexts = [context.name.as_str(), &letter.id.source];
    redactor.of_event(&letter.event, contexts)
}

/// What came of it, without what is sensitive in why it failed.
async fn told<T>(
    host: &Arc<Host>,
    context: &Arc<Context>,
    outcome: Result<T, RetryError>,
) -> Result<T, Problem> {
    let mut error = match outcome {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    if let RetryError::FailedAgain { id, reason, .. } | RetryError::NotNow { id, reason } =
        &mut error
    {
        let (mut redactor, context, id) = (Redactor::new(host), context.clone(), id.clone());
        let looking = reading(move || match dead_letter::get(&context, &id)? {
            Some(letter) => redaction(&mut redactor, &context, &letter),
            None => Ok(redactor.of_the_unknown()),
        });
        *reason = looking.await?.text(std::mem::take(reason));
    }
    Err(problem(error))
}

impl From<NotALetterId> for Problem {
    fn from(error: NotALetterId) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

fn problem(error: RetryError) -> Problem {
    match error {
        RetryError::NotFound { .. } => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
        RetryError::FailedAgain { .. } => Problem::of_kind(
            StatusCode::CONFLICT,
            "failed-again",
            "Failed again",
            error.to_string(),
        ),
        RetryError::NotNow { .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                .retry_after(Duration::from_secs(1))
        }
        RetryError::Journal(error) => error.into(),
    }
}
