//! Swaps: one version takes over from another, in one step for requests, calls, events and timers.
//!
//! The order is always the same. The version fits the others, or there is no swap. What stands from now on is committed to the context's journal. Then the
//! pointer is exchanged, and the version that was there before is closed: it ends what it has begun. A crash in between starts with what stands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::gate::Refusal;
use super::progress::Rollout;
use super::register::{Because, Register, State};
use super::residency::Drained;
use super::serving::{Candidate, Serving};
use super::standing::Standing;
use super::version::Version;
use super::{retention, wire};
use crate::app::{Context, Host};
use crate::events::{self, bookkeeping};
use crate::journal::{self, CommitError, Durability, ReadSet, Unit, Write};

/// Why there was no swap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwapError {
    /// The version does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable.
    #[error(transparent)]
    Journal(#[from] CommitError),
}

impl From<journal::Error> for SwapError {
    fn from(error: journal::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// How a version takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is newer.
    Forward,
    /// It served before.
    Back,
    /// It served before, and what it takes over from does harm.
    BackFromHarm,
}

/// What a swap did.
pub(crate) struct Swapped {
    /// The version that served before.
    pub former: Option<Arc<Version>>,
    /// How long it took to decide that it fits, and to exchange the pointer; without the wait for the disk in between.
    pub decided: Duration,
}

/// Makes a version the one that serves, on the state as it is.
pub(super) async fn swap(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    way: Way,
    because: &Because,
) -> Result<Swapped, SwapError> {
    let mut decided = Duration::ZERO;
    let mut exchanged = Instant::now();
    let mut former = None;
    let left = Mutex::new(Vec::new());
    host.rewire(
        async |wiring| {
            let began = Instant::now();
            let before = wiring.serving(&context.name).cloned().unwrap_or_default();
            former.clone_from(&before.current);
            *left.lock() = before.versions().cloned().collect();
            left.lock().retain(|left| !Arc::ptr_eq(left, version));
            let next = wire::wire(host, wiring, &context.name, before.only(version))?;
            decided = began.elapsed();
            let standing = Standing::read(&context.ledger)?.unwrap_or_default();
            let (digest, schema) = (&version.digest, version.schema.number);
            let standing = match way {
                Way::Forward => standing.succeeded_by(digest, schema, false),
                Way::Back | Way::BackFromHarm => standing.taken_back_to(digest, schema),
            };
            standing.commit(context).await?;
            version.residency.open();
            exchanged = Instant::now();
            Ok::<_, SwapError>(next)
        },
        || {
            left.lock()
                .iter()
                .for_each(|left: &Arc<Version>| left.residency.close())
        },
    )
    .await?;
    decided += exchanged.elapsed();
    let state = match way {
        Way::Forward | Way::Back => State::Drained,
        Way::BackFromHarm => State::Quarantined,
    };
    settle(host, context, version, left.into_inner(), state, because).await;
    Ok(Swapped { former, decided })
}

/// After a swap: the register knows of it, events are followed as the version describes, and those that it took over from are emptied, and are then in
/// `state`.
async fn settle(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    left: Vec<Arc<Version>>,
    state: State,
    because: &Because,
) {
    context.rollouts.keep_loaded(version);
    let mut changes = vec![(version.digest.as_str(), State::Current)];
    changes.extend(
        left.iter()
            .map(|left| (left.digest.as_str(), State::Draining)),
    );
    note(host, context, &changes, because).await;
    events::follow_as_described(host, context).await;
    for left in left {
        empty(host, context, &left, state, because);
    }
}

/// What is exchanged together with the state.
pub(crate) struct Exchange<'a> {
    /// The version that serves from then on, on `generation`: all of the state is in its shape.
    pub version: &'a Arc<Version>,
    pub generation: u32,
    /// When what it comes from was looked at, and what that was.
    pub began: u64,
    pub reads: ReadSet,
    /// What is committed besides.
    pub additions: Vec<Write>,
}

/// Makes another generation of the state the serving one, and a version with it that may be another one, too. Nobody may follow for the context meanwhile.
///
/// Answers the version that served before, and how long it took to decide.
pub(crate) async fn exchange(
    host: &Arc<Host>,
    context: &Arc<Context>,
    exchange: Exchange<'_>,
) -> Result<Swapped, SwapError> {
    let Exchange {
        version,
        generation,
        began,
        reads,
        additions,
    } = exchange;
    let mut swapped = Swapped {
        former: None,
        decided: Duration::ZERO,
    };
    let mut exchanged = Instant::now();
    let left = Mutex::new(None);
    host.rewire(
        async |wiring| {
            let deciding = Instant::now();
            let before = wiring.serving(&context.name).cloned().unwrap_or_default();
            let serving = Serving {
                generation,
                ..before.only(version)
            };
            let next = wire::wire(host, wiring, &context.name, serving)?;
            swapped.decided = deciding.elapsed();
            swapped.former.clone_from(&before.current);
            let standing = Standing::read(&context.ledger)?.unwrap_or_default();
            let standing = standing.succeeded_by(&version.digest, version.schema.number, true);
            let mut header = bookkeeping("swap");
            version.digest.clone_into(&mut header.version);
            let mut writes = additions;
            writes.extend(events::generation_exchange(before.generation, generation));
            writes.push(standing.write()?);
            let unit = Unit {
                began,
                reads,
                header,
                writes,
                events: Vec::new(),
            };
            context.ledger.commit_as(unit, Durability::Flush).await?;
            version.residency.open();
            let leaves = before
                .current
                .as_ref()
                .filter(|left| !Arc::ptr_eq(left, version));
            *left.lock() = leaves.cloned();
            exchanged = Instant::now();
            Ok::<_, SwapError>(next)
        },
        || {
            left.lock()
                .iter()
                .for_each(|left: &Arc<Version>| left.residency.close())
        },
    )
    .await?;
    swapped.decided += exchanged.elapsed();
    Ok(swapped)
}

/// After an exchange of state and version: see [`settle`].
pub(super) async fn settle_exchange(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    swapped: &Swapped,
    because: &Because,
) {
    let left = swapped
        .former
        .iter()
        .filter(|left| !Arc::ptr_eq(left, version));
    let left = left.cloned().collect();
    settle(host, context, version, left, State::Drained, because).await;
}

/// Gives a version a part of the work, beside the one that serves.
pub(super) async fn ramp(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    weight: u8,
) -> Result<(), SwapError> {
    host.rewire(
        async |wiring| {
            wire::check(host, wiring, &context.name, version)?;
            let before = wiring.serving(&context.name).cloned().unwrap_or_default();
            let candidate = Candidate {
                version: version.clone(),
                weight,
            };
            version.residency.open();
            let serving = Serving {
                candidate: Some(candidate),
                ..Serving::clone(&before)
            };
            Ok::<_, SwapError>(wire::with(&host.contexts, wiring, &context.name, serving)?)
        },
        || {},
    )
    .await
}

/// Takes a version back that had a part of the work; it ends what it has begun, and is then in `state`.
pub(super) async fn withdraw(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    state: State,
    because: &Because,
) -> Result<(), SwapError> {
    host.rewire(
        async |wiring| {
            let before = wiring.serving(&context.name).cloned().unwrap_or_default();
            let serving = Serving {
                candidate: None,
                ..Serving::clone(&before)
            };
            Ok::<_, SwapError>(wire::with(&host.contexts, wiring, &context.name, serving)?)
        },
        || version.residency.close(),
    )
    .await?;
    empty(host, context, version, state, because);
    Ok(())
}

/// Empties a version in the background, and notes then what state it is in.
pub(super) fn empty(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    state: State,
    because: &Because,
) {
    let (host, context, version) = (host.clone(), context.clone(), version.clone());
    let mut because = because.clone();
    host.clone().tasks.spawn(async move {
        let time = context.settings.rollout.drain;
        let drained = tokio::select! {
            drained = version.drain(time) => drained,
            () = host.shutdown.cancelled() => return,
        };
        let how = match drained {
            Drained::Reopened => return,
            Drained::Empty => "everything that it had begun has ended".to_owned(),
            Drained::Forced(left) => {
                tracing::warn!(context = context.name, version = %version.title, left, "not everything ended in time; it was cancelled, and nothing of it was committed");
                format!("{left} invocations had not ended after {time:?} and were cancelled")
            }
        };
        tracing::info!(context = context.name, version = %version.title, how, "drained");
        because.reason = match state {
            State::Drained => how,
            _ => format!("{}; {how}", because.reason),
        };
        // It may have been taken into service again just now.
        if version.is_closed() {
            note(&host, &context, &[(&version.digest, state)], &because).await;
        }
        retention::keep_newest(&host, &context).await;
    });
}

/// Notes what states versions are in. What cannot be noted is told in the log: it is put right at the next start.
pub(super) async fn note(
    host: &Host,
    context: &Context,
    changes: &[(&str, State)],
    because: &Because,
) {
    let noted = match Register::of(host, &context.name) {
        Ok(register) => register.note(changes, because).await,
        Err(error) => Err(error.into()),
    };
    for (digest, state) in changes {
        tracing::info!(
            context = context.name,
            digest,
            state = state.name(),
            by = because.by,
            reason = because.reason,
            correlation_id = because.rollout,
            "version"
        );
    }
    if let Err(error) = noted {
        tracing::error!(context = context.name, %error, "the history of its versions cannot be written");
    }
}

/// The story that a rollout's steps belong to.
pub(super) fn because(rollout: &Rollout, reason: impl Into<String>) -> Because {
    Because {
        by: rollout.by.clone(),
        reason: reason.into(),
        rollout: rollout.id.clone(),
    }
}
