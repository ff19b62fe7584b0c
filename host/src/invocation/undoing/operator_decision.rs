//! Calls that are still to be undone, as operators see them, and what operators decide about those that could not be.

use std::sync::Arc;

use super::attempt;
use super::compensation;
use super::one_call;
use super::unreadable;
use crate::core::{CallId, ContextName, CorrelationId, InvocationId, wall_clock};
use crate::invocation::context::Context;
use crate::invocation::invoker::Invoker;
use crate::invocation::record::{self, Compensation, Stuck};
use crate::journal::{self, CommitError, KeyRange, Space};

/// A call that is still to be undone, as operators see it.
#[derive(Clone, Debug)]
pub struct PendingCompensation {
    /// Names it in the context that called.
    pub id: String,
    /// The invocation that made the call, and did not commit.
    pub causation_id: InvocationId,
    /// What is known of it; none where its record cannot be read.
    pub known: Option<Known>,
    /// How often it was tried in vain.
    pub failures: u32,
    /// Why operators are shown it, since it was refused too often, could not be reached for too long, or cannot be read; none before.
    pub stuck: Option<Stuck>,
}

/// What the record of a call that is to be undone says.
#[derive(Clone, Debug)]
pub struct Known {
    /// The call's id; none where it is all that the invocation has called at the callee.
    pub call: Option<CallId>,
    /// The context that ran it.
    pub callee: ContextName,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
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
    for page in compensation::pages(&context.ledger, KeyRange::all()) {
        for (key, value) in page? {
            let read = value.and_then(|value| record::read::<Compensation>(&key, &value));
            visit(match read {
                Ok(compensation) => readable(context, &key, compensation),
                Err(error) => unreadable(context, &key, &error),
            });
        }
    }
    Ok(())
}

fn readable(context: &Context, key: &[u8], compensation: Compensation) -> PendingCompensation {
    let (failures, stuck) = match attempt::overdue(context, key, &compensation) {
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
    PendingCompensation {
        id: String::from_utf8_lossy(key).into_owned(),
        causation_id: compensation.causation_id,
        known: Some(Known {
            call: match compensation.all_of {
                Some(_) => None,
                None => Some(compensation.call),
            },
            callee: compensation.callee,
            correlation_id: compensation.correlation_id,
        }),
        failures,
        stuck,
    }
}

fn unreadable(context: &Context, key: &[u8], error: &journal::Error) -> PendingCompensation {
    PendingCompensation {
        id: String::from_utf8_lossy(key).into_owned(),
        causation_id: compensation::caller_of(key),
        known: None,
        failures: 0,
        stuck: Some(Stuck {
            time: unreadable::note(context, key, error),
            reason: error.to_string(),
        }),
    }
}

/// The texts and numbers that a call was given and has answered, which may come up again in why it is not undone; none when that is not kept any more.
pub fn texts(invoker: &Invoker, pending: &PendingCompensation) -> Option<Vec<String>> {
    let Some(known) = &pending.known else {
        // Why it cannot be read says nothing of them.
        return Some(Vec::new());
    };
    let callee = invoker.contexts.get(&known.callee)?;
    one_call::texts(&callee, known.call.as_ref()?)
        .ok()
        .flatten()
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
    let read = match record::find::<Compensation>(&context.ledger, Space::Compensation, id) {
        Ok(Some(compensation)) => Some(compensation),
        Ok(None) => return Ok(false),
        Err(error) if error.is_of_one_value() => None,
        Err(error) => return Err(error.into()),
    };
    let mut compensation = match (read, decision) {
        (Some(compensation), _) => Some(compensation),
        (None, Decision::Drop) => None,
        (None, Decision::Retry) => {
            // It is read anew.
            context.compensations.wake();
            return Ok(true);
        }
    };
    if let Some(compensation) = &mut compensation
        && compensation.stuck.take().is_none()
    {
        if attempt::overdue(context, key, compensation).is_none() {
            return Ok(false);
        }
        if decision == Decision::Retry {
            context.compensations.hurry(key, compensation);
            return Ok(true);
        }
    }
    let (purpose, write) = match (decision, &mut compensation) {
        (Decision::Retry, Some(compensation)) => {
            compensation.failures = 0;
            compensation.due = wall_clock();
            let write = record::write(Space::Compensation, id, compensation)?;
            ("undo retried by an operator", write)
        }
        _ => {
            let removal = record::removal(Space::Compensation, id);
            ("undo dropped by an operator", removal)
        }
    };
    let unit = attempt::unit(compensation.as_ref(), purpose, began, key, vec![write]);
    context.ledger.commit(unit).await?;
    unreadable::forget(context, key);
    let run = compensation::run_of(key);
    // It is done, whatever can be read now; a pause that is not forgotten ends by itself.
    let owed = compensation::is_owed(
        &context.ledger,
        &String::from_utf8_lossy(run).as_ref().into(),
    );
    if let Ok(false) = owed {
        context.compensations.pauses.forget(run);
    }
    context.compensations.wake();
    Ok(true)
}
