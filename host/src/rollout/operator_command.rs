//! Commands of operators to a rollout in progress: pause, resume, promote, abort.

use std::sync::Arc;
use std::time::Duration;

use super::deployer::Deployer;
use super::history::{self, Because};
use super::progress::{Outcome, Rollout, Stage, Unchanged};
use crate::core::ContextName;
use crate::invocation::Context;

/// How long an aborted rollout may take to end.
pub(super) const ENDING: Duration = Duration::from_secs(30);

/// A command to a rollout in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Keep the share of the work that the version has, until it is resumed. A version that does worse is aborted all the same.
    Pause,
    /// Go on.
    Resume,
    /// Give the version all of the work now, without the rest of the ramp.
    Promote,
    /// End the rollout; the version before it gets all of the work.
    Abort,
}

impl OperatorCommand {
    /// Its name, as operators write it.
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

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No rollout is in progress.
    #[error(
        "no rollout of context {context} is in progress; `innkeeper versions {context} --history` shows how the last one ended, and `innkeeper rollback {context}` rolls back the current version"
    )]
    Nothing {
        /// The context.
        context: ContextName,
    },
    /// The rollout is in that state already.
    #[error("the rollout of context {context} is already {state}")]
    Already {
        /// The context.
        context: ContextName,
        /// What it is.
        state: &'static str,
    },
    /// The state is being migrated, which has no steps.
    #[error(
        "the state of context {context} is being migrated, which cannot be {command}d; wait for its end, or abort it with `innkeeper rollout abort {context}`"
    )]
    Moving {
        /// The context.
        context: ContextName,
        /// What was asked.
        command: &'static str,
    },
    /// The rollout has ended, or its version is taking over.
    #[error(
        "the rollout of context {context} has ended, or its version is just taking over; `innkeeper rollback {context}` rolls it back"
    )]
    TooLate {
        /// The context.
        context: ContextName,
    },
    /// The rollout did not end in time.
    #[error("the rollout of context {context} has not ended within {ENDING:?}; ask again")]
    Slow {
        /// The context.
        context: ContextName,
    },
}

/// Executes a command on the rollout in progress of a context, and records in its history who gave it, and why.
///
/// # Errors
///
/// See [`CommandError`].
pub async fn execute_command(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    command: OperatorCommand,
    reason: Option<String>,
    by: &str,
) -> Result<Arc<Rollout>, CommandError> {
    let name = || context.name.clone();
    let rollout = deployer.rollouts(context).controllable();
    let rollout = rollout.ok_or_else(|| CommandError::Nothing { context: name() })?;
    let stage = rollout.progress().stage;
    if stage == Stage::Migrating && command != OperatorCommand::Abort {
        return Err(CommandError::Moving {
            context: name(),
            command: command.name(),
        });
    }
    let done = match command {
        OperatorCommand::Pause => rollout.pause(),
        OperatorCommand::Resume => rollout.resume(),
        OperatorCommand::Promote => rollout.promote(),
        OperatorCommand::Abort => {
            abort(context, &rollout, reason.clone(), by).await?;
            Ok(())
        }
    };
    done.map_err(|unchanged| match unchanged {
        Unchanged::Already(state) => CommandError::Already {
            context: name(),
            state,
        },
        Unchanged::TooLate => CommandError::TooLate { context: name() },
    })?;
    if command != OperatorCommand::Abort {
        note(deployer, context, &rollout, command, reason.as_deref(), by).await;
    }
    tracing::info!(
        target: "innkeeper::audit",
        by,
        context = context.name.as_str(),
        digest = %rollout.digest(),
        command = command.name(),
        reason = reason.unwrap_or_default(),
        correlation_id = rollout.id.as_str(),
        "an operator changed a rollout"
    );
    Ok(rollout)
}

/// Ends it, and waits until it has.
async fn abort(
    context: &Context,
    rollout: &Rollout,
    reason: Option<String>,
    by: &str,
) -> Result<(), CommandError> {
    rollout.abort(by, reason);
    let ending = rollout.until(|progress| progress.outcome.is_some());
    let context = || context.name.clone();
    match tokio::time::timeout(ENDING, ending).await {
        Err(_) => Err(CommandError::Slow { context: context() }),
        Ok(ended) => match ended.outcome {
            Some(Outcome::Aborted { .. } | Outcome::Refused(_)) => Ok(()),
            _ => Err(CommandError::TooLate { context: context() }),
        },
    }
}

/// Keeps it in the history of the rollout and of its version.
async fn note(
    deployer: &Deployer,
    context: &Context,
    rollout: &Rollout,
    command: OperatorCommand,
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
    let done = command.done();
    rollout.log_step(format!("{done}{place} by {by}{reason}"), Duration::ZERO);
    if !rollout.is_in_history() {
        return;
    }
    let because = Because {
        by: by.to_owned(),
        reason: format!("{done}{place}{reason}"),
        rollout: Some(rollout.id.clone()),
        at: None,
    };
    history::record_remark(deployer, context, rollout.digest(), &because).await;
}
