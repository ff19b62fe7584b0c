//! Compensations: calls that are to be undone, and the task of each context that does it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call;
use super::failure::Failure;
use super::identifier;
use super::job::{Chain, wall_clock};
use super::record::{self, Compensation};
use crate::app::{Context, Host};
use crate::guest::{Operation, value};
use crate::journal::{Cause, Ending, Header, KeyRange, ReadSet, Space, Unit};
use crate::observe::TraceContext;

/// How many compensations are read at a time.
const BATCH: usize = 256;
/// Of how many invocations calls are undone at once.
const AT_ONCE: usize = 8;
/// The first pause after one that did not succeed; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long an invocation that is run again waits for what it called before to be undone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether an undoing may have been tried before, by someone who has not lived to tell.
#[derive(Clone, Copy)]
enum Try {
    First,
    Again,
}

/// What a context has to undo.
#[derive(Default)]
pub struct Compensations {
    new: Notify,
    in_hand: Mutex<HashSet<Vec<u8>>>,
}

impl Compensations {
    /// Says that there is something new.
    pub fn wake(&self) {
        self.new.notify_one();
    }

    fn claim(&self, key: &[u8]) -> Option<Claim<'_>> {
        let claimed = self.in_hand.lock().insert(key.to_vec());
        claimed.then(|| Claim {
            compensations: self,
            key: key.to_vec(),
        })
    }
}

/// One compensation in one pair of hands.
struct Claim<'a> {
    compensations: &'a Compensations,
    key: Vec<u8>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.compensations.in_hand.lock().remove(&self.key);
    }
}

/// The key of the `order`th compensation of an invocation: they are done in this order.
pub(super) fn key(invocation: &str, order: usize) -> String {
    format!("{invocation}:{order:06}")
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
pub async fn run(host: Arc<Host>, context: Arc<Context>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let wait = match undo_all(&host, &context).await {
            Ok(0) => {
                pause = FIRST_PAUSE;
                LONGEST_PAUSE
            }
            Ok(_) => pause,
            Err(failure) => {
                tracing::error!(context = context.name, %failure, "calls that are to be undone cannot be read");
                pause
            }
        };
        tokio::select! {
            () = host.shutdown.cancelled() => return,
            () = context.compensations.new.notified() => pause = FIRST_PAUSE,
            () = tokio::time::sleep(wait) => pause = LONGEST_PAUSE.min(pause * 2),
        }
    }
}

/// Tries each once; answers how many are left.
async fn undo_all(host: &Arc<Host>, context: &Arc<Context>) -> Result<usize, Failure> {
    let mut left = 0;
    let mut stuck: Option<Vec<u8>> = None;
    let mut range = KeyRange::all();
    loop {
        let found = context
            .ledger
            .scan(Space::Compensation, &range, BATCH, false)?;
        let keys: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        let Some(last) = keys.last() else {
            return Ok(left);
        };
        range = KeyRange::new([last.as_slice(), &[0]].concat(), None);
        let runs: Vec<_> = keys
            .chunk_by(|one, other| run_of(one) == run_of(other))
            .map(<[_]>::to_vec)
            .collect();
        let undone = runs.into_iter().map(|keys| {
            // It reaches into this batch from the one before.
            let is_stuck = keys.first().map(|key| run_of(key)) == stuck.as_deref();
            async move {
                match is_stuck {
                    true => Ok(keys.len()),
                    false => undo_in_order(host, context, &keys, Try::Again, &host.shutdown).await,
                }
            }
        });
        let undone: Vec<usize> = futures::stream::iter(undone)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        left += undone.iter().sum::<usize>();
        let is_stuck = undone.last().is_some_and(|left| *left > 0);
        stuck = is_stuck.then(|| run_of(last).to_vec());
        if host.shutdown.is_cancelled() {
            return Ok(left);
        }
    }
}

/// The run whose calls a compensation is of: its key without its order.
fn run_of(key: &[u8]) -> &[u8] {
    let end = key.iter().rposition(|byte| *byte == b':');
    end.and_then(|end| key.get(..end)).unwrap_or(key)
}

/// Tries these at once, on behalf of the invocation that has just failed.
pub(super) async fn undo_now(host: &Arc<Host>, context: &Arc<Context>, keys: &[Vec<u8>]) {
    // Who waits for it is still being served.
    let stop = CancellationToken::new();
    if let Err(failure) = undo_in_order(host, context, keys, Try::First, &stop).await {
        tracing::warn!(context = context.name, %failure, "calls could not be undone yet");
    }
}

/// Waits until everything that a run has called is undone.
///
/// # Errors
///
/// When something is not in time; it is tried again then by the task of the context.
pub(super) async fn finish(
    host: &Arc<Host>,
    context: &Arc<Context>,
    run: &str,
    deadline: Instant,
) -> Result<(), Failure> {
    let range = KeyRange::prefix(format!("{run}:"));
    let pending = || {
        context
            .ledger
            .scan(Space::Compensation, &range, usize::MAX, false)
    };
    let keys: Vec<_> = pending()?.into_iter().map(|(key, _)| key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let undoing = Box::pin(undo_in_order(
        host,
        context,
        &keys,
        Try::Again,
        &host.shutdown,
    ));
    match tokio::time::timeout_at(deadline.min(Instant::now() + PATIENCE), undoing).await {
        Ok(Ok(0)) => Ok(()),
        Ok(Err(failure)) => Err(failure),
        // Somebody else may have it in hand, and be done by the next time.
        Ok(Ok(_)) | Err(_) => Err(Failure::BeingUndone {
            context: context.name.clone(),
        }),
    }
}

/// Undoes what one run has called, one after the other, up to the first that is to be tried again, or until it is told to stop. Answers how many are left.
async fn undo_in_order(
    host: &Arc<Host>,
    context: &Arc<Context>,
    keys: &[Vec<u8>],
    which: Try,
    stop: &CancellationToken,
) -> Result<usize, Failure> {
    for (index, key) in keys.iter().enumerate() {
        if stop.is_cancelled() || !undo(host, context, key, which).await? {
            return Ok(keys.len() - index);
        }
    }
    Ok(0)
}

/// Undoes one call; true when nothing of it is left to do.
async fn undo(
    host: &Arc<Host>,
    context: &Arc<Context>,
    key: &[u8],
    which: Try,
) -> Result<bool, Failure> {
    let Some(_claim) = context.compensations.claim(key) else {
        return Ok(false);
    };
    let Some(stored) = context.ledger.get(Space::Compensation, key)? else {
        return Ok(true);
    };
    let compensation: Compensation = record::read(key, &stored)?;
    match call_undo(host, &compensation, which).await {
        Ok(()) => {
            remove(context, key, &compensation).await?;
            context.metrics.compensations.increment(1);
            Ok(true)
        }
        Err(reason) => {
            let Compensation {
                call,
                context: callee,
                function,
                ..
            } = &compensation;
            tracing::warn!(
                context = context.name,
                call,
                callee,
                function,
                reason,
                "a call could not be undone yet; it is tried again"
            );
            Ok(false)
        }
    }
}

async fn call_undo(
    host: &Arc<Host>,
    compensation: &Compensation,
    which: Try,
) -> Result<(), String> {
    let callee = host
        .contexts
        .get(&compensation.context)
        .ok_or("its context is not part of the app any more")?;
    let version = callee.version().ok_or("its context does not serve")?;
    let function = format!("{}#{}", compensation.interface, compensation.function);
    let described = version
        .description
        .compensations
        .iter()
        .find(|described| described.function == function);
    let Some(described) = described else {
        // The context says that this function needs no undoing.
        return Ok(());
    };
    let operation = described
        .undo
        .split_once('#')
        .and_then(|(interface, function)| {
            version
                .guest
                .offers()
                .get(interface)?
                .operations
                .get(function)
                .cloned()
        });
    let operation: Arc<Operation> =
        operation.ok_or_else(|| format!("its context does not offer {}", described.undo))?;
    let parameters = value::decode(&compensation.parameters).map_err(|error| error.to_string())?;
    let request = call::Request {
        id: identifier::of_undo(&compensation.call),
        operation,
        parameters,
        encoded: compensation.parameters.clone(),
        correlation_id: compensation.correlation_id.clone(),
        causation_id: compensation.causation_id.clone(),
        trace: TraceContext::new(),
        deadline: Instant::now() + callee.settings.limits.deadline,
        chain: Chain::default(),
        may_have_run: matches!(which, Try::Again),
        from_outside: false,
    };
    match call::call(host, callee, request).await {
        Ok(answer) if value::is_err(&answer) => Err(format!("it answered {answer:?}")),
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.to_string()),
    }
}

async fn remove(context: &Context, key: &[u8], compensation: &Compensation) -> Result<(), Failure> {
    let mut reads = ReadSet::default();
    reads.note_key(Space::Compensation, key);
    let key_text = String::from_utf8_lossy(key);
    let unit = Unit {
        began: context.ledger.applied(),
        reads,
        header: Header {
            invocation: format!("undone:{}", compensation.call),
            cause: Cause::Host {
                purpose: "compensation".into(),
            },
            ending: Ending::Committed,
            attempt: 1,
            correlation_id: compensation.correlation_id.clone(),
            causation_id: compensation.causation_id.clone(),
            version: String::new(),
            time: wall_clock(),
            status: None,
        },
        writes: vec![record::removal(Space::Compensation, &key_text)],
        events: Vec::new(),
    };
    context
        .ledger
        .commit(unit)
        .await
        .map_err(|error| Failure::of_commit(&context.name, error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compensations_of_one_run_belong_together() {
        let keys = [
            key("undo:r+0.a", 0),
            key("undo:r+0.a", 1_000_000),
            key("undo:r+0.a~1", 0),
            key("undo:r", 0),
        ];
        let runs = keys.each_ref().map(|key| run_of(key.as_bytes()));
        let expected = ["undo:r+0.a", "undo:r+0.a", "undo:r+0.a~1", "undo:r"];
        assert_eq!(runs, expected.map(str::as_bytes));
    }
}
