//! Abandonment: what a run has called is recorded to be undone, in the journal of the context that called.
//!
//! A record holds ids, never parameters, so that it is small whatever was called with; and many records are written in steps. The intent says that the run is
//! abandoned from the first step on, and leaves with the last.

use std::sync::Arc;
use std::time::Duration;

use super::{compensation, undo_task};
use crate::core::{ContextName, VerifiedIdentity, wall_clock};
use crate::invocation::calls_made;
use crate::invocation::definition::Invocation;
use crate::invocation::failure::Failure;
use crate::invocation::intent;
use crate::invocation::record::{self, Compensation};
use crate::invocation::replay::Call;
use crate::invocation::runs;
use crate::journal::{CommitError, Ending, Header, Space, Unit, Write};

/// How many calls one commit records.
const STEP: usize = 1_000;
/// How long the caller of a failed invocation waits to find everything undone already.
const COURTESY: Duration = Duration::from_secs(1);
/// The pause before a full committer is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// Ends an invocation that does not commit: its intent is taken away, what it called is recorded to be undone, and what the caller adds is written with the last of it.
/// Nothing is committed when there is nothing of the kind, and nobody asks for the reason then.
///
/// # Errors
///
/// When the journal cannot be written: then it is not known whether what was called stays.
pub(in crate::invocation) async fn abandon(
    invocation: &Arc<Invocation>,
    reason: impl FnOnce() -> String + Send,
    additions: Vec<Write>,
) -> Result<Option<u64>, Failure> {
    calls_made::recover(invocation).await?;
    let run = invocation.run();
    let undo = owed(invocation);
    if undo.is_empty() && additions.is_empty() && !invocation.replay.has_intent() {
        return Ok(None);
    }
    let reason = reason();
    let last = last_step(invocation, &undo, &reason).await?;
    let mut writes = records(invocation, last)?;
    if !undo.is_empty() {
        writes.extend(runs::one_more(invocation)?);
    }
    writes.extend(additions);
    if invocation.replay.has_intent() {
        writes.push(record::removal(Space::Intent, &invocation.id));
    }
    if writes.is_empty() {
        return Ok(None);
    }
    let position = commit(invocation, &reason, writes).await?;
    if !undo.is_empty() {
        invocation.context.compensations.wake();
        let undoing = Box::pin(undo_task::undo_now(
            &invocation.invoker,
            &invocation.context,
            &run,
        ));
        // The compensator goes on with whatever is left then.
        let _ = tokio::time::timeout(COURTESY, undoing).await;
    }
    Ok(Some(position))
}

/// Ends the present run of an invocation that goes on: what it called is recorded to be undone. The next run waits for that before it calls.
///
/// # Errors
///
/// When the journal cannot be written; the next run has not begun then.
pub(in crate::invocation) async fn begin_again(invocation: &Invocation) -> Result<(), Failure> {
    const REASON: &str = "it made different calls when it was run again";
    let undo = owed(invocation);
    let next = invocation.replay.run().saturating_add(1);
    let is_stored = if !undo.is_empty() || invocation.replay.has_intent() {
        let last = last_step(invocation, &undo, REASON).await?;
        let mut writes = records(invocation, last)?;
        let intent = intent::of_next_run(invocation, next)?;
        let is_stored = intent.is_some();
        writes.extend(intent);
        commit(invocation, REASON, writes).await?;
        is_stored
    } else {
        false
    };
    invocation.replay.begin_run(next, is_stored);
    invocation.context.metrics.runs_abandoned.increment(1);
    invocation.context.compensations.wake();
    Ok(())
}

/// What a commit leaves to be undone: calls that were answered `unavailable`, and may have been committed all the same.
pub(in crate::invocation) fn uncertain(invocation: &Invocation) -> Result<Vec<Write>, Failure> {
    match invocation.invoker.safeguards.compensation {
        true => {
            let calls = invocation.replay.uncertain().into_iter();
            records(invocation, &calls.map(Owed::Call).collect::<Vec<_>>())
        }
        false => Ok(Vec::new()),
    }
}

/// What a run that does not commit owes.
enum Owed {
    /// That a call is undone.
    Call(Call),
    /// That whatever it has called at a context is undone, which has left the app.
    AllAt {
        callee: ContextName,
        /// The how many-th of them it is.
        number: usize,
    },
}

impl Owed {
    /// Its place among what the run owes, as that of a call. Of what cannot be found nobody knows the place: it is taken for the last that was called.
    fn place(&self) -> usize {
        const LAST: usize = u32::MAX as usize;
        match self {
            Self::Call(call) => call.id.place(),
            Self::AllAt { number, .. } => LAST - number,
        }
    }
}

/// What the present run owes when it does not commit, in the order of its calls.
fn owed(invocation: &Invocation) -> Vec<Owed> {
    if !invocation.invoker.safeguards.compensation {
        return Vec::new();
    }
    let calls = invocation.replay.undoable().into_iter().map(Owed::Call);
    let gone = invocation.replay.gone().into_iter().enumerate();
    calls
        .chain(gone.map(|(number, callee)| Owed::AllAt { callee, number }))
        .collect()
}

/// Records all calls but those of the last step, which is answered.
async fn last_step<'a>(
    invocation: &Invocation,
    calls: &'a [Owed],
    reason: &str,
) -> Result<&'a [Owed], Failure> {
    let mut rest = calls;
    while let Some((step, after)) = rest.split_at_checked(STEP)
        && !after.is_empty()
    {
        let mut writes = records(invocation, step)?;
        writes.extend(intent::marked_abandoned(invocation)?);
        commit(invocation, reason, writes).await?;
        rest = after;
    }
    Ok(rest)
}

/// The records of calls to be undone. The last that was made comes first.
fn records(invocation: &Invocation, calls: &[Owed]) -> Result<Vec<Write>, Failure> {
    let run = invocation.run();
    let time = wall_clock();
    let record = |owed: &Owed| {
        let (call, callee, all_of) = match owed {
            Owed::Call(call) => (call.id.clone(), call.callee.clone()?, None),
            Owed::AllAt { callee, .. } => (run.as_str().into(), callee.clone(), Some(run.clone())),
        };
        let compensation = Compensation {
            time,
            call,
            callee,
            correlation_id: invocation.correlation_id.clone(),
            causation_id: invocation.id.clone(),
            failures: 0,
            due: time,
            stuck: None,
            identity: invocation.identity.clone(),
            all_of,
        };
        let key = compensation::key(&run, owed.place());
        Some(record::write(Space::Compensation, &key, &compensation))
    };
    Ok(calls
        .iter()
        .filter_map(record)
        .collect::<Result<Vec<_>, _>>()?)
}

async fn commit(invocation: &Invocation, reason: &str, writes: Vec<Write>) -> Result<u64, Failure> {
    loop {
        let unit = Unit {
            began: invocation.context.ledger.applied(),
            reads: invocation.reads.clone(),
            header: Header {
                invocation: invocation.id.clone(),
                cause: invocation.cause.clone(),
                ending: Ending::Abandoned {
                    reason: reason.to_owned(),
                },
                attempt: invocation.first_attempt,
                correlation_id: Some(invocation.correlation_id.clone()),
                causation_id: invocation.causation_id.clone(),
                version: invocation.context.version().map(|version| version.digest),
                time: wall_clock(),
                status: None,
                by: invocation
                    .identity
                    .as_ref()
                    .map(VerifiedIdentity::to_subject),
            },
            writes: writes.clone(),
            events: Vec::new(),
        };
        match invocation.context.ledger.commit(unit).await {
            Ok(position) => return Ok(position),
            // It must not be lost: whoever fails here waits, with others, for the disk.
            Err(CommitError::Busy) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(Failure::of_commit(&invocation.context.name, error)),
        }
    }
}
