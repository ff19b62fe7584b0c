//! Attempts: the guest is run until its reads hold; then its work is committed, or, when it failed, what it called is put on record to be undone.
//!
//! What most invocations never come to is awaited in a box: each would otherwise be as large as the largest of it, and is moved, and allocated, for each request. So is an
//! attempt: a future is moved whole at each level where it is awaited.

use std::sync::Arc;
use std::time::Duration;

use super::definition::{Invocation, Trigger};
use super::entry::{Answer, Entry};
use super::failure::Failure;
use super::guest_memory::GuestMemory;
use super::key_locks::{HeldLocks, LockSet};
use super::replay::Effect;
use super::route_to_version::{Routed, route_to_version};
use super::stored_call_result::CommitDetails;
use super::suspicion;
use super::undoing::{abandonment, undo_task};
use super::unit::{Interruption, UnitOfWork};
use super::{calls_made, quota, record, spans};
use crate::core::{Backoff, VerifiedIdentity, wall_clock};
use crate::guest::{Ended, Execution, Fault, Refusal};
use crate::journal::{Cause, CommitError, Committed, Ending, Header, ReadSet, Space, Unit};
use crate::observe::metrics::{Kind, Outcome};
use crate::versions::{Lease, Version};

/// After this many conflicts an invocation takes every stripe.
const CONFLICTS_BEFORE_ALL: u32 = 4;
/// After this many conflicts an invocation gives up that may not wait for locks.
const ATTEMPTS_WITHOUT_LOCKS: u32 = 10;
/// The longest pause of an invocation that may not wait for locks, before its second attempt and later.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// An invocation that its guest has ended.
#[derive(Debug)]
pub(super) struct Done<A> {
    pub answer: A,
    /// The version that ran it last.
    pub version: Arc<Version>,
    /// Where it was committed, if it had anything to commit.
    pub position: Option<u64>,
    /// Whether the answer was stored by an earlier run.
    pub replayed: bool,
    /// What the answer came from, if the same would give it again.
    pub basis: Option<ReadBasis>,
    /// The function that undoes it, if it is a call that something undoes.
    pub undo: Option<String>,
}

impl<A> Done<A> {
    /// What it has done.
    pub(super) fn effect(&self) -> Effect {
        match self.replayed || self.position.is_some() {
            true => Effect::Committed {
                undo: self.undo.clone(),
            },
            false => Effect::None,
        }
    }
}

/// What a repeatable answer came from, besides the request, the configuration and the generation of the state.
#[derive(Debug)]
pub(super) struct ReadBasis {
    /// The commits up to here were visible.
    pub began: u64,
    pub reads: ReadSet,
}

/// What one attempt came to.
enum Attempt<A> {
    Done(Done<A>),
    Conflict(Vec<u8>),
    /// It would have called something else than the attempts before it.
    Diverged,
}

/// Runs an invocation to its end.
///
/// After an error, or an answer that commits nothing, the calls it made are recorded to be undone, except for an event: its follower brings it again.
pub(super) async fn run<E: Entry>(
    invocation: &Arc<Invocation>,
    entry: E,
) -> Result<Done<E::Answer>, Failure> {
    let began = std::time::Instant::now();
    let result = run_attempts(invocation, entry).await;
    invocation.hold.release();
    measure(invocation, &result, began.elapsed());
    spans::invocation(invocation, &result, began.elapsed());
    if let Err(failure) = &result {
        quota::note(&invocation.context, failure);
    }
    if result.as_ref().is_ok_and(|done| done.answer.is_success()) {
        return result;
    }
    let reason = || match &result {
        Ok(done) => done.answer.reason(),
        Err(failure) => failure.to_string(),
    };
    let ended = match invocation.trigger {
        // The next attempt would only be told again what made this one fail.
        Trigger::Follower if invocation.replay.is_bound_to_repeat() => {
            Box::pin(abandonment::begin_again(invocation)).await
        }
        Trigger::Follower => return result,
        _ => Box::pin(abandonment::abandon(invocation, reason, Vec::new()))
            .await
            .map(drop),
    };
    if let Err(failure) = ended {
        tracing::error!(
            context = invocation.context.name.as_str(),
            invocation = invocation.id.as_str(),
            correlation_id = invocation.correlation_id.as_str(),
            %failure,
            "could not record the compensations of an invocation; the next start of the host will resume this"
        );
        return Err(Failure::OutcomeUnknown);
    }
    result
}

fn measure<A: Answer>(invocation: &Invocation, result: &Result<Done<A>, Failure>, took: Duration) {
    let kind = match invocation.cause {
        Cause::Web { .. } => Kind::Web,
        Cause::Call { .. } => Kind::Call,
        Cause::Event { .. } => Kind::Event,
        Cause::Timer { .. } | Cause::Host { .. } => Kind::Timer,
    };
    let outcome = match result {
        Ok(done) if !done.answer.is_success() => Outcome::Refused,
        Ok(done) if done.position.is_some() => Outcome::Committed,
        Ok(_) => Outcome::Settled,
        Err(_) => Outcome::Failed,
    };
    let metrics = &invocation.context.metrics;
    metrics.invocation(kind, outcome, took, &invocation.trace);
}

async fn run_attempts<E: Entry>(
    invocation: &Arc<Invocation>,
    mut entry: E,
) -> Result<Done<E::Answer>, Failure> {
    let began = std::time::Instant::now();
    let mut limit = invocation.context.settings.limits.attempts.get();
    if invocation.may_not_wait() {
        // Somebody who waits for it may be in the way of whoever is in its way.
        limit = limit.min(ATTEMPTS_WITHOUT_LOCKS);
    }
    calls_made::recover(invocation).await?;
    let mut lost_to = LockSet::default();
    let mut routed = route_to_version(invocation, &mut entry)?;
    let mut is_new_run = true;
    let mut is_second_chance = false;
    for count in 0..limit {
        let locks = match lost_to.is_empty() {
            true => None,
            false => Box::pin(lock_keys(invocation, lost_to, count)).await?,
        };
        if std::mem::take(&mut is_new_run)
            && let Some(last) = invocation.replay.run().checked_sub(1)
        {
            Box::pin(finish_run(invocation, last)).await?;
        }
        if routed.lease.generation != invocation.context.generation() {
            // The state has been exchanged, and perhaps the version that knows how to read it.
            drop(routed);
            routed = route_to_version(invocation, &mut entry)?;
        }
        let lease = &routed.lease;
        let number = invocation.first_attempt + count;
        let attempt_began = std::time::Instant::now();
        let attempted = Box::pin(attempt(invocation, &entry, number, locks.as_ref(), lease)).await;
        let failed = match &attempted {
            Ok(Attempt::Done(done)) => Some(done.answer.is_error()),
            Ok(Attempt::Conflict(_) | Attempt::Diverged) => None,
            Err(failure) => Some(invocation.blames_version(failure)),
        };
        if let Some(failed) = failed {
            lease.version().note(began.elapsed(), failed);
        }
        let outcome = match &attempted {
            Ok(Attempt::Done(_)) => "done",
            Ok(Attempt::Conflict(_)) => "conflict",
            Ok(Attempt::Diverged) => "diverged",
            Err(_) => "failed",
        };
        spans::attempt(invocation, number, outcome, attempt_began.elapsed());
        judge(invocation, &routed, &attempted);
        let ended = match &attempted {
            Ok(Attempt::Done(done)) if done.answer.is_success() => suspicion::Ended::Well,
            Ok(_) => suspicion::Ended::Answered,
            Err(failure) => suspicion::Ended::Failed(failure),
        };
        suspicion::note(invocation, &entry, lease.version(), &ended);
        let attempt = match attempted {
            Ok(attempt) => attempt,
            Err(failure) => {
                let is_last = is_second_chance || count + 1 == limit;
                if is_last || !gets_second_chance(invocation, lease, &failure) {
                    return Err(failure);
                }
                is_second_chance = true;
                // Whoever waits for the version to be empty, or for the keys, must not wait for this.
                drop(routed);
                drop(locks);
                let availability = &invocation.context.availability;
                let opened = availability.admit(&invocation.context.name, invocation.deadline);
                if opened.await.is_err() {
                    return Err(failure);
                }
                match route_to_version(invocation, &mut entry) {
                    Ok(next) => routed = next,
                    // What has happened is what made it fail.
                    Err(_) => return Err(failure),
                }
                continue;
            }
        };
        match attempt {
            Attempt::Done(done) => return Ok(done),
            Attempt::Conflict(key) => {
                invocation.context.metrics.conflicts.increment(1);
                lost_to = lost_to.and(LockSet::of(&key));
            }
            Attempt::Diverged => {
                Box::pin(abandonment::begin_again(invocation)).await?;
                is_new_run = true;
            }
        }
    }
    Err(Failure::Contended { attempts: limit })
}

/// Tells the circuit breaker how the version did. What is the fault of others, or of the host, says nothing.
fn judge<A: Answer>(
    invocation: &Invocation,
    routed: &Routed,
    attempted: &Result<Attempt<A>, Failure>,
) {
    let failed = match attempted {
        // The version has not run for it.
        Ok(Attempt::Done(done)) if done.replayed => return,
        Ok(Attempt::Done(done)) => done.answer.is_error(),
        Err(failure) if invocation.blames_version(failure) => true,
        Ok(Attempt::Conflict(_) | Attempt::Diverged) | Err(_) => return,
    };
    // What still ends on one that was restarted or taken over from says nothing of what serves now.
    if routed.lease.version().is_closed() {
        return;
    }
    if let Some(breaker) = &invocation.breaker {
        breaker.judge(
            &invocation.context,
            routed.lease.version(),
            routed.trial.as_ref(),
            failed,
            &invocation.invoker.host_events,
        );
    }
}

/// Whether an invocation is run again that failed on a version which failed as a whole: once, when it has called nobody, on what serves then. An event is
/// brought again by its follower.
fn gets_second_chance(invocation: &Invocation, lease: &Lease, failure: &Failure) -> bool {
    let is_failing = invocation.context.availability.is_held() || lease.version().is_closed();
    is_failing
        // With no time left it would only fail again, and what serves by then would be blamed for it.
        && tokio::time::Instant::now() < invocation.deadline
        && failure.is_fault_of_context()
        && matches!(invocation.trigger, Trigger::Intent(_) | Trigger::Caller)
        && !invocation.replay.has_called()
        && !invocation.replay.has_intent()
}

/// Waits until what an earlier run has called is undone: that must not undo what the present one does.
async fn finish_run(invocation: &Invocation, run: u32) -> Result<(), Failure> {
    let last = invocation.id.run(run);
    undo_task::finish(
        &invocation.invoker,
        &invocation.context,
        &last,
        invocation.deadline,
    )
    .await
}

async fn lock_keys(
    invocation: &Invocation,
    lost_to: LockSet,
    conflicts: u32,
) -> Result<Option<HeldLocks>, Failure> {
    let stripes = if conflicts >= CONFLICTS_BEFORE_ALL {
        LockSet::ALL
    } else {
        lost_to
    };
    if invocation.may_not_wait() {
        // Two that hold locks and wait for each other's would wait for ever: it tries again without one.
        let longest = Backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, conflicts);
        let pause = rand::random_range(Duration::ZERO..=longest);
        tokio::time::sleep(pause).await;
        return Ok(None);
    }
    // Others run meanwhile.
    invocation.place.leave();
    let locks = tokio::time::timeout_at(
        invocation.deadline,
        invocation.context.key_locks.take(stripes),
    )
    .await;
    let locks = locks.map_err(|_| Failure::Contended {
        attempts: conflicts,
    })?;
    invocation.take_place().await?;
    Ok(Some(locks))
}

/// The memory that its guest will need; refused in time for an answer that says why.
async fn reserve_memory(invocation: &Invocation, lease: &Lease) -> Result<GuestMemory, Failure> {
    let mut memory = GuestMemory::of(&invocation.context.guests_memory, invocation.depth());
    let last = invocation.deadline - invocation.budget / 10;
    let memory_estimate = &lease.version().guest_memory;
    tokio::select! {
        biased;
        reserved = memory.begin(memory_estimate, last) => reserved?,
        () = lease.evicted() => return Err(Failure::Evicted { context: invocation.context.name.clone() }),
    }
    Ok(memory)
}

async fn attempt<E: Entry>(
    invocation: &Arc<Invocation>,
    entry: &E,
    number: u32,
    locks: Option<&HeldLocks>,
    lease: &Lease,
) -> Result<Attempt<E::Answer>, Failure> {
    let version = lease.version();
    let held = invocation
        .held_by_callers()
        .and(locks.map_or(LockSet::default(), HeldLocks::stripes));
    // What is committed while it waits for memory must not be taken for a conflict: it begins afterwards.
    let memory = reserve_memory(invocation, lease).await?;
    let mut unit = UnitOfWork::begin(invocation, version, lease.generation, number, held);
    unit.guest_memory = memory;
    // Looked up after the unit began: a run that commits the same from here on makes this one a conflict.
    if let Some(found) = entry.find_stored(&invocation.context.ledger)? {
        return Ok(Attempt::Done(Done {
            answer: found.answer,
            version: version.clone(),
            position: None,
            replayed: true,
            basis: None,
            undo: found.undo,
        }));
    }
    let Ended {
        services: unit,
        result,
    } = tokio::select! {
        // First, so that whoever waited for locks until now does not begin any more.
        biased;
        () = lease.evicted() => return Err(Failure::Evicted { context: invocation.context.name.clone() }),
        ended = enter(invocation, entry, version, unit) => ended,
    };
    let answer = match result {
        Ok(answer) => answer,
        Err(Fault::Refused(refusal)) => match refused(refusal) {
            Interruption::Locked(key) => return Ok(Attempt::Conflict(key)),
            Interruption::Diverged => return Box::pin(diverged(invocation, &unit)).await,
            Interruption::Failed(failure) => {
                return Box::pin(settle_failure(invocation, &unit, failure)).await;
            }
        },
        Err(Fault::Deadline { .. }) => {
            let failure = Failure::Deadline {
                after: invocation.budget,
            };
            return Box::pin(settle_failure(invocation, &unit, failure)).await;
        }
        Err(fault) => {
            let failure = Failure::of_fault(fault);
            return Box::pin(settle_failure(invocation, &unit, failure)).await;
        }
    };
    answer.check(&invocation.context.settings.limits)?;
    if answer.is_success() && invocation.replay.has_more_calls(unit.call_count) {
        return Box::pin(diverged(invocation, &unit)).await;
    }
    if answer.is_success() {
        // Whoever asked may keep the numbers that it drew, also when nothing is committed here.
        let ledger = &invocation.context.ledger;
        ledger.secure_sequences(&invocation.replay.highest_draws())?;
    }
    if answer.is_success() && must_commit(invocation, entry, &unit) {
        return Box::pin(commit(invocation, entry, *unit, answer, version, number)).await;
    }
    match invocation
        .context
        .ledger
        .settle(unit.began, &unit.reads)
        .await
    {
        Ok(()) => Ok(Attempt::Done(Done {
            basis: unit.is_repeatable.then_some(ReadBasis {
                began: unit.began,
                reads: unit.reads,
            }),
            answer,
            version: version.clone(),
            position: None,
            replayed: false,
            undo: None,
        })),
        Err(CommitError::Conflict { key, .. }) => Ok(Attempt::Conflict(key)),
        Err(error) => Err(Failure::of_commit(&invocation.context.name, error)),
    }
}

fn refused(refusal: Refusal) -> Interruption {
    match refusal.0.downcast::<Interruption>() {
        Ok(interruption) => *interruption,
        Err(other) => Interruption::Failed(Failure::Trap {
            message: other.to_string(),
        }),
    }
}

/// A guest that saw half of a concurrent commit may take another course for that alone: it is run again then, before anything is undone.
async fn diverged<A>(invocation: &Invocation, unit: &UnitOfWork) -> Result<Attempt<A>, Failure> {
    match invocation
        .context
        .ledger
        .settle(unit.began, &unit.reads)
        .await
    {
        Err(CommitError::Conflict { key, .. }) => Ok(Attempt::Conflict(key)),
        _ => Ok(Attempt::Diverged),
    }
}

/// A guest that saw half of a concurrent commit may fail for that alone: it is run again then.
async fn settle_failure<A>(
    invocation: &Invocation,
    unit: &UnitOfWork,
    failure: Failure,
) -> Result<Attempt<A>, Failure> {
    match invocation
        .context
        .ledger
        .settle(unit.began, &unit.reads)
        .await
    {
        Err(CommitError::Conflict { key, .. }) => Ok(Attempt::Conflict(key)),
        _ => Err(failure),
    }
}

/// Enters the guest; the unit of work comes back with what came of it.
async fn enter<E: Entry>(
    invocation: &Invocation,
    entry: &E,
    version: &Version,
    unit: UnitOfWork,
) -> Ended<E::Answer, UnitOfWork> {
    let limits = &invocation.context.settings.limits;
    let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
    let execution = Execution {
        services: Box::new(unit),
        memory,
        transfer: limits.transfer(),
        deadline: invocation.deadline,
        depth: invocation.depth(),
        share: Some(invocation.context.share.clone()),
        instances: Some(invocation.context.instances.clone()),
    };
    let mut ended = entry.enter(version, execution).await;
    ended.services.end_execution();
    ended
}

fn must_commit(invocation: &Invocation, entry: &impl Entry, unit: &UnitOfWork) -> bool {
    !unit.is_empty()
        || !invocation.writes.is_empty()
        || invocation.replay.has_called()
        || invocation.replay.has_intent()
        || entry.keeps_every_success()
}

async fn commit<E: Entry>(
    invocation: &Arc<Invocation>,
    entry: &E,
    unit: UnitOfWork,
    answer: E::Answer,
    version: &Arc<Version>,
    number: u32,
) -> Result<Attempt<E::Answer>, Failure> {
    debug_assert!(
        !matches!(invocation.trigger, Trigger::Nobody),
        "what nobody would bring again after a crash commits nothing"
    );
    let undo = invocation.undo_by(version);
    let _shared = match invocation.share_commits(undo.is_none()).await {
        Ok(shared) => shared,
        Err(Failure::Contended { .. }) => return Ok(Attempt::Conflict(Vec::new())),
        Err(failure) => return Err(failure),
    };
    let ledger = &invocation.context.ledger;
    let quota = quota::of(invocation, unit.state.generation());
    let time = wall_clock();
    let (timers, mut events) = unit.outbox.into_parts(time)?;
    for event in &mut events {
        event.time = time;
    }
    let mut reads = unit.reads;
    let (mut writes, merges) = unit.state.into_changes();
    writes.extend(timers);
    writes.extend(invocation.writes.iter().cloned());
    let details = CommitDetails {
        time,
        caller: invocation.caller.as_ref(),
        undo: undo.as_deref(),
    };
    if let Some(kept) = entry.store(&answer, details)? {
        // Of two runs under one id or key only one may commit.
        reads.note_key(Space::Result, &kept.key);
        writes.push(kept);
    }
    writes.extend(abandonment::uncertain(invocation)?);
    if invocation.replay.has_intent() {
        writes.push(record::removal(Space::Intent, &invocation.id));
    }
    let header = Header {
        invocation: invocation.id.clone(),
        cause: invocation.cause.clone(),
        ending: Ending::Committed,
        attempt: number,
        correlation_id: Some(invocation.correlation_id.clone()),
        causation_id: invocation.causation_id.clone(),
        version: Some(version.digest),
        time,
        status: answer.status(),
        by: invocation
            .identity
            .as_ref()
            .map(VerifiedIdentity::to_subject),
    };
    let sets_timers = writes
        .iter()
        .any(|write| write.space == Space::Timer && write.value.is_some());
    let compensates = writes
        .iter()
        .any(|write| write.space == Space::Compensation);
    let unit = Unit {
        began: unit.began,
        reads,
        header,
        writes,
        events,
    };
    // What is not handed over is not committed, and its client is told so.
    ledger
        .check()
        .map_err(|error| Failure::of_commit(&invocation.context.name, error))?;
    let (began, count) = (std::time::Instant::now(), unit.events.len());
    let committed = ledger
        .commit_merging(unit, merges, invocation.durability, quota)
        .await;
    spans::commit(invocation, count, committed.as_ref(), began.elapsed());
    match committed {
        Ok(Committed { position, .. }) => {
            invocation.context.metrics.commits.increment(1);
            if sets_timers {
                invocation.context.timer_set.notify_one();
            }
            if compensates {
                invocation.context.compensations.wake();
            }
            Ok(Attempt::Done(Done {
                answer,
                version: version.clone(),
                position: Some(position),
                replayed: false,
                basis: None,
                undo,
            }))
        }
        Err(CommitError::Conflict { key, .. }) => Ok(Attempt::Conflict(key)),
        Err(error) => Err(Failure::of_handed_over(&invocation.context.name, error)),
    }
}
