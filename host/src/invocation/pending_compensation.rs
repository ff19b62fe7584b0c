//! Calls that are still to be undone, as operators see them, and what operators decide about those that could not be.

use std::sync::Arc;

use super::compensation;
use super::context::Context;
use super::invoker::Invoker;
use super::record::{self, Compensation, Stuck};
use super::undo_attempt;
use super::undo_call;
use crate::core::{CallId, CorrelationId, InvocationId, wall_clock};
use crate::journal::{self, CommitError, KeyRange, Space};

/// A call that is still to be undone, as operators see it.
#[derive(Clone, Debug)]
pub struct PendingCompensation {
    /// Names it in the context that called.
    pub id: String,
    /// The call's id.
    pub call: CallId,
    /// The context that ran it.
    pub callee: String,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// The invocation that made it, and did not commit.
    pub causation_id: InvocationId,
    /// How often it was tried in vain.
    pub failures: u32,
    /// Why operators are shown it, since it was refused too often, or could not be reached for too long; none before.
    pub stuck: Option<Stuck>,
}

/// Visits what a context has to undo, in no particular order.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn each_pending(
    context: &Context,
    mut visit: impl FnMut(PendingCompensation),
) -> Result<(), journal::Error> {
    for page in compensation::pages(context, KeyRange::all()) {
        for (key, value) in page? {
            let compensation: Compensation = record::read(&key, &value)?;
            let (failures, stuck) = match undo_attempt::overdue(context, &key, &compensation) {
                Some(tries) if compensation.stuck.is_none() => {
                    let stuck_after = context.settings.limits.stuck_after.as_millis();
                    let stuck_after = u64::try_from(stuck_after).unwrap_or(u64::MAX);
                    let stuck = Stuck {
                        time: compensation.time.saturating_add(stuck_after),
                        reason: tries.reason,
                    };
                    (
                        compensation.failures.saturating_add(tries.count),
                        Some(stuck),
                    )
                }
                _ => (compensation.failures, compensation.stuck),
            };
            visit(PendingCompensation {
                id: String::from_utf8_lossy(&key).into_owned(),
                call: compensation.call,
                callee: compensation.callee,
                correlation_id: compensation.correlation_id,
                causation_id: compensation.causation_id,
                failures,
                stuck,
            });
        }
    }
    Ok(())
}

/// The texts and numbers that a call was given and has answered, which may come up again in why it is not undone; none when that is not kept any more.
pub fn texts(invoker: &Invoker, pending: &PendingCompensation) -> Option<Vec<String>> {
    let callee = invoker.contexts.get(&pending.callee)?;
    undo_call::texts(&callee, &pending.call).ok().flatten()
}

/// What an operator decides about a call that could not be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is tried again, as often as at first.
    Retry,
    /// It stays as it is: what was called is not undone.
    Drop,
}

/// Carries out what an operator has decided about a call that could not be undone. False when there is no such call, or operators are not shown it yet.
///
/// # Errors
///
/// When the journal cannot be read or written.
pub async fn decide(
    context: &Arc<Context>,
    id: &str,
    decision: Decision,
) -> Result<bool, CommitError> {
    let key = id.as_bytes();
    let began = context.ledger.applied();
    let Some(stored) = context.ledger.get(Space::Compensation, key)? else {
        return Ok(false);
    };
    let mut compensation: Compensation = record::read(key, &stored)?;
    if compensation.stuck.take().is_none() {
        if undo_attempt::overdue(context, key, &compensation).is_none() {
            return Ok(false);
        }
        if decision == Decision::Retry {
            context.compensations.hurry(key, &compensation);
            return Ok(true);
        }
    }
    let write = match decision {
        Decision::Drop => record::removal(Space::Compensation, id),
        Decision::Retry => {
            compensation.failures = 0;
            compensation.due = wall_clock();
            record::write(Space::Compensation, id, &compensation)?
        }
    };
    let purpose = match decision {
        Decision::Drop => "undo dropped by an operator",
        Decision::Retry => "undo retried by an operator",
    };
    let unit = undo_attempt::unit(&compensation, purpose, began, key, write);
    context.ledger.commit(unit).await?;
    let run = compensation::run_of(key);
    if !compensation::is_owed(context, &String::from_utf8_lossy(run).as_ref().into())? {
        context.compensations.pauses.forget(run);
    }
    context.compensations.wake();
    Ok(true)
}
