//! One attempt to undo a call, and what is kept of it: nothing more when it is undone, how often it was refused in the journal, and that it could not be
//! reached in memory alone.

use std::sync::Arc;
use std::time::Duration;

use super::all_calls;
use super::compensation::{caller_of, run_of};
use super::one_call::{self, Undone};
use super::pauses::{Obstacle, Refusal, Speak, Tries};
use super::unreadable;
use crate::core::{Backoff, human_duration, wall_clock};
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::invoker::Invoker;
use crate::invocation::record::{self, Compensation, Stuck};
use crate::journal::{Durability, Space, Unit, Write};

/// The pause after a first refusal; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Whether undoing may have been tried before, by someone who has not lived to tell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    First,
    Again,
}

/// What is left to undo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// When the first of it is tried again; none when nothing is left but what is stuck.
    pub due: Option<u64>,
}

impl Left {
    pub const NOTHING: Self = Self { due: None };

    pub fn due(time: u64) -> Self {
        Self { due: Some(time) }
    }

    pub fn soon() -> Self {
        Self::due(wall_clock())
    }

    /// Whether it need not be waited for.
    pub fn is_due(self) -> bool {
        self.due.is_some_and(|due| due <= wall_clock())
    }

    fn after(pause: Duration) -> Self {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        Self {
            due: Some(wall_clock().saturating_add(pause)),
        }
    }
}

/// Undoes one call, unless it is not time yet.
pub(super) async fn undo_one(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    key: &[u8],
    which: Try,
) -> Result<Left, Failure> {
    let Some(_claim) = context.compensations.claim(key) else {
        return Ok(Left::soon());
    };
    let stored = context.ledger.get(Space::Compensation, key);
    let read = stored.and_then(|stored| {
        let read = |stored: Vec<u8>| record::read::<Compensation>(key, &stored);
        stored.map(read).transpose()
    });
    let compensation = match read {
        Ok(Some(compensation)) => compensation,
        Ok(None) => return Ok(Left::NOTHING),
        // It is for an operator, and the others go on.
        Err(error) if error.is_of_one_value() => {
            unreadable::note(context, key, &error);
            return Ok(Left::NOTHING);
        }
        Err(error) => return Err(error.into()),
    };
    if compensation.stuck.is_some() {
        return Ok(Left::NOTHING);
    }
    if compensation.due > wall_clock() {
        return Ok(Left::due(compensation.due));
    }
    let pauses = &context.compensations.pauses;
    if let Some(pause) = pauses.remaining(&compensation.callee, run_of(key)) {
        return Ok(Left::after(pause));
    }
    let undone = one_call::undo(invoker, context, &compensation, which).await;
    let refusal = match &undone {
        Err(refusal) if !matches!(refusal.obstacle, Obstacle::Refused | Obstacle::Unreadable) => {
            return Ok(not_reached(context, key, &compensation, refusal));
        }
        Err(refusal) => Some(refusal),
        Ok(_) => None,
    };
    let is_asked = refusal.is_none_or(|refusal| refusal.obstacle != Obstacle::Unreadable);
    if is_asked && pauses.reached(&compensation.callee, run_of(key)) {
        tracing::info!(
            context = context.name.as_str(),
            callee = compensation.callee.as_str(),
            "what is to be undone reaches its callee again"
        );
        // The calls of others wait for the same.
        context.compensations.wake();
    }
    if let Some(refusal) = refusal {
        return failed(context, key, compensation, refusal).await;
    }
    match undone {
        Ok(Undone::Calls(run, calls)) => {
            all_calls::replace(context, key, &compensation, &run, calls).await?;
            return Ok(Left::soon());
        }
        Ok(Undone::Now) => context.metrics.compensations.increment(1),
        Ok(Undone::NothingToDo) | Err(_) => {}
    }
    remove(context, key, &compensation).await?;
    Ok(Left::NOTHING)
}

/// Whether a call is to be undone for so long that operators are shown it, if it cannot be reached.
fn is_overdue(context: &Context, compensation: &Compensation) -> bool {
    let age = wall_clock().saturating_sub(compensation.time);
    Duration::from_millis(age) >= context.settings.limits.stuck_after
}

/// What has come of the tries to undo a call, when it could not be reached for so long that operators are shown it.
pub(super) fn overdue(context: &Context, key: &[u8], compensation: &Compensation) -> Option<Tries> {
    let pauses = &context.compensations.pauses;
    let tries = pauses.tries(&compensation.callee, run_of(key));
    tries.filter(|_| is_overdue(context, compensation))
}

/// Notes, in memory alone, that a call cannot be undone for now.
fn not_reached(
    context: &Context,
    key: &[u8],
    compensation: &Compensation,
    refusal: &Refusal,
) -> Left {
    let Compensation { call, callee, .. } = compensation;
    let is_overdue = is_overdue(context, compensation);
    let noted = context
        .compensations
        .pauses
        .failed(callee, run_of(key), refusal, is_overdue);
    let (call, reason) = (call.as_str(), refusal.reason.as_str());
    match noted.speak {
        Speak::NotYet => {}
        Speak::Trying => tracing::warn!(
            context = context.name.as_str(),
            call,
            callee = callee.as_str(),
            reason,
            "a call cannot be undone for now; it is tried again, and so are others that wait for the same"
        ),
        Speak::Overdue => {
            tracing::error!(
                context = context.name.as_str(),
                call,
                callee = callee.as_str(),
                reason,
                "a call could not be undone for {}; it is tried on, and listed by `innkeeper dead-letters`",
                human_duration(context.settings.limits.stuck_after)
            );
            context.metrics.compensations_overdue.increment(1);
        }
    }
    Left::after(noted.pause)
}

/// Notes that undoing a call was refused; one that was refused too often waits for an operator.
async fn failed(
    context: &Context,
    key: &[u8],
    mut compensation: Compensation,
    refusal: &Refusal,
) -> Result<Left, Failure> {
    let (call, callee) = (compensation.call.clone(), compensation.callee.clone());
    compensation.failures = compensation.failures.saturating_add(1);
    let pause = Backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, compensation.failures);
    compensation.due = wall_clock() + u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    let left = match compensation.failures >= context.settings.limits.undo_attempts.get() {
        true => {
            tracing::error!(
                context = context.name.as_str(),
                call = call.as_str(),
                callee = callee.as_str(),
                reason = refusal.reason,
                "a call could not be undone and is no longer retried: retry or drop it with `innkeeper dead-letters`"
            );
            compensation.stuck = Some(Stuck {
                time: wall_clock(),
                reason: refusal.reason.clone(),
            });
            context.metrics.compensations_stuck.increment(1);
            Left::NOTHING
        }
        false => {
            tracing::warn!(
                context = context.name.as_str(),
                call = call.as_str(),
                callee = callee.as_str(),
                reason = refusal.reason,
                "a call could not be undone; trying again"
            );
            Left::due(compensation.due)
        }
    };
    let write = record::write(
        Space::Compensation,
        &String::from_utf8_lossy(key),
        &compensation,
    )?;
    // A crash may take the count back, which does no harm.
    commit(context, &compensation, key, write, Durability::Relaxed).await?;
    Ok(left)
}

async fn remove(context: &Context, key: &[u8], compensation: &Compensation) -> Result<(), Failure> {
    let removal = record::removal(Space::Compensation, &String::from_utf8_lossy(key));
    // After a crash it is done again, and finds that it is done.
    commit(context, compensation, key, removal, Durability::Flush).await
}

async fn commit(
    context: &Context,
    compensation: &Compensation,
    key: &[u8],
    write: Write,
    durability: Durability,
) -> Result<(), Failure> {
    let began = context.ledger.applied();
    let unit = unit(Some(compensation), "compensation", began, key, vec![write]);
    let committed = context.ledger.commit_as(unit, durability).await;
    committed.map_err(|error| Failure::of_commit(&context.name, error))?;
    Ok(())
}

/// Changes what is on record of a call that is to be undone, unless somebody else does; of one that cannot be read it is not known which call that is.
pub(super) fn unit(
    compensation: Option<&Compensation>,
    purpose: &str,
    began: u64,
    key: &[u8],
    writes: Vec<Write>,
) -> Unit {
    let mut unit = Unit::bookkeeping(purpose, began, writes);
    unit.reads.note_key(Space::Compensation, key);
    unit.header.causation_id = Some((&caller_of(key)).into());
    if let Some(compensation) = compensation {
        unit.header.invocation = format!("undone:{}", compensation.call).into();
        unit.header.correlation_id = Some(compensation.correlation_id.clone());
    }
    unit
}
