//! Compensations: calls that are to be undone, and the task of each context that does it.
//!
//! One is never dropped by the host. It is tried until it succeeds; one that is refused again and again is *stuck*: it waits for an operator, who has it
//! tried again or drops it. One that cannot be reached (`pauses.rs`) is tried on for as long as that takes, and is shown to operators in time. One whose
//! record cannot be read waits for an operator, too, and is in nobody's way.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Left, undo_one};
use super::pauses::UndoPauses;
use super::unreadable::UnreadableUndos;
use crate::core::{InvocationId, RunId, wall_clock};
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::invoker::Invoker;
use crate::invocation::record::Compensation;
use crate::journal::{self, KeyRange, Ledger, PagesAroundDamage, Space};

/// How many compensations are read at a time.
const BATCH: usize = 256;
/// Of how many invocations calls are undone at once.
const AT_ONCE: usize = 8;
/// How long it is at least, and at most, until something is tried again.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
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
    pub(super) pauses: UndoPauses,
    pub(super) unreadable: UnreadableUndos,
}

impl Compensations {
    /// Says that there is something new.
    pub fn wake(&self) {
        self.new.notify_one();
    }

    /// Has one tried at once that waits because it could not be reached.
    pub(super) fn hurry(&self, key: &[u8], compensation: &Compensation) {
        self.pauses.end(&compensation.callee, run_of(key));
        self.wake();
    }

    pub(super) fn claim(&self, key: &[u8]) -> Option<Claim<'_>> {
        let claimed = self.claimed.lock().insert(key.to_vec());
        claimed.then(|| Claim {
            compensations: self,
            key: key.to_vec(),
        })
    }
}

/// One compensation, claimed by one task.
pub(super) struct Claim<'a> {
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
pub(super) fn run_of(key: &[u8]) -> &[u8] {
    let end = key.iter().rposition(|byte| *byte == b':');
    end.and_then(|end| key.get(..end)).unwrap_or(key)
}

/// The invocation whose calls a compensation is of.
pub(super) fn caller_of(key: &[u8]) -> InvocationId {
    RunId::from(&*String::from_utf8_lossy(run_of(key))).invocation()
}

/// Whether anything that a run has called is still to be undone.
pub(in crate::invocation) fn is_owed(ledger: &Ledger, run: &RunId) -> Result<bool, journal::Error> {
    let range = KeyRange::prefix(format!("{run}:"));
    // Also where what is owed cannot be read.
    let found = ledger
        .journal()
        .count_within(Space::Compensation, &range, 1)?;
    Ok(found.keys > 0)
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
            Ok(due) => due.map_or(LONGEST_WAIT, |due| {
                let wait = Duration::from_millis(due.saturating_sub(wall_clock()));
                wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
            }),
            Err(failure) => {
                tracing::error!(context = context.name.as_str(), %failure, "could not read pending compensations; trying again");
                LONGEST_WAIT
            }
        };
        tokio::select! {
            () = invoker.shutdown.cancelled() => return,
            () = context.compensations.new.notified() => {}
            () = one_opens(&invoker, &context) => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Waits until one of those takes work again that did not when something was to be undone there.
async fn one_opens(invoker: &Invoker, context: &Context) {
    // Whoever opens and closes all the time is not asked all the time.
    tokio::time::sleep(SHORTEST_WAIT).await;
    let pauses = &context.compensations.pauses;
    let mut opening: FuturesUnordered<_> = pauses
        .closed()
        .into_iter()
        .filter_map(|name| invoker.contexts.get(&name))
        .map(|callee| async move {
            callee.opened().await;
            callee
        })
        .collect();
    match opening.next().await {
        Some(callee) => pauses.opened(&callee.name),
        None => std::future::pending().await,
    }
}

/// Tries each once that is due; answers when the next one is.
async fn undo_all(invoker: &Arc<Invoker>, context: &Arc<Context>) -> Result<Option<u64>, Failure> {
    let mut next: Option<u64> = None;
    let mut waiting: Option<(Vec<u8>, Left)> = None;
    for page in pages(&context.ledger, KeyRange::all()) {
        let keys: Vec<_> = page?.into_iter().map(|(key, _)| key).collect();
        let last = keys.last().map(|last| run_of(last).to_vec());
        let runs: Vec<_> = keys
            .chunk_by(|one, other| run_of(one) == run_of(other))
            .map(<[_]>::to_vec)
            .collect();
        let undone = runs.into_iter().map(|keys| {
            // It reaches into this batch from the one before.
            let run = keys.first().map(|key| run_of(key));
            let waits = waiting.as_ref().filter(|(other, _)| run == Some(other));
            let waits = waits.map(|(_, left)| *left);
            async move {
                match waits {
                    Some(left) => Ok(left),
                    None => {
                        undo_in_order(invoker, context, &keys, Try::Again, &invoker.shutdown).await
                    }
                }
            }
        });
        let left: Vec<Left> = futures::stream::iter(undone)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        next = left.iter().filter_map(|left| left.due).chain(next).min();
        let waits = left.last().copied().filter(|left| left.due.is_some());
        waiting = last.zip(waits);
        if invoker.shutdown.is_cancelled() {
            break;
        }
    }
    Ok(next)
}

/// The compensations in a range, a page at a time.
pub(super) fn pages(ledger: &Ledger, range: KeyRange) -> PagesAroundDamage<'_> {
    let pages = ledger.pages(Space::Compensation, range, BATCH);
    pages.around_damage()
}

/// Tries at once what a run has called, on behalf of the invocation that has just failed: it ends when nothing is left, or nothing that can be undone now.
pub(super) async fn undo_now(invoker: &Arc<Invoker>, context: &Arc<Context>, run: &RunId) {
    // Who waits for it is still being served, also while the host stops.
    let stop = CancellationToken::new();
    let mut which = Try::First;
    loop {
        match undo_run(invoker, context, run, which, &stop).await {
            // The task of the context is at it, or has just been.
            Ok(left) if left.is_due() => tokio::time::sleep(LOOK_AGAIN).await,
            Ok(_) => return,
            Err(failure) => {
                tracing::warn!(context = context.name.as_str(), %failure, "calls could not be undone; trying again");
                return;
            }
        }
        which = Try::Again;
    }
}

/// Waits until everything that a run has called is undone, but for what an operator has to decide.
///
/// # Errors
///
/// When something is not in time; it is tried again then by the task of the context.
pub(in crate::invocation) async fn finish(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    run: &RunId,
    deadline: Instant,
) -> Result<(), Failure> {
    if !is_owed(&context.ledger, run)? {
        return Ok(());
    }
    let undoing = Box::pin(async {
        loop {
            let left = undo_run(invoker, context, run, Try::Again, &invoker.shutdown).await?;
            let Some(due) = left.due else {
                return Ok(());
            };
            if invoker.shutdown.is_cancelled() {
                return Err(Failure::Stopping);
            }
            // Somebody else may be at it.
            let pause = Duration::from_millis(due.saturating_sub(wall_clock()));
            tokio::time::sleep(pause.max(LOOK_AGAIN)).await;
        }
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
    for page in pages(&context.ledger, KeyRange::prefix(format!("{run}:"))) {
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
            return Ok(Left::soon());
        }
        let left = match undo_one(invoker, context, key, which).await {
            // An operator has decided about it meanwhile: it is looked at again.
            Err(Failure::Contended { .. }) => Left::soon(),
            left => left?,
        };
        if left != Left::NOTHING {
            return Ok(left);
        }
    }
    Ok(Left::NOTHING)
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
