//! Undoing what was called: the task of each context that does it, also after a crash, and those who do not wait for that.
//!
//! A compensation is never dropped by the host. It is tried until it succeeds; one that is refused again and again is *stuck*: it waits for an operator, who has it
//! tried again or drops it. One that cannot be reached (`pauses.rs`) is tried on for as long as that takes, and is shown to operators in time. One whose
//! record cannot be read waits for an operator, too, and is in nobody's way.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Left, Try, undo_one};
use super::compensation::{is_owed, pages, run_of};
use crate::core::{RunId, wall_clock};
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::invoker::Invoker;
use crate::journal::KeyRange;

/// Of how many invocations calls are undone at once.
const AT_ONCE: usize = 8;
/// How long it is at least, and at most, until something is tried again.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long an invocation that is run again waits for what it called before to be undone.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before somebody else's work is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

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
