//! What becomes of dead letters: they are handled again, oldest first for each subject, or dropped.

use std::collections::HashSet;
use std::sync::Arc;

use super::Events;
use super::dead_letter::{self, DeadLetter, LetterId};
use super::delivery;
use super::held_subjects::{self, Mark};
use crate::core::{Backoff, ContextName};
use crate::invocation::{self, Context, Delivery, EventFailure, Failure};
use crate::journal::{self, CommitError, ReadSet, Space, Unit};

/// How many dead letters are read at a time.
const BATCH: usize = 256;

/// Why dead letters are not gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
    /// There is none with this id.
    #[error(
        "context {context} has no dead letter {id}; it may have been handled or dropped meanwhile"
    )]
    NotFound {
        /// The context.
        context: ContextName,
        /// The id that was asked for.
        id: LetterId,
    },
    /// Its event failed again; it is kept with the new reason.
    #[error("dead letter {id} failed again: {reason}")]
    FailedAgain {
        /// The one that failed: the one asked for, or an older one of its subject.
        id: LetterId,
        /// Why.
        reason: String,
        /// Whether its guest will not handle it, however often it is tried.
        is_final: bool,
    },
    /// Its event could not run now; it is kept as it was.
    #[error("dead letter {id} cannot be handled now: {reason}; try again in a moment")]
    NotNow {
        /// The one that could not run.
        id: LetterId,
        /// Why.
        reason: String,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// What a retry of all dead letters came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Events that are handled now.
    pub handled: u64,
    /// Events that failed again.
    pub failed: u64,
    /// Events that were not tried, since an older one of their subject was not handled.
    pub held_back: u64,
}

/// Has a dead letter handled, and before it the older ones of its subject; stops at the first that fails again. Answers how many were handled.
///
/// # Errors
///
/// See [`RetryError`].
pub async fn retry(
    events: &Arc<Events>,
    context: &Arc<Context>,
    id: &LetterId,
) -> Result<u64, RetryError> {
    let (at_events, at_context, id) = (events.clone(), context.clone(), id.clone());
    let retrying = async move {
        let letters = {
            let letter = found(&at_context, &id)?;
            dead_letter::up_to(&at_context, &letter)?
        };
        let mut handled = 0;
        for letter in letters {
            if redeliver(&at_events, &at_context, &letter.id).await? {
                handled += 1;
            }
        }
        release_later(&at_events, &at_context);
        Ok(handled)
    };
    to_its_end(events, retrying).await
}

/// Has all dead letters of a context handled, each subject's in order up to the first that fails again.
///
/// # Errors
///
/// See [`RetryError`]; what was handled until then stays handled.
pub async fn retry_all(
    events: &Arc<Events>,
    context: &Arc<Context>,
) -> Result<Retried, RetryError> {
    let (at_events, at_context) = (events.clone(), context.clone());
    let retrying = async move { retry_each(&at_events, &at_context).await };
    to_its_end(events, retrying).await
}

/// In a task of its own: who asks may go away, and an invocation must not be left halfway.
async fn to_its_end<T: Send + 'static>(
    events: &Events,
    work: impl Future<Output = Result<T, RetryError>> + Send + 'static,
) -> Result<T, RetryError> {
    let worked = events.tasks.spawn(work).await;
    worked.unwrap_or(Err(journal::Error::Closed.into()))
}

async fn retry_each(events: &Arc<Events>, context: &Arc<Context>) -> Result<Retried, RetryError> {
    let mut retried = Retried::default();
    let mut stuck = HashSet::new();
    let mut after = None;
    loop {
        let letters = dead_letter::list(context, after.as_ref(), BATCH)?;
        let Some(last) = letters.last() else {
            release_later(events, context);
            return Ok(retried);
        };
        after = Some(last.id.clone());
        for letter in letters {
            if events.shutdown.is_cancelled() {
                return Err(journal::Error::Closed.into());
            }
            let subject = (letter.id.source.clone(), letter.event.subject.clone());
            if stuck.contains(&subject) {
                retried.held_back += 1;
                continue;
            }
            match redeliver(events, context, &letter.id).await {
                Ok(true) => retried.handled += 1,
                Ok(false) => {}
                Err(RetryError::FailedAgain { .. }) => {
                    retried.failed += 1;
                    stuck.insert(subject);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Drops a dead letter: its event will not be handled. What attempts at it may have called is undone.
///
/// # Errors
///
/// See [`RetryError`].
pub async fn drop(
    events: &Arc<Events>,
    context: &Arc<Context>,
    id: &LetterId,
) -> Result<(), RetryError> {
    let (at_events, at_context, id) = (events.clone(), context.clone(), id.clone());
    let dropping = async move {
        let _alone = at_events.following(&at_context).letters.lock().await;
        let letter = found(&at_context, &id)?;
        let delivery = delivery(&at_context, &letter);
        let dropped = "dropped by an operator";
        let dropped =
            invocation::give_up(&at_events.invoker, &at_context, &delivery, dropped).await;
        dropped.map_err(|failure| not_now(&letter, &failure))?;
        release_later(&at_events, &at_context);
        Ok(())
    };
    to_its_end(events, dropping).await
}

/// Has one dead letter handled. False when it is gone.
async fn redeliver(
    events: &Arc<Events>,
    context: &Arc<Context>,
    id: &LetterId,
) -> Result<bool, RetryError> {
    // Two who find the same one must not both have it handled, and a rebuild must not change the generation underneath.
    let _alone = events.following(context).letters.lock().await;
    let Some(mut letter) = dead_letter::get(context, id)? else {
        return Ok(false);
    };
    letter.under_way = true;
    note(context, &letter).await?;
    let delivery = delivery(context, &letter);
    let failure = match invocation::event(&events.invoker, context, &delivery).await {
        Ok(_) => {
            context.metrics.events_handled.increment(1);
            return Ok(true);
        }
        Err(failure) => failure,
    };
    delivery::log(context, &delivery, &failure);
    let (again, error) = match failure {
        EventFailure::Postponed(reason) => {
            let error = RetryError::NotNow {
                id: letter.id.clone(),
                reason,
            };
            (letter.attempts, error)
        }
        EventFailure::Retry(ref reason)
        | EventFailure::Reject(ref reason)
        | EventFailure::NotFollowed(ref reason) => {
            let error = RetryError::FailedAgain {
                id: letter.id.clone(),
                reason: reason.clone(),
                is_final: !matches!(failure, EventFailure::Retry(_)),
            };
            letter.reason.clone_from(reason);
            (delivery.attempt, error)
        }
    };
    leave_again(events, context, &delivery, letter, again).await?;
    Err(error)
}

/// Says in the journal that a dead letter is under way: should the host end meanwhile, the next one has to undo what was called for it.
async fn note(context: &Context, letter: &DeadLetter) -> Result<(), RetryError> {
    let generation = context.generation();
    let began = context.ledger.applied();
    let mut reads = ReadSet::default();
    letter.id.note(generation, &mut reads);
    let writes = vec![letter.write(generation)?];
    let unit = Unit {
        reads,
        ..Unit::bookkeeping("dead-letter", began, writes)
    };
    match context.ledger.commit(unit).await {
        Ok(_) => Ok(()),
        Err(error) => Err(RetryError::NotNow {
            id: letter.id.clone(),
            reason: error.to_string(),
        }),
    }
}

async fn leave_again(
    events: &Arc<Events>,
    context: &Arc<Context>,
    delivery: &Delivery,
    letter: DeadLetter,
    attempts: u32,
) -> Result<(), RetryError> {
    let reason = letter.reason.clone();
    let again = letter.again(attempts, &reason);
    delivery::leave(events, context, delivery, &again)
        .await
        .map_err(|failure| not_now(&again, &failure))
}

/// Puts back the dead letters that an earlier process was handling again when it ended, and undoes what it had called for them.
pub(super) async fn put_back(events: Arc<Events>, context: Arc<Context>) {
    let mut backoff = Backoff::of_journal();
    while let Err(error) = put_back_all(&events, &context).await {
        tracing::warn!(context = context.name.as_str(), %error, "could not put back a dead letter that was being retried; trying again");
        if backoff.pause(&events.shutdown).await.is_break() {
            return;
        }
    }
    // What was held back, and is so no longer, may not have been handled when the process ended.
    release_all(&events, &context).await;
}

/// Handles, in a task of its own, what no dead letter holds back any more.
fn release_later(events: &Arc<Events>, context: &Arc<Context>) {
    let (at_events, at_context) = (events.clone(), context.clone());
    events
        .tasks
        .spawn(async move { release_all(&at_events, &at_context).await });
}

/// Handles what no dead letter holds back any more, each subject's in order, until one of them fails.
async fn release_all(events: &Arc<Events>, context: &Arc<Context>) {
    let mut backoff = Backoff::of_journal();
    loop {
        let subjects = held_subjects::subjects(&context.ledger, context.generation());
        let released = async {
            for (source, subject) in subjects? {
                release(events, context, &source, &subject).await?;
            }
            Ok::<_, RetryError>(())
        };
        match released.await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(context = context.name.as_str(), %error, "events that were held back could not be handled yet");
            }
        }
        if backoff.pause(&events.shutdown).await.is_break() {
            return;
        }
    }
}

async fn release(
    events: &Arc<Events>,
    context: &Arc<Context>,
    source: &ContextName,
    subject: &str,
) -> Result<(), RetryError> {
    let follow = &context.settings.follow;
    let (mut backoff, mut attempts) = (follow.backoff(), 0);
    while !events.shutdown.is_cancelled() {
        let began = context.ledger.applied();
        let Some(letter) = dead_letter::oldest(context, source, subject)? else {
            match lift(context, source, subject, began).await {
                // The lane has left one more meanwhile.
                Err(CommitError::Conflict { .. }) => continue,
                Err(CommitError::Journal(error)) => return Err(error.into()),
                Err(_) => return Err(journal::Error::Closed.into()),
                Ok(()) => return Ok(()),
            }
        };
        if !letter.is_held() && attempts == 0 {
            return Ok(());
        }
        match redeliver(events, context, &letter.id).await {
            Ok(_) => (backoff, attempts) = (follow.backoff(), 0),
            Err(RetryError::FailedAgain { is_final, .. }) => {
                attempts += 1;
                if is_final || attempts >= follow.attempts.get() {
                    context.metrics.events_dead_lettered.increment(1);
                    return Ok(());
                }
                if backoff.pause(&events.shutdown).await.is_break() {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Says that a subject has no dead letters any more, if it had none at `began` and has none now.
async fn lift(
    context: &Context,
    source: &ContextName,
    subject: &str,
    began: u64,
) -> Result<(), CommitError> {
    let generation = context.generation();
    let mark = Mark::new(generation, source, subject);
    let mut reads = ReadSet::default();
    mark.note(&mut reads);
    reads.note_range(
        Space::DeadLetter,
        &dead_letter::of_lane(generation, source, subject),
    );
    let writes = vec![mark.removal()];
    let unit = Unit {
        reads,
        ..Unit::bookkeeping("dead-letter", began, writes)
    };
    context.ledger.commit(unit).await.map(|_| ())
}

async fn put_back_all(events: &Arc<Events>, context: &Arc<Context>) -> Result<(), RetryError> {
    let mut after = None;
    loop {
        let letters = dead_letter::list(context, after.as_ref(), BATCH)?;
        let Some(last) = letters.last() else {
            return Ok(());
        };
        after = Some(last.id.clone());
        for letter in letters.iter().filter(|letter| letter.under_way) {
            let _alone = events.following(context).letters.lock().await;
            match dead_letter::get(context, &letter.id)? {
                // Whoever handles one now holds the lock until it is no longer under way.
                Some(letter) if letter.under_way => {
                    let delivery = delivery(context, &letter);
                    let attempts = letter.attempts;
                    leave_again(events, context, &delivery, letter, attempts).await?;
                }
                _ => {}
            }
        }
    }
}

/// The delivery that takes a dead letter away.
fn delivery(context: &Context, letter: &DeadLetter) -> Delivery {
    let generation = context.generation();
    let mut reads = ReadSet::default();
    letter.id.note(generation, &mut reads);
    Delivery {
        source: letter.id.source.clone(),
        event: letter.event(),
        attempt: letter.attempts + 1,
        given_up: letter.given_up,
        generation,
        version: None,
        reads,
        writes: vec![letter.id.removal(generation)],
        // Perhaps in a process that ended meanwhile.
        may_have_run: true,
        durability: None,
    }
}

fn found(context: &Context, id: &LetterId) -> Result<DeadLetter, RetryError> {
    dead_letter::get(context, id)?.ok_or_else(|| RetryError::NotFound {
        context: context.name.clone(),
        id: id.clone(),
    })
}

fn not_now(letter: &DeadLetter, failure: &Failure) -> RetryError {
    RetryError::NotNow {
        id: letter.id.clone(),
        reason: failure.to_string(),
    }
}
