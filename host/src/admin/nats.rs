//! `/v1/nats`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use tokio::sync::oneshot;
use utoipa::IntoParams;

use super::extract::{Query, Running, no_such_context, reading, segment};
use super::problem::Problem;
use super::state::State;
use super::view;
use crate::admin::{redaction::Redaction, redaction::Redactor};
use crate::app::Host;
use crate::journal::{self, CommitError};
use crate::nats::dead_letter::{self, RelayDeadLetter};
use crate::nats::{self, NotARelayDeadLetterId, RelayCommand, RelayDeadLetterId};

/// How long the relay may take to do what it is asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at the events on NATS. Blocks.
pub(super) fn see(host: &Host) -> Result<Option<view::Nats>, journal::Error> {
    let Some(status) = &host.nats.status else {
        return Ok(None);
    };
    Ok(Some(view::Nats {
        lag: nats::behind(&host.nats)?,
        error: status.error(),
        notice: status.notice(),
        dead_letters: dead_letter::list(&host.nats)?.len() as u64,
        subscriptions: subscriptions(host),
    }))
}

/// What is followed outside, and how far.
pub(super) fn subscriptions(host: &Host) -> Vec<view::Subscription> {
    let subscriptions = host
        .nats
        .status
        .iter()
        .flat_map(|status| status.subscriptions());
    subscriptions
        .map(|((source, subject), status)| {
            view::Subscription::new(source.to_string(), subject, status)
        })
        .collect()
}

/// The dead letter of the relay that the path names.
pub(super) struct Letter(RelayDeadLetterId);

impl FromRequestParts<Arc<State>> for Letter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        Ok(Self(segment(parts, state, "id").await?.parse()?))
    }
}

/// The events that cannot be published as they are
#[utoipa::path(get, path = "/v1/nats/dead-letters", tag = "nats", responses((status = 200, body = view::RelayDeadLetters)))]
pub(super) async fn dead_letters(
    Running(host): Running,
) -> Result<Json<view::RelayDeadLetters>, Problem> {
    let letters = reading(move || {
        let mut redactor = Redactor::new(&host);
        let view = |letter: RelayDeadLetter| {
            let redaction = redaction(&host, &mut redactor, &letter)?;
            Ok(view::RelayDeadLetter::new(letter, &redaction))
        };
        let letters = dead_letter::list(&host.nats)?.into_iter().map(view);
        Ok(view::RelayDeadLetters {
            dead_letters: letters.collect::<Result<_, journal::Error>>()?,
        })
    });
    Ok(Json(letters.await?))
}

/// Publish an event that could not be published
#[utoipa::path(post, path = "/v1/nats/dead-letters/{id}/retry", tag = "nats", params(("id", description = "the dead letter")), responses(
    (status = 204, description = "it is published"),
    (status = 404, description = "there is no such dead letter"),
    (status = 409, description = "it cannot be published, and is kept with the new reason"),
    (status = 503, description = "it cannot be published now")
))]
pub(super) async fn retry(
    Running(host): Running,
    Letter(id): Letter,
) -> Result<StatusCode, Problem> {
    let letter = found(&host, &id).await?;
    let asked = id.clone();
    let published = ask(&host, |answer| RelayCommand::Retry { id: asked, answer }).await?;
    let Err(reason) = published else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let redaction = reading(move || redaction(&host, &mut Redactor::new(&host), &letter)).await?;
    let reason = redaction.text(reason.to_string());
    Err(Problem::of_kind(
        StatusCode::CONFLICT,
        "failed-again",
        "Failed again",
        format!("{id} was not published: {reason}"),
    ))
}

/// Drop an event that could not be published
#[utoipa::path(delete, path = "/v1/nats/dead-letters/{id}", tag = "nats", params(("id", description = "the dead letter")), responses(
    (status = 204, description = "it will not be published"),
    (status = 404, description = "there is no such dead letter")
))]
pub(super) async fn drop(
    Running(host): Running,
    Letter(id): Letter,
) -> Result<StatusCode, Problem> {
    let letter = found(&host, &id).await?;
    match dead_letter::drop(&host.nats, letter).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            error.to_string(),
        )),
    }
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// The context that published them.
    context: String,
    /// The first commit whose events are published again, as the list of commits counts them.
    from: u64,
}

/// Publish the events of a context again
///
/// Those that were published before, from a commit on, with the ids that they had. It goes on when nobody waits for the answer, also after a restart.
#[utoipa::path(post, path = "/v1/nats/republish", tag = "nats", params(Which), responses(
    (status = 202, body = view::Republished),
    (status = 404, description = "there is no such context"),
    (status = 503, description = "nothing can be published now")
))]
pub(super) async fn republish(
    Running(host): Running,
    Query(Which { context, from }): Query<Which>,
) -> Result<(StatusCode, Json<view::Republished>), Problem> {
    let Some(context) = host.context(&context) else {
        return Err(no_such_context(&host, &context));
    };
    if from == 0 {
        let detail = "commits are counted from 1: write `from=1` for all events";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let asked = ask(&host, |answer| RelayCommand::Republish {
        context: context.name.clone(),
        from,
        answer,
    });
    match asked.await? {
        Ok(events) => Ok((StatusCode::ACCEPTED, Json(view::Republished { events }))),
        Err(reason) => Err(not_now(&reason)),
    }
}

/// Which followed subject.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Followed {
    /// The source of its events, as the list of contexts says.
    source: String,
    /// The subject, as it stands there.
    subject: String,
}

/// Say that an operator has seen what a followed stream has lost
#[utoipa::path(post, path = "/v1/nats/losses/acknowledge", tag = "nats", params(Followed), responses(
    (status = 204, description = "it is acknowledged"),
    (status = 404, description = "nothing was lost there that nobody has acknowledged"),
    (status = 409, description = "more was lost meanwhile"),
    (status = 503, description = "it cannot be kept now")
))]
pub(super) async fn acknowledge(
    Running(host): Running,
    Query(Followed { source, subject }): Query<Followed>,
) -> Result<StatusCode, Problem> {
    match nats::acknowledge_loss(&host.nats, &source, &subject).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("nothing was lost at `{subject}` of {source} that is not acknowledged"),
        )),
        Err(CommitError::Conflict { .. }) => Err(Problem::new(
            StatusCode::CONFLICT,
            "more was lost meanwhile; look again",
        )),
        Err(error) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            error.to_string(),
        )),
    }
}

/// What is not shown of an event that cannot be published.
fn redaction(
    host: &Host,
    redactor: &mut Redactor,
    letter: &RelayDeadLetter,
) -> Result<Redaction, journal::Error> {
    let RelayDeadLetterId { context, position } = &letter.place;
    let event = match (redactor.is_needed(), host.ledger(context)) {
        (true, Some(ledger)) => {
            let before = position.commit.saturating_sub(1);
            let commit = ledger.journal().commits(before, 1)?.pop();
            commit.filter(|(commit, ..)| *commit == position.commit)
        }
        _ => None,
    };
    let event = event.and_then(|(.., events)| events.into_iter().nth(position.index.into()));
    match event {
        Some(event) => redactor.of_event(&event, [context.as_str()]),
        None => Ok(redactor.of_the_unknown()),
    }
}

async fn found(host: &Arc<Host>, id: &RelayDeadLetterId) -> Result<RelayDeadLetter, Problem> {
    let (looking, wanted) = (host.clone(), id.clone());
    let found = reading(move || dead_letter::get(&looking.nats, &wanted)).await?;
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!(
                "the relay has no dead letter {id}; it may have been published or dropped meanwhile"
            ),
        )
    })
}

/// Asks the relay for something, and waits for its answer.
async fn ask<T>(
    host: &Host,
    command: impl FnOnce(oneshot::Sender<T>) -> RelayCommand,
) -> Result<T, Problem> {
    let Some(status) = &host.nats.status else {
        let detail =
            "the app publishes nothing on NATS: name the servers with --nats or in `[nats]`";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    };
    let (answer, answered) = oneshot::channel();
    if !status.ask(command(answer)) {
        return Err(not_now("too many commands are waiting"));
    }
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(Ok(answer)) => Ok(answer),
        _ => {
            let error = status.error();
            Err(not_now(error.as_deref().unwrap_or("the relay is busy")))
        }
    }
}

fn not_now(reason: &str) -> Problem {
    let detail = format!("nothing can be published now: {reason}; try again in a moment");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Duration::from_secs(1))
}

impl From<NotARelayDeadLetterId> for Problem {
    fn from(error: NotARelayDeadLetterId) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}
