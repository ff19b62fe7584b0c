//! Rollbacks: a version that served before takes over again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gate::Refusal;
use super::progress::{Outcome, Stage};
use super::register::{Because, Entry, Register, State};
use super::standing::Standing;
use super::swap::{self, SwapError, Swapped, Way};
use super::upload::short;
use super::version::{Identity, Version};
use super::{prove, schema};
use crate::app::{Context, Host};
use crate::invocation::random_id;
use crate::journal::{self, CommitError};

/// Why there was no rollback.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// There is nothing to go back to.
    #[error(
        "context {context} has no version to go back to: {}", what(.wanted.as_deref())
    )]
    Nothing {
        /// The context.
        context: String,
        /// What was asked for.
        wanted: Option<String>,
    },
    /// A rollout is at a point at which there is nothing to take back yet.
    #[error(
        "a rollout of context {context} is {doing}, begun by {by}; its version does not serve yet. Try again when it has ended"
    )]
    UnderWay {
        /// The context.
        context: String,
        /// What it does.
        doing: String,
        /// Who began it.
        by: String,
    },
    /// The version does not fit any more.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable.
    #[error(transparent)]
    Journal(#[from] CommitError),
}

fn what(wanted: Option<&str>) -> String {
    match wanted {
        None => "the one that serves is the first, or the others are gone".to_owned(),
        Some(wanted) => format!(
            "none that served before has the number or digest {wanted}, or its bytes are gone"
        ),
    }
}

impl From<SwapError> for RollbackError {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Refused(refusal) => Self::Refused(refusal),
            SwapError::Journal(error) => Self::Journal(error),
        }
    }
}

impl From<journal::Error> for RollbackError {
    fn from(error: journal::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// What a rollback did.
#[derive(Clone, Debug)]
pub struct RolledBack {
    /// The version that serves now.
    pub to: Identity,
    /// The version that was taken out of service.
    pub from: Identity,
    /// Whether it was only being ramped up.
    pub was_ramping: bool,
    /// How long it took, from the command to the exchange.
    pub took: Duration,
}

/// Goes back: ends a ramp, or exchanges the version that serves for the one before it, or for the one that is named by its number or the beginning of its
/// digest.
///
/// # Errors
///
/// See [`RollbackError`].
pub async fn rollback(
    host: &Arc<Host>,
    context: &Arc<Context>,
    wanted: Option<&str>,
    reason: Option<String>,
    by: &str,
) -> Result<RolledBack, RollbackError> {
    let began = Instant::now();
    if let Some(ended) = end_rollout(context, wanted, began).await? {
        return Ok(ended);
    }
    let nothing = || RollbackError::Nothing {
        context: context.name.clone(),
        wanted: wanted.map(str::to_owned),
    };
    let from = context.version().ok_or_else(nothing)?;
    let because = Because {
        by: by.to_owned(),
        reason: match reason {
            Some(reason) => format!("rolled back from version {}: {reason}", from.number),
            None => format!("rolled back from version {}", from.number),
        },
        rollout: random_id(),
        at: None,
    };
    let to = find(host, context, wanted)?.ok_or_else(nothing)?;
    let version = go_back(host, context, &to, Way::Back, &because).await?;
    tracing::info!(
        target: "innkeeper::audit", by, context = context.name, from = %from.title, to = %version.title, "rolled back"
    );
    Ok(RolledBack {
        to: version.identity(),
        from: from.identity(),
        was_ramping: false,
        took: began.elapsed(),
    })
}

/// Ends a ramp that is under way, unless a certain version is wanted.
async fn end_rollout(
    context: &Context,
    wanted: Option<&str>,
    began: Instant,
) -> Result<Option<RolledBack>, RollbackError> {
    let Some(rollout) = context.rollouts.newest().filter(|newest| !newest.is_over()) else {
        return Ok(None);
    };
    let progress = rollout.progress();
    let serves = context.version();
    if let (Stage::Ramping, None, Some(serves)) = (progress.stage, wanted, serves)
        && serves.digest != progress.version.digest
    {
        rollout.abort.cancel();
        let ended = rollout.until(|progress| progress.outcome.is_some()).await;
        if matches!(ended.outcome, Some(Outcome::Current { .. })) {
            // It had taken over meanwhile: then that is taken back.
            return Ok(None);
        }
        return Ok(Some(RolledBack {
            to: serves.identity(),
            from: progress.version,
            was_ramping: true,
            took: began.elapsed(),
        }));
    }
    Err(RollbackError::UnderWay {
        context: context.name.clone(),
        doing: progress.stage.name().to_owned(),
        by: rollout.by.clone(),
    })
}

/// The version to go back to.
fn find(
    host: &Host,
    context: &Context,
    wanted: Option<&str>,
) -> Result<Option<Entry>, journal::Error> {
    let register = Register::of(host, &context.name)?;
    let standing = Standing::read(&context.ledger)?.unwrap_or_default();
    for digest in &standing.before {
        let Some(entry) = register.find(digest)? else {
            continue;
        };
        let is_meant = wanted.is_none_or(|wanted| {
            wanted == entry.number.to_string()
                || (wanted.len() >= 6 && entry.digest.starts_with(wanted))
        });
        let is_sound = entry.is_stored && entry.state != State::Quarantined;
        if is_meant && is_sound {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

async fn go_back(
    host: &Arc<Host>,
    context: &Arc<Context>,
    to: &Entry,
    way: Way,
    because: &Because,
) -> Result<Arc<Version>, RollbackError> {
    let version = prove::load_stored(host, context, to).await?;
    let standing = Standing::read(&context.ledger)?.unwrap_or_default();
    schema::can_go_back(&context.name, &standing, &version)?;
    let Swapped { decided, .. } = swap::swap(host, context, &version, way, because).await?;
    context.metrics.swap(decided);
    Ok(version)
}

/// Takes a version out of service that does harm, and quarantines it: the one before it takes over again.
pub(super) async fn take_back(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    because: &Because,
) -> Result<(), RollbackError> {
    let to = find(host, context, None)?.ok_or_else(|| RollbackError::Nothing {
        context: context.name.clone(),
        wanted: None,
    })?;
    go_back(host, context, &to, Way::BackFromHarm, because).await?;
    // Not only when it is empty: nobody may bring it again meanwhile.
    let change = [(version.digest.as_str(), State::Quarantined)];
    swap::note(host, context, &change, because).await;
    tracing::info!(
        target: "innkeeper::audit", by = "host", context = context.name, from = %version.title, to = short(&to.digest), "rolled back"
    );
    Ok(())
}
