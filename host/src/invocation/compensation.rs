//! Compensations: calls that are to be undone, and the task of each context that does it.
//!
//! One is never dropped by the host. It is tried until it succeeds; one that is refused again and again is *stuck*: it waits for an operator, who has it
//! tried again or drops it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::failure::Failure;
use super::invoker::Invoker;
use super::record::{self, Compensation, Stuck};
use super::undo_call::{self, Undone};
use crate::core::{Backoff, CallId, CorrelationId, InvocationId, RunId, wall_clock};
use crate::journal::{self, CommitError, Durability, KeyRange, Pages, Space, Unit, Write};

/// How many compensations are read at a time.
const BATCH: usize = 256;
/// Of how many invocations calls are undone at once.
const AT_ONCE: usize = 8;
/// The pause after a first failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long an invocation that is run again waits for what it called before to be undone.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before somebody else's work is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Whether undoing may have been tried before, by someone who has not lived to tell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    First,
    Again,
}

/// What a context has to undo.
#[derive(Default)]
pub struct Compensations {
    new: Notify,
    claimed: Mutex<HashSet<Vec<u8>>>,
}

impl Compensations {
    /// Says that there is something new.
    pub fn wake(&self) {
        self.new.notify_one();
    }

    fn claim(&self, key: &[u8]) -> Option<Claim<'_>> {
        let claimed = self.claimed.lock().insert(key.to_vec());
        claimed.then(|| Claim {
            compensations: self,
            key: key.to_vec(),
        })
    }
}

/// One compensation, claimed by one task.
struct Claim<'a> {
    compensations: &'a Compensations,
    key: Vec<u8>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.compensations.claimed.lock().remove(&self.key);
    }
}

/// Where the compensation of the call at a place of a run is kept: what was called last comes first, and is undone first.
pub(super) fn key(run: &RunId, place: usize) -> String {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    format!("{run}:{:010}", u32::MAX - place)
}

/// The run whose calls a compensation is of: its key without its order.
fn run_of(key: &[u8]) -> &[u8] {
    let end = key.iter().rposition(|byte| *byte == b':');
    end.and_then(|end| key.get(..end)).unwrap_or(key)
}

/// Whether anything that a run has called is still to be undone.
pub(super) fn is_owed(context: &Context, run: &RunId) -> Result<bool, journal::Error> {
    let range = KeyRange::prefix(format!("{run}:"));
    let found = context.ledger.scan(Space::Compensation, &range, 1, false)?;
    Ok(!found.is_empty())
}

/// How many calls are still to be undone.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn pending(context: &Context) -> Result<u64, Failure> {
    Ok(context
        .ledger
        .count(Space::Compensation, &KeyRange::all())?)
}

/// Undoes what there is to undo until the host stops; runs as a task of each context.
pub async fn run(invoker: Arc<Invoker>, context: Arc<Context>) {
    loop {
        let wait = match undo_all(&invoker, &context).await {
            Ok(due) => due.map_or(LONGEST_PAUSE, |due| {
                let wait = Duration::from_millis(due.saturating_sub(wall_clock()));
                wait.clamp(FIRST_PAUSE, LONGEST_PAUSE)
            }),
            Err(failure) => {
                tracing::error!(context = context.name, %failure, "could not read pending compensations; trying again");
                LONGEST_PAUSE
            }
        };
        tokio::select! {
            () = invoker.shutdown.cancelled() => return,
            () = context.compensations.new.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Tries each once that is due; answers when the next one is.
async fn undo_all(invoker: &Arc<Invoker>, context: &Arc<Context>) -> Result<Option<u64>, Failure> {
    let mut next: Option<u64> = None;
    let mut waiting: Option<Vec<u8>> = None;
    for page in pages(context, KeyRange::all()) {
        let keys: Vec<_> = page?.into_iter().map(|(key, _)| key).collect();
        let last = keys.last().map(|last| run_of(last).to_vec());
        let runs: Vec<_> = keys
            .chunk_by(|one, other| run_of(one) == run_of(other))
            .map(<[_]>::to_vec)
            .collect();
        let undone = runs.into_iter().map(|keys| {
            // It reaches into this batch from the one before.
            let waits = keys.first().map(|key| run_of(key)) == waiting.as_deref();
            async move {
                match waits {
                    true => Ok(Left::due(wall_clock())),
                    false => {
                        undo_in_order(invoker, context, &keys, Try::Again, &invoker.shutdown).await
                    }
                }
            }
        });
        let left: Vec<Left> = futures::stream::iter(undone)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        next = left.iter().filter_map(|left| left.0).chain(next).min();
        let waits = left.last().is_some_and(|left| left.0.is_some());
        waiting = last.filter(|_| waits);
        if invoker.shutdown.is_cancelled() {
            break;
        }
    }
    Ok(next)
}

/// The compensations in a range, a page at a time.
fn pages(context: &Context, range: KeyRange) -> Pages<'_> {
    context.ledger.pages(Space::Compensation, range, BATCH)
}

/// When the first of what is left is tried again; none when nothing is left but what is stuck.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Left(Option<u64>);

impl Left {
    const NOTHING: Self = Self(None);

    fn due(time: u64) -> Self {
        Self(Some(time))
    }
}

/// Tries at once what a run has called, on behalf of the invocation that has just failed.
pub(super) async fn undo_now(invoker: &Arc<Invoker>, context: &Arc<Context>, run: &RunId) {
    // Who waits for it is still being served, also while the host stops.
    let stop = CancellationToken::new();
    if let Err(failure) = undo_run(invoker, context, run, Try::First, &stop).await {
        tracing::warn!(context = context.name, %failure, "calls could not be undone; trying again");
    }
}

/// Waits until everything that a run has called is undone, but for what an operator has to decide.
///
/// # Errors
///
/// When something is not in time; it is tried again then by the task of the context.
pub(super) async fn finish(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    run: &RunId,
    deadline: Instant,
) -> Result<(), Failure> {
    if !is_owed(context, run)? {
        return Ok(());
    }
    let undoing = Box::pin(async {
        // Somebody else may be at it.
        while undo_run(invoker, context, run, Try::Again, &invoker.shutdown).await? != Left::NOTHING
        {
            if invoker.shutdown.is_cancelled() {
                return Err(Failure::Stopping);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    });
    let until = deadline.min(Instant::now() + PATIENCE);
    match tokio::time::timeout_at(until, undoing).await {
        Ok(undone) => undone,
        Err(_) => Err(Failure::BeingUndone {
            context: context.name.clone(),
        }),
    }
}

async fn undo_run(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    run: &RunId,
    which: Try,
    stop: &CancellationToken,
) -> Result<Left, Failure> {
    for page in pages(context, KeyRange::prefix(format!("{run}:"))) {
        let keys: Vec<_> = page?.into_iter().map(|(key, _)| key).collect();
        let left = undo_in_order(invoker, context, &keys, which, stop).await?;
        if left != Left::NOTHING {
            return Ok(left);
        }
    }
    Ok(Left::NOTHING)
}

/// Undoes what one run has called, one after the other, up to the first that is to be tried again, or until it is told to stop.
async fn undo_in_order(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    keys: &[Vec<u8>],
    which: Try,
    stop: &CancellationToken,
) -> Result<Left, Failure> {
    debug_assert!(keys.is_sorted(), "what was called last is undone first");
    for key in keys {
        if stop.is_cancelled() {
            return Ok(Left::due(wall_clock()));
        }
        let left = undo_one(invoker, context, key, which).await?;
        if left != Left::NOTHING {
            return Ok(left);
        }
    }
    Ok(Left::NOTHING)
}

/// Undoes one call.
async fn undo_one(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    key: &[u8],
    which: Try,
) -> Result<Left, Failure> {
    let Some(_claim) = context.compensations.claim(key) else {
        return Ok(Left::due(wall_clock()));
    };
    let Some(stored) = context.ledger.get(Space::Compensation, key)? else {
        return Ok(Left::NOTHING);
    };
    let compensation: Compensation = record::read(key, &stored)?;
    if compensation.stuck.is_some() {
        return Ok(Left::NOTHING);
    }
    if compensation.due > wall_clock() {
        return Ok(Left::due(compensation.due));
    }
    match undo_call::undo(invoker, context, &compensation, which).await {
        Ok(Undone::Now) => {
            context.metrics.compensations.increment(1);
            remove(context, key, &compensation).await?;
            Ok(Left::NOTHING)
        }
        Ok(Undone::NothingToDo) => {
            remove(context, key, &compensation).await?;
            Ok(Left::NOTHING)
        }
        Err(refusal) => failed(context, key, compensation, &refusal).await,
    }
}

/// Notes that undoing a call has failed; one that was refused too often waits for an operator.
async fn failed(
    context: &Context,
    key: &[u8],
    mut compensation: Compensation,
    refusal: &undo_call::Refusal,
) -> Result<Left, Failure> {
    let (call, callee) = (compensation.call.clone(), compensation.callee.clone());
    if refusal.counts {
        compensation.failures = compensation.failures.saturating_add(1);
    }
    let pause = match refusal.counts {
        true => Backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, compensation.failures),
        // It could not be reached, and most often can be soon.
        false => FIRST_PAUSE,
    };
    compensation.due = wall_clock() + u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    let left = match compensation.failures >= context.settings.limits.undo_attempts.get() {
        true => {
            tracing::error!(
                context = context.name,
                call = call.as_str(),
                callee,
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
                context = context.name,
                call = call.as_str(),
                callee,
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
    let unit = unit(compensation, "compensation", began, key, write);
    let committed = context.ledger.commit_as(unit, durability).await;
    committed.map_err(|error| Failure::of_commit(&context.name, error))?;
    Ok(())
}

/// Changes what is on record of a call that is to be undone, unless somebody else does.
fn unit(compensation: &Compensation, purpose: &str, began: u64, key: &[u8], write: Write) -> Unit {
    let mut unit = Unit::bookkeeping(purpose, began, vec![write]);
    unit.reads.note_key(Space::Compensation, key);
    unit.header.invocation = format!("undone:{}", compensation.call).into();
    let Compensation {
        correlation_id,
        causation_id,
        ..
    } = compensation;
    unit.header.correlation_id = Some(correlation_id.clone());
    unit.header.causation_id = Some(causation_id.into());
    unit
}

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
    /// How often undoing it was refused.
    pub failures: u32,
    /// Why it waits for an operator; none while the host tries by itself.
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
    for page in pages(context, KeyRange::all()) {
        for (key, value) in page? {
            let compensation: Compensation = record::read(&key, &value)?;
            visit(PendingCompensation {
                id: String::from_utf8_lossy(&key).into_owned(),
                call: compensation.call,
                callee: compensation.callee,
                correlation_id: compensation.correlation_id,
                causation_id: compensation.causation_id,
                failures: compensation.failures,
                stuck: compensation.stuck,
            });
        }
    }
    Ok(())
}

/// The texts and numbers that a call was given and has answered, which may come up again in why it is not undone; none when that is not kept any more.
pub fn texts(invoker: &Invoker, pending: &PendingCompensation) -> Option<Vec<String>> {
    let callee = invoker.contexts.get(&pending.callee)?;
    undo_call::texts(callee, &pending.call).ok().flatten()
}

/// What an operator decides about a call that could not be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is tried again, as often as at first.
    Retry,
    /// It stays as it is: what was called is not undone.
    Drop,
}

/// Carries out what an operator has decided about a call that could not be undone. False when there is no such call, or it is not stuck.
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
        return Ok(false);
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
    let unit = unit(&compensation, purpose, began, key, write);
    context.ledger.commit(unit).await?;
    context.compensations.wake();
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_last_is_undone_first() {
        let keys = [
            key(&"r".into(), 10),
            key(&"r".into(), 9),
            key(&"r".into(), 0),
        ];
        assert!(keys.is_sorted());
    }

    #[test]
    fn compensations_of_one_run_belong_together() {
        let keys = [
            key(&"undo:r+0.a".into(), 0),
            key(&"undo:r+0.a".into(), 1_000_000),
            key(&"undo:r+0.a~1".into(), 0),
            key(&"undo:r".into(), 0),
        ];
        let runs = keys.each_ref().map(|key| run_of(key.as_bytes()));
        let expected = ["undo:r+0.a", "undo:r+0.a", "undo:r+0.a~1", "undo:r"];
        assert_eq!(runs, expected.map(str::as_bytes));
    }
}
