//! `/v1/contexts/{name}/rollout` and `/v1/contexts/{name}/rollback`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::{Named, Query, short_text};
use super::problem::Problem;
use super::session::Session;
use super::view;
use crate::rollout::{self, CommandError, OperatorCommand, Progress, RollbackError, Rollout};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where to go back to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    /// The number of a version that served once, or the first digits of its digest, at least six; the one before when absent.
    to: Option<String>,
    /// Why, in at most 1000 characters; it is kept in the history.
    #[serde(default, deserialize_with = "short_text::<_, 1_000>")]
    reason: Option<String>,
}

/// Until when a rollout is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Until {
    /// Until it has ended.
    #[default]
    Ended,
    /// Until the watch over its version has ended, too.
    Watched,
}

/// How a rollout is told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Tell {
    /// Until when it is told as `text/event-stream`.
    #[serde(default)]
    until: Until,
}

/// Why a rollout is told what to do.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// Why, in at most 1000 characters; it is kept in the history.
    #[serde(default, deserialize_with = "short_text::<_, 1_000>")]
    reason: Option<String>,
}

/// The newest rollout of a context
///
/// Asked for as `text/event-stream`, it is told again whenever it has come further, until it has ended, or until its watch has (`until=watched`).
#[utoipa::path(get, path = "/v1/contexts/{name}/rollout", tag = "versions", params(("name", description = "the context"), Tell), responses(
    (status = 200, body = view::Rollout),
    (status = 404, description = "there is no such context, or no rollout since the host started")
))]
pub(super) async fn newest(
    Named { host, context }: Named,
    Query(tell): Query<Tell>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(rollout) = host.deployer.rollouts(&context).newest() else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!(
                "there has been no rollout of {} since the host started; POST a component to its versions",
                context.name
            ),
        ));
    };
    let is_stream = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"));
    if !is_stream {
        let progress = rollout.progress();
        return Ok(Json(view::Rollout::new(&context.name, &rollout, progress)).into_response());
    }
    let mut progress = rollout.watch();
    // How far it is already is the first thing that is told.
    progress.mark_changed();
    let telling = Telling {
        context: context.name.to_string(),
        progress,
        rollout,
        until: tell.until,
        stop: host.shutdown.clone(),
        session,
        ended: false,
    };
    let told = unfold(telling, |mut telling| async move {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    let stream = Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(stream.into_response())
}

/// A rollout that is told as it goes.
struct Telling {
    context: String,
    rollout: Arc<Rollout>,
    progress: watch::Receiver<Progress>,
    until: Until,
    stop: CancellationToken,
    session: Session,
    ended: bool,
}

impl Telling {
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let over = tokio::select! {
            biased;
            () = self.stop.cancelled() => Some("the host is stopping"),
            () = self.session.withdrawn() => Some("the token is no longer valid"),
            changed = self.progress.changed() => changed.err().map(|_| "the host is stopping"),
        };
        if let Some(why) = over {
            self.ended = true;
            return Some(Event::default().comment(why));
        }
        let progress = self.progress.borrow_and_update().clone();
        self.ended = match self.until {
            Until::Ended => progress.outcome.is_some(),
            Until::Watched => progress.is_settled(),
        };
        let view = view::Rollout::new(&self.context, &self.rollout, progress);
        // Names, numbers and texts always serialize.
        let json = serde_json::to_string(&view).unwrap_or_default();
        Some(Event::default().event("rollout").data(json))
    }
}

/// Pause the rollout that is under way
///
/// The version keeps the share of the work that it has until the rollout is resumed. Where it does worse than the one before it, it is rolled back all the same.
#[utoipa::path(post, path = "/v1/contexts/{name}/rollout/pause", tag = "versions", params(("name", description = "the context"), Why), responses(
    (status = 200, body = view::Rollout),
    (status = 404, description = "there is no such context"),
    (status = 409, description = "no rollout is in progress, it is already paused or promoted, its version is taking over, or it migrates the state")
))]
pub(super) async fn pause(named: Named, caller: Caller, why: Query<Why>) -> Controlled {
    execute_command(named, caller, why, OperatorCommand::Pause).await
}

/// Resume a rollout that was paused
#[utoipa::path(post, path = "/v1/contexts/{name}/rollout/resume", tag = "versions", params(("name", description = "the context"), Why), responses(
    (status = 200, body = view::Rollout),
    (status = 404, description = "there is no such context"),
    (status = 409, description = "no rollout is in progress, it is not paused, or its version is taking over")
))]
pub(super) async fn resume(named: Named, caller: Caller, why: Query<Why>) -> Controlled {
    execute_command(named, caller, why, OperatorCommand::Resume).await
}

/// Give the version that is ramped up all of the work now
#[utoipa::path(post, path = "/v1/contexts/{name}/rollout/promote", tag = "versions", params(("name", description = "the context"), Why), responses(
    (status = 200, body = view::Rollout),
    (status = 404, description = "there is no such context"),
    (status = 409, description = "no rollout is in progress, it is already promoted, its version is taking over, or it migrates the state")
))]
pub(super) async fn promote(named: Named, caller: Caller, why: Query<Why>) -> Controlled {
    execute_command(named, caller, why, OperatorCommand::Promote).await
}

/// End the rollout that is under way: the version before it gets all of the work
#[utoipa::path(post, path = "/v1/contexts/{name}/rollout/abort", tag = "versions", params(("name", description = "the context"), Why), responses(
    (status = 200, body = view::Rollout),
    (status = 404, description = "there is no such context"),
    (status = 409, description = "no rollout is in progress, or its version has already taken over")
))]
pub(super) async fn abort(named: Named, caller: Caller, why: Query<Why>) -> Controlled {
    execute_command(named, caller, why, OperatorCommand::Abort).await
}

type Controlled = Result<Json<view::Rollout>, Problem>;

async fn execute_command(
    Named { host, context }: Named,
    caller: Caller,
    Query(why): Query<Why>,
    command: OperatorCommand,
) -> Controlled {
    let name = context.name.clone();
    let at_host = host.clone();
    // Whoever asks may go away: what is done is kept in the history all the same.
    let controlling = host.tasks.spawn(async move {
        rollout::execute_command(
            &at_host.deployer,
            &context,
            command,
            why.reason,
            &caller.name,
        )
        .await
    });
    match controlling.await {
        Ok(controlled) => {
            let rollout = controlled?;
            let progress = rollout.progress();
            Ok(Json(view::Rollout::new(&name, &rollout, progress)))
        }
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the host is stopping",
        )),
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Slow { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            CommandError::Nothing { .. }
            | CommandError::Already { .. }
            | CommandError::Moving { .. }
            | CommandError::TooLate { .. } => Self::of_kind(
                StatusCode::CONFLICT,
                "rollout-not-so",
                "The rollout is not in that state",
                error.to_string(),
            ),
        }
    }
}

/// Go back to the version that served before
///
/// A rollout that is under way ends instead; with a version named it has to end first.
#[utoipa::path(post, path = "/v1/contexts/{name}/rollback", tag = "versions", params(("name", description = "the context"), Back), responses(
    (status = 200, body = view::RolledBack),
    (status = 404, description = "there is no such context, or no version to roll back to"),
    (status = 409, description = "a rollout is in progress and a version was named, or another version has taken over in the meantime"),
    (status = 422, description = "the version does not fit any more; the detail says why")
))]
pub(super) async fn rollback(
    Named { host, context }: Named,
    caller: Caller,
    Query(back): Query<Back>,
) -> Result<Json<view::RolledBack>, Problem> {
    let by = caller.name.clone();
    let name = context.name.clone();
    let (at_host, at_context) = (host.clone(), context.clone());
    // Whoever asks may go away: a swap is not left halfway.
    let rolling = host.tasks.spawn(async move {
        let wanted = back.to.as_deref();
        rollout::rollback(&at_host.deployer, &at_context, wanted, back.reason, &by).await
    });
    match rolling.await {
        Ok(done) => Ok(Json(view::RolledBack::new(&name, done?))),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the host is stopping",
        )),
    }
}

impl From<RollbackError> for Problem {
    fn from(error: RollbackError) -> Self {
        match error {
            RollbackError::Nothing { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            RollbackError::UnderWay { .. } => Self::of_kind(
                StatusCode::CONFLICT,
                "rollout-under-way",
                "A rollout is under way",
                error.to_string(),
            ),
            RollbackError::Overtaken(detail) => Self::of_kind(
                StatusCode::CONFLICT,
                "version-replaced",
                "Version replaced",
                detail,
            ),
            RollbackError::Refused(refusal) => refusal.into(),
            RollbackError::Journal(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
        }
    }
}
