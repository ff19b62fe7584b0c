//! A record of the rollout in progress in the host's own journal, from which the next start reports one that was interrupted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deployer::Deployer;
use super::history::{self, Because, History};
use super::progress::{Outcome, Rollout};
use super::version_state::State;
use crate::core::{CorrelationId, VersionDigest};
use crate::invocation::{Context, record};
use crate::journal::{self, CommitError, Ledger, Proposal, ReadSet, Space, Unit};
use crate::manifest::HOST_SOURCE;
use crate::versions::Identity;

/// What is said of a rollout that was cut off.
const CUT_OFF: &str = "its rollout was interrupted when the host stopped, and the version before it serves; deploy it again";

/// A rollout that has begun, and whose watch has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    /// Its id.
    rollout: CorrelationId,
    /// The digest of its version.
    digest: VersionDigest,
    /// Who began it.
    by: String,
}

fn key(context: &Context) -> String {
    format!("rollout/{}", context.name)
}

fn ledger(deployer: &Deployer) -> Result<Arc<Ledger>, journal::Error> {
    deployer.ledger(HOST_SOURCE).ok_or(journal::Error::Closed)
}

fn find(deployer: &Deployer, context: &Context) -> Result<Option<Pending>, journal::Error> {
    record::find(&*ledger(deployer)?, Space::Meta, &key(context))
}

/// Notes that a rollout has begun.
pub(super) async fn note(
    deployer: &Deployer,
    context: &Context,
    rollout: &Rollout,
) -> Result<(), CommitError> {
    let pending = Pending {
        rollout: rollout.id.clone(),
        digest: rollout.digest(),
        by: rollout.by.clone(),
    };
    let ledger = ledger(deployer)?;
    let write = record::write(Space::Meta, &key(context), &pending)?;
    let unit = Unit::bookkeeping("rollout", ledger.applied(), vec![write]);
    ledger.commit(unit).await?;
    Ok(())
}

/// Notes that a rollout has ended; another one may have begun since.
pub(super) async fn clear(deployer: &Deployer, context: &Context, rollout: &CorrelationId) {
    clear_if(deployer, context, |pending| pending.rollout == *rollout).await;
}

/// Notes that the rollout of a version has ended, since an operator has rolled the version back.
pub(super) async fn clear_version(deployer: &Deployer, context: &Context, version: VersionDigest) {
    clear_if(deployer, context, |pending| pending.digest == version).await;
}

async fn clear_if(deployer: &Deployer, context: &Context, is_it: impl Fn(&Pending) -> bool) {
    if let Err(error) = try_clear(deployer, context, is_it).await {
        // The next start tells of it then, though it was told already.
        tracing::debug!(context = context.name.as_str(), %error, "could not record that a rollout has ended");
    }
}

async fn try_clear(
    deployer: &Deployer,
    context: &Context,
    is_it: impl Fn(&Pending) -> bool,
) -> Result<(), CommitError> {
    let key = key(context);
    let ledger = ledger(deployer)?;
    let cleared = ledger.commit_proposed(None, |began| {
        if !find(deployer, context)?.is_some_and(|pending| is_it(&pending)) {
            return Ok(Proposal::Nothing(()));
        }
        let mut reads = ReadSet::default();
        reads.note_key(Space::Meta, key.as_bytes());
        let unit = Unit {
            reads,
            ..Unit::bookkeeping("rollout", began, vec![record::removal(Space::Meta, &key)])
        };
        Ok(Proposal::Commit(unit, ()))
    });
    cleared.await
}

/// Says, at a start, what became of a rollout that the last stop has cut off: in the version's history, and to whoever asks for the newest rollout.
pub(super) async fn settle(
    deployer: &Deployer,
    context: &Context,
    current: Option<VersionDigest>,
) -> Result<(), CommitError> {
    let Some(pending) = find(deployer, context)? else {
        return Ok(());
    };
    let entry = History::of(deployer, &context.name)?.find(pending.digest)?;
    let mut identity = Identity {
        digest: pending.digest,
        number: 0,
        label: None,
    };
    let mut outcome = Outcome::Aborted {
        reason: CUT_OFF.to_owned(),
    };
    if let Some(entry) = entry {
        (identity.number, identity.label) = (entry.number, entry.label);
        let last = entry.history.last().map(|step| step.reason.clone());
        match entry.state {
            _ if current == Some(pending.digest) => {
                outcome = Outcome::Current {
                    decided: std::time::Duration::ZERO,
                };
            }
            State::Rejected | State::Quarantined => {
                let reason = last.unwrap_or_default();
                outcome = Outcome::Aborted { reason };
            }
            _ => {
                tracing::warn!(
                    context = context.name.as_str(),
                    number = entry.number,
                    correlation_id = pending.rollout.as_str(),
                    "{CUT_OFF}"
                );
                let because = Because::host(CUT_OFF, Some(pending.rollout.clone()));
                let change = [(pending.digest, State::Uploaded)];
                history::record_changes(deployer, context, &change, &because).await;
            }
        }
    }
    deployer
        .rollouts(context)
        .remember(pending.rollout.clone(), &pending.by, identity, outcome);
    try_clear(deployer, context, |found| found.rollout == pending.rollout).await
}
