//! Telling a rollout that is under way what to do: pause, go on, end its trials, or end it.

use std::sync::Arc;
use std::time::Duration;

use super::deployer::Deployer;
use super::history::{Because, State};
use super::progress::{Outcome, Rollout, Stage};
use super::swap;
use crate::invocation::Context;

/// How long a rollout that is ended may take for it.
pub(super) const ENDING: Duration = Duration::from_secs(30);

/// What a rollout is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Keep the share of the work that the version has, until it is resumed. A version that does worse is taken back all the same.
    Pause,
    /// Go on.
    Resume,
    /// Give the version all of the work now, without the rest of the ramp.
    Promote,
    /// Take the version back; the one before it gets all of the work.
    Abort,
}

impl Order {
    /// Its name, as it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::Abort => "abort",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Promote => "promoted",
            Self::Abort => "aborted",
        }
    }
}

/// Why a rollout does not do what it is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is none.
    #[error(
        "no rollout of context {context} is in progress; `innkeeper versions {context} --history` shows how the last one ended, and `innkeeper rollback {context}` rolls back the current version"
    )]
    Nothing {
        /// The context.
        context: String,
    },
    /// It does so already.
    #[error("the rollout of context {context} is already {state}")]
    Already {
        /// The context.
        context: String,
        /// What it is.
        state: &'static str,
    },
    /// The state is being moved, which has no steps.
    #[error(
        "the state of context {context} is being migrated, which cannot be {order}d; wait for its end, or abort it with `innkeeper rollout abort {context}`"
    )]
    Moving {
        /// The context.
        context: String,
        /// What was asked.
        order: &'static str,
    },
    /// It had taken over already.
    #[error(
        "the version of context {context} has already taken over; `innkeeper rollback {context}` rolls it back"
    )]
    TooLate {
        /// The context.
        context: String,
    },
    /// It does not end.
    #[error("the rollout of context {context} has not ended within {ENDING:?}; ask again")]
    Slow {
        /// The context.
        context: String,
    },
}

/// Tells the rollout of a context that is under way what to do, and keeps in its history who did so, and why.
///
/// # Errors
///
/// See [`ControlError`].
pub async fn control(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    order: Order,
    reason: Option<String>,
    by: &str,
) -> Result<Arc<Rollout>, ControlError> {
    let name = || context.name.clone();
    let rollout = deployer.rollouts(context).in_hand();
    let rollout = rollout.ok_or_else(|| ControlError::Nothing { context: name() })?;
    let stage = rollout.progress().stage;
    if stage == Stage::Migrating && order != Order::Abort {
        return Err(ControlError::Moving {
            context: name(),
            order: order.name(),
        });
    }
    let already = |state| ControlError::Already {
        context: name(),
        state,
    };
    match order {
        Order::Pause if !rollout.pause(true) => return Err(already("paused")),
        Order::Resume if !rollout.pause(false) => return Err(already("going on")),
        Order::Promote if !rollout.promote() => return Err(already("promoted")),
        Order::Abort => abort(context, &rollout, reason.clone(), by).await?,
        Order::Pause | Order::Resume | Order::Promote => {
            note(deployer, context, &rollout, order, reason.as_deref(), by).await;
        }
    }
    tracing::info!(
        target: "innkeeper::audit",
        by,
        context = context.name,
        digest = %rollout.digest(),
        order = order.name(),
        reason = reason.unwrap_or_default(),
        correlation_id = rollout.id.as_str(),
        "a rollout was told what to do"
    );
    Ok(rollout)
}

/// Ends it, and waits until it has.
async fn abort(
    context: &Context,
    rollout: &Rollout,
    reason: Option<String>,
    by: &str,
) -> Result<(), ControlError> {
    rollout.take_back(by, reason);
    let ending = rollout.until(|progress| progress.outcome.is_some());
    let context = || context.name.clone();
    match tokio::time::timeout(ENDING, ending).await {
        Err(_) => Err(ControlError::Slow { context: context() }),
        Ok(ended) => match ended.outcome {
            Some(Outcome::Aborted { .. } | Outcome::Refused(_)) => Ok(()),
            _ => Err(ControlError::TooLate { context: context() }),
        },
    }
}

/// Keeps it in the history of the rollout and of its version.
async fn note(
    deployer: &Deployer,
    context: &Context,
    rollout: &Rollout,
    order: Order,
    reason: Option<&str>,
    by: &str,
) {
    let progress = rollout.progress();
    let reason = reason.map(|reason| format!(": {reason}"));
    let reason = reason.unwrap_or_default();
    let place = match progress.weight {
        0 => String::new(),
        weight => format!(" at {weight} %"),
    };
    let done = order.done();
    rollout.did(format!("{done}{place} by {by}{reason}"), Duration::ZERO);
    if !rollout.was_entered() {
        return;
    }
    let because = Because {
        by: by.to_owned(),
        reason: format!("{done}{place}{reason}"),
        rollout: Some(rollout.id.clone()),
        at: None,
    };
    let state = match progress.stage {
        Stage::Ramping => State::Ramping,
        _ => State::Uploaded,
    };
    swap::note(deployer, context, &[(rollout.digest(), state)], &because).await;
}
