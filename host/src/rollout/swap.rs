//! Swaps: one version takes over from another, in one step for requests, calls, events and timers.
//!
//! The order is always the same. The version may serve and fits the others, or there is no swap. What stands from now on is committed to the context's journal. Then the
//! pointer is exchanged, and the version that was there before is closed: it ends what it has begun. A crash in between starts with what stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::active_version::{ActiveVersion, Shape};
use super::deployer::Deployer;
use super::gate::Refusal;
use super::history::{Because, History, State};
use super::migration::generation;
use super::progress::Rollout;
use super::schema::{self, Move};
use super::{compatibility, retention, trust};
use crate::core::{spoken, wall_clock};
use crate::events::following;
use crate::invocation::Context;
use crate::journal::{self, CommitError, Durability, ReadSet, Unit, Write, bookkeeping};
use crate::versions::{Candidate, Drained, Serving, Version};

/// Why there was no swap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwapError {
    /// The version does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What it was to take over from does not serve any more.
    #[error(
        "another version of context {context} has taken over in the meantime; see `innkeeper versions {context}`, and try again"
    )]
    Overtaken {
        /// The context.
        context: String,
    },
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
    /// One that was on its way in, and is not any more.
    pub turned_away: Option<Arc<Version>>,
    /// When the pointer was exchanged, in milliseconds since the Unix epoch.
    pub at: u64,
    /// How long it took to decide that it fits, and to exchange the pointer; without the wait for the disk in between.
    pub decided: Duration,
}

/// Makes a version the one that serves, on the state as it is, in the place of `former`.
pub(super) async fn swap(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    former: Option<&Arc<Version>>,
    way: Way,
    because: &Because,
) -> Result<Swapped, SwapError> {
    let (digest, shape) = (&version.digest, Shape::of(version));
    // The state may have moved since it was looked at.
    let next = |active: ActiveVersion| match way {
        Way::Forward => match schema::needed(&context.name, Some(active.clone()), version)? {
            Move::None => Ok(active.succeeded_by(digest, shape, false)),
            Move::Migrate { .. } | Move::Rebuild => Err(SwapError::Overtaken {
                context: context.name.clone(),
            }),
        },
        Way::Back | Way::BackFromHarm => {
            schema::can_go_back(&context.name, &active, version)?;
            Ok(active.taken_back_to(digest, shape))
        }
    };
    let swapped = take_over(deployer, context, version, former, None, next).await?;
    let state = match way {
        Way::Forward | Way::Back => State::Drained,
        Way::BackFromHarm => State::Quarantined,
    };
    settle(deployer, context, version, &swapped, state, because).await;
    Ok(swapped)
}

/// After a swap: the history knows of it, events are followed as the version describes, and the version that it took over from is emptied, and is then in
/// `state`; one that was on its way in is as if it had not come.
pub(super) async fn settle(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    swapped: &Swapped,
    state: State,
    because: &Because,
) {
    deployer.rollouts(context).keep_loaded(version);
    // Whatever was refused at the start: somebody has chosen what serves since.
    *deployer.rollouts(context).refused.lock() = None;
    let left = swapped.former.iter().map(|former| (former, state));
    let turned_away = swapped.turned_away.iter();
    let left = left.chain(turned_away.map(|version| (version, State::Uploaded)));
    let left: Vec<_> = left
        .filter(|(left, _)| left.digest != version.digest)
        .collect();
    let mut changes = vec![(version.digest.as_str(), State::Current)];
    let draining = left.iter();
    changes.extend(draining.map(|(left, _)| (left.digest.as_str(), State::Draining)));
    let then = Because {
        at: Some(swapped.at),
        ..because.clone()
    };
    note(deployer, context, &changes, &then).await;
    following::follow_as_described(&deployer.events, context).await;
    for (left, state) in left {
        empty(deployer, context, left, state, because);
    }
}

/// A generation of the state that takes over together with a version.
pub(crate) struct Exchange {
    /// The generation: all of it is in the version's shape.
    pub generation: u32,
    /// When what it comes from was looked at, and what that was.
    pub began: u64,
    pub reads: ReadSet,
    /// What is committed besides.
    pub additions: Vec<Write>,
}

/// Makes another generation of the state the serving one, and a version with it that may be another one than `former`, too. Nobody may follow for the
/// context meanwhile.
pub(crate) async fn exchange(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    former: Option<&Arc<Version>>,
    exchange: Exchange,
) -> Result<Swapped, SwapError> {
    let (digest, shape) = (&version.digest, Shape::of(version));
    let next = |active: ActiveVersion| Ok(active.succeeded_by(digest, shape, true));
    take_over(deployer, context, version, former, Some(exchange), next).await
}

/// The one way in which a version takes over: what it is to take over from still serves, it may serve, it fits, what stands then is on disk, the pointer is
/// exchanged, and those that it takes over from are closed.
async fn take_over(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    former: Option<&Arc<Version>>,
    exchange: Option<Exchange>,
    next: impl FnOnce(ActiveVersion) -> Result<ActiveVersion, SwapError>,
) -> Result<Swapped, SwapError> {
    let mut swapped = Swapped {
        former: None,
        turned_away: None,
        at: 0,
        decided: Duration::ZERO,
    };
    let mut exchanged = Instant::now();
    let left = Mutex::new(Vec::new());
    deployer
        .wiring
        .rewire(
            async |wiring| {
                let before = wiring.serving(&context.name).cloned().unwrap_or_default();
                if before.version().map(Arc::as_ptr) != former.map(Arc::as_ptr) {
                    return Err(SwapError::Overtaken {
                        context: context.name.clone(),
                    });
                }
                let trusted = trust::admit(deployer, wiring, context, version).await?;
                let deciding = Instant::now();
                let mut serving = before.only(trusted);
                if let Some(exchange) = &exchange {
                    serving.generation = exchange.generation;
                }
                let after = compatibility::wire(deployer, wiring, &context.name, serving)?;
                swapped.decided = deciding.elapsed();
                swapped.former = before.version().cloned();
                let active = next(ActiveVersion::read(&context.ledger)?.unwrap_or_default())?;
                commit(context, &before, &active, exchange).await?;
                version.open();
                let leaves = before.versions().filter(|left| !Arc::ptr_eq(left, version));
                *left.lock() = leaves.cloned().collect();
                let candidate = before.candidate.as_ref();
                let candidate = candidate.filter(|one| !Arc::ptr_eq(&one.version, version));
                swapped.turned_away = candidate.map(|candidate| Arc::clone(&candidate.version));
                exchanged = Instant::now();
                swapped.at = wall_clock();
                Ok::<_, SwapError>(after)
            },
            || {
                let left = left.lock();
                left.iter().for_each(|left: &Arc<Version>| left.close());
            },
        )
        .await?;
    swapped.decided += exchanged.elapsed();
    if let Some(turned_away) = &swapped.turned_away {
        deployer.rollouts(context).end(&turned_away.digest);
    }
    Ok(swapped)
}

/// Makes durable what stands after a swap.
async fn commit(
    context: &Context,
    before: &Serving,
    active: &ActiveVersion,
    exchange: Option<Exchange>,
) -> Result<(), SwapError> {
    let Some(exchange) = exchange else {
        return Ok(active.commit(context).await?);
    };
    let mut header = bookkeeping("swap");
    active.digest.clone_into(&mut header.version);
    let mut writes = exchange.additions;
    writes.extend(generation::exchange(before.generation, exchange.generation));
    writes.push(active.write()?);
    let unit = Unit {
        began: exchange.began,
        reads: exchange.reads,
        header,
        writes,
        events: Vec::new(),
    };
    context.ledger.commit_as(unit, Durability::Flush).await?;
    Ok(())
}

/// Gives a version a part of the work, beside `current`, which serves.
pub(super) async fn ramp(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    current: &Arc<Version>,
    weight: u8,
) -> Result<(), SwapError> {
    deployer
        .wiring
        .rewire(
            async |wiring| {
                compatibility::check(deployer, wiring, &context.name, version)?;
                let before = wiring.serving(&context.name).cloned().unwrap_or_default();
                if before.version().map(Arc::as_ptr) != Some(Arc::as_ptr(current)) {
                    return Err(SwapError::Overtaken {
                        context: context.name.clone(),
                    });
                }
                let trusted = trust::admit(deployer, wiring, context, version).await?;
                // Whatever becomes of it, there are rows of it from now on.
                let active = ActiveVersion::read(&context.ledger)?.unwrap_or_default();
                let written = active.written_also(Shape::of(version));
                if written != active {
                    written.commit(context).await?;
                }
                let candidate = Candidate {
                    version: trusted,
                    weight,
                };
                version.open();
                let serving = Serving {
                    candidate: Some(candidate),
                    ..Serving::clone(&before)
                };
                Ok::<_, SwapError>(compatibility::with(
                    deployer,
                    wiring,
                    &context.name,
                    serving,
                )?)
            },
            || {},
        )
        .await
}

/// Takes a version back that had a part of the work; it ends what it has begun, and is then in `state`. Where it has all of the work by now it keeps that.
pub(super) async fn withdraw(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    state: State,
    because: &Because,
) -> Result<(), SwapError> {
    let serves = AtomicBool::new(false);
    deployer
        .wiring
        .rewire(
            async |wiring| {
                let before = wiring.serving(&context.name).cloned().unwrap_or_default();
                let current = before.version();
                let is_current = current.is_some_and(|current| Arc::ptr_eq(current, version));
                serves.store(is_current, Ordering::Relaxed);
                let serving = Serving {
                    candidate: None,
                    ..Serving::clone(&before)
                };
                Ok::<_, SwapError>(compatibility::with(
                    deployer,
                    wiring,
                    &context.name,
                    serving,
                )?)
            },
            || {
                if !serves.load(Ordering::Relaxed) {
                    version.close();
                }
            },
        )
        .await?;
    if !serves.into_inner() {
        empty(deployer, context, version, state, because);
    }
    Ok(())
}

/// Empties a version in the background, and notes then what state it is in.
pub(super) fn empty(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    state: State,
    because: &Because,
) {
    let (deployer, context, version) = (deployer.clone(), context.clone(), version.clone());
    let mut because = because.clone();
    deployer.clone().tasks.spawn(async move {
        let time = context.settings.rollout.drain;
        let drained = tokio::select! {
            drained = version.drain(time) => drained,
            () = deployer.shutdown.cancelled() => return,
        };
        let how = match drained {
            Drained::Reopened => return,
            Drained::Empty => "all of its invocations have ended".to_owned(),
            Drained::Forced(left) => {
                tracing::warn!(context = context.name, version = %version.title, left, "not everything ended in time; what did not commit at that moment was cancelled");
                format!("{left} invocations had not ended after {}; those that did not commit at that moment were cancelled", spoken(time))
            }
        };
        tracing::info!(context = context.name, version = %version.title, how, "drained");
        because.reason = match state {
            State::Drained => how,
            _ => format!("{}; {how}", because.reason),
        };
        // It may have been taken into service again just now.
        if version.is_closed() {
            note(&deployer, &context, &[(&version.digest, state)], &because).await;
        }
        retention::keep_newest(&deployer, &context).await;
    });
}

/// Notes what states versions are in. What cannot be noted is told in the log: it is put right at the next start.
pub(super) async fn note(
    deployer: &Deployer,
    context: &Context,
    changes: &[(&str, State)],
    because: &Because,
) {
    let noted = match History::of(deployer, &context.name) {
        Ok(history) => history.note(changes, because).await,
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
        tracing::error!(context = context.name, %error, "could not write the history of its versions");
    }
}

/// The story that a rollout's steps belong to.
pub(super) fn because(rollout: &Rollout, reason: impl Into<String>) -> Because {
    Because {
        by: rollout.by.clone(),
        reason: reason.into(),
        rollout: rollout.id.clone(),
        at: None,
    }
}
