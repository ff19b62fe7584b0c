//! Rollbacks: a version that served before takes over again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::active_version::ActiveVersion;
use super::deployer::Deployer;
use super::history::{self, Because, Entry, History};
use super::operator_command::ENDING;
use super::progress::Outcome;
use super::refusal::Refusal;
use super::swap::{self, SwapError, SwapKind, Swapped};
use super::version_state::State;
use super::{gates, interrupted_rollout, signature_check};
use crate::core::{ContextName, CorrelationId};
use crate::invocation::Context;
use crate::journal::{self, CommitError};
use crate::versions::{Identity, Version};

/// How many digits of a digest name a version.
pub const SHORTEST_DIGEST: usize = 6;

/// Why there was no rollback.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// There is nothing to go back to.
    #[error("context {context} has no version to roll back to: {reason}")]
    Nothing {
        /// The context.
        context: ContextName,
        /// Why not to the one that was asked for, or to any.
        reason: String,
    },
    /// A rollout is under way, and a certain version was asked for, or it does not end.
    #[error(
        "a rollout of context {context}, started by {by}, is {doing}; wait for its end, or end it with `innkeeper rollback {context}`"
    )]
    UnderWay {
        /// The context.
        context: ContextName,
        /// What it does.
        doing: String,
        /// Who began it.
        by: String,
    },
    /// The version does not fit any more.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another version has taken over meanwhile.
    #[error("{0}")]
    Overtaken(String),
    /// It could not be made durable.
    #[error(transparent)]
    Journal(#[from] CommitError),
}

impl From<SwapError> for RollbackError {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Refused(refusal) => Self::Refused(refusal),
            SwapError::Journal(error) => Self::Journal(error),
            SwapError::Overtaken { .. } => Self::Overtaken(error.to_string()),
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
    /// Whether it was only on its way in.
    pub was_on_its_way: bool,
    /// How long it took, from the command to the exchange.
    pub took: Duration,
}

/// Goes back: ends a rollout that is under way, or exchanges the version that serves for the one before it, or for the one that is named by its number or
/// the beginning of its digest.
///
/// # Errors
///
/// See [`RollbackError`].
pub async fn rollback(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    wanted: Option<&str>,
    reason: Option<String>,
    by: &str,
) -> Result<RolledBack, RollbackError> {
    let began = Instant::now();
    if let Some(ended) = end_rollout(deployer, context, wanted, reason.clone(), by, began).await? {
        return Ok(ended);
    }
    let from = context.version();
    let from = from.ok_or_else(|| nothing(context, "no version is serving"))?;
    let because = Because {
        by: by.to_owned(),
        reason: match reason {
            Some(reason) => format!("rolled back from version {}: {reason}", from.number),
            None => format!("rolled back from version {}", from.number),
        },
        rollout: Some(CorrelationId::random()),
        at: None,
    };
    let to = match wanted {
        Some(wanted) => find(deployer, context, wanted, &from)?,
        None => before(deployer, context, &from).await?,
    };
    let version = go_back(deployer, context, &to, &from, SwapKind::Rollback, &because).await?;
    // Its watch notices in a moment, and a stop may come before that.
    interrupted_rollout::clear_version(deployer, context, from.digest).await;
    tracing::info!(
        target: "innkeeper::audit", by, context = context.name.as_str(), from = %from.title, to = %version.title, "rolled back"
    );
    Ok(RolledBack {
        to: version.identity(),
        from: from.identity(),
        was_on_its_way: false,
        took: began.elapsed(),
    })
}

/// Ends a rollout that is under way, unless a certain version is wanted.
async fn end_rollout(
    deployer: &Deployer,
    context: &Context,
    wanted: Option<&str>,
    reason: Option<String>,
    by: &str,
    began: Instant,
) -> Result<Option<RolledBack>, RollbackError> {
    let Some(rollout) = deployer.rollouts(context).controllable() else {
        return Ok(None);
    };
    let error = || RollbackError::UnderWay {
        context: context.name.clone(),
        doing: rollout.progress().stage.name().to_owned(),
        by: rollout.by.clone(),
    };
    if wanted.is_some() {
        return Err(error());
    }
    rollout.abort(by, reason);
    let ending = rollout.until(|progress| progress.outcome.is_some());
    let ended = tokio::time::timeout(ENDING, ending).await;
    let ended = ended.map_err(|_| error())?;
    let serves = context.version();
    match (ended.outcome, serves) {
        (Some(Outcome::Aborted { .. } | Outcome::Refused(_)), Some(serves)) => {
            Ok(Some(RolledBack {
                to: serves.identity(),
                from: ended.version,
                was_on_its_way: true,
                took: began.elapsed(),
            }))
        }
        // It had taken over meanwhile: then that is rolled back.
        _ => Ok(None),
    }
}

fn nothing(context: &Context, reason: impl Into<String>) -> RollbackError {
    RollbackError::Nothing {
        context: context.name.clone(),
        reason: reason.into(),
    }
}

/// The version that served before, and may still.
async fn before(
    deployer: &Deployer,
    context: &Context,
    from: &Version,
) -> Result<Entry, RollbackError> {
    let history = History::of(deployer, &context.name)?;
    let active = ActiveVersion::read(&context.ledger)?.unwrap_or_default();
    let mut refused = None;
    for digest in active.before.iter().copied() {
        let entry = history.find(digest)?;
        let Some(entry) = entry.filter(|entry| unsound(entry, from).is_none()) else {
            continue;
        };
        match signature_check::check(deployer, context, digest, None).await {
            Ok(_) => return Ok(entry),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    match refused {
        Some(refusal) => Err(refusal.into()),
        None => Err(nothing(
            context,
            "the current version is the first, or the others were removed or are quarantined",
        )),
    }
}

/// The version of this number or digest, whenever it served: one that was rolled back from can be gone back to as well.
fn find(
    deployer: &Deployer,
    context: &Context,
    wanted: &str,
    from: &Version,
) -> Result<Entry, RollbackError> {
    let entries = History::of(deployer, &context.name)?.list()?;
    let is_meant = |entry: &Entry| {
        wanted == entry.number.to_string()
            || (wanted.len() >= SHORTEST_DIGEST
                && entry.digest.with_text(|digest| digest.starts_with(wanted)))
    };
    let mut meant: Vec<_> = entries.into_iter().filter(is_meant).collect();
    match (meant.pop(), meant.is_empty()) {
        (None, _) => Err(nothing(
            context,
            format!("no version has the number {wanted}, or a digest that starts with it"),
        )),
        (Some(_), false) => Err(nothing(
            context,
            format!("several digests start with {wanted}; write more of it"),
        )),
        (Some(entry), true) => match unsound(&entry, from) {
            None => Ok(entry),
            Some(why) => Err(nothing(context, format!("version {} {why}", entry.number))),
        },
    }
}

/// Why a version cannot be gone back to, if it cannot.
fn unsound(entry: &Entry, from: &Version) -> Option<&'static str> {
    if entry.digest == from.digest {
        return Some("is already serving");
    }
    if entry.state == State::Quarantined {
        return Some("is quarantined; to use it anyway, deploy it with --force");
    }
    if !entry.has_served() {
        return Some("has never served; deploy it");
    }
    (!entry.is_stored).then_some("is so old that its component was removed; deploy it again")
}

/// Whether there is a version that could take over from one that serves.
pub(super) async fn has_version_before(
    deployer: &Deployer,
    context: &Context,
    from: &Version,
) -> bool {
    before(deployer, context, from).await.is_ok()
}

async fn go_back(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    to: &Entry,
    from: &Arc<Version>,
    kind: SwapKind,
    because: &Because,
) -> Result<Arc<Version>, RollbackError> {
    let version = gates::load_stored(deployer, context, to).await?;
    let swapped = swap::swap(deployer, context, &version, Some(from), kind, because).await;
    let Swapped { decided, .. } = swapped?;
    context.metrics.swap(decided);
    Ok(version)
}

/// Takes a version out of service that does harm, and quarantines it: the one before it takes over again.
pub(super) async fn roll_back_automatically(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    because: &Because,
) -> Result<(), RollbackError> {
    // What it goes back to is not removed meanwhile.
    let _entering = deployer.components.entering().await;
    let to = before(deployer, context, version).await?;
    // Before it is out of service, so that a crash in between does not make it one like others.
    let note = async |state| {
        let change = [(version.digest, state)];
        history::record_changes(deployer, context, &change, because).await;
    };
    note(State::Quarantined).await;
    let gone_back = go_back(
        deployer,
        context,
        &to,
        version,
        SwapKind::AutomaticRollback,
        because,
    )
    .await;
    if let Err(error) = gone_back {
        // Whoever has taken it out of service has done no wrong; but where it serves on, it is what it is.
        let serves = context.version();
        if serves.is_some_and(|serves| serves.digest == version.digest) {
            note(State::Current).await;
        }
        return Err(error);
    }
    tracing::info!(
        target: "innkeeper::audit", by = "host", context = context.name.as_str(), from = %version.title, to = format_args!("{:.12}", to.digest), "rolled back"
    );
    Ok(())
}
