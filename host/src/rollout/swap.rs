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
use super::history::{self, Because};
use super::migration::generation;
use super::refusal::Refusal;
use super::schema::{self, Move};
use super::version_state::State;
use super::{compatibility, drain, signature_check};
use crate::core::{ContextName, wall_clock};
use crate::events::following;
use crate::invocation::Context;
use crate::journal::{self, CommitError, Durability, ReadSet, Unit, Write, bookkeeping};
use crate::versions::{Candidate, Rewiring, Serving, Version, Wiring};

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
        context: ContextName,
    },
    /// It could not be committed.
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
pub(super) enum SwapKind {
    /// It is newer.
    Rollout,
    /// It served before.
    Rollback,
    /// It served before, and what it takes over from does harm.
    AutomaticRollback,
}

/// What a swap did.
pub(crate) struct Swapped {
    /// The version that served before.
    pub former: Option<Arc<Version>>,
    /// A version whose ramp ended with the swap.
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
    kind: SwapKind,
    because: &Because,
) -> Result<Swapped, SwapError> {
    let (digest, shape) = (version.digest, Shape::of(version));
    // The state may have moved since it was looked at.
    let next = |active: ActiveVersion| match kind {
        SwapKind::Rollout => match schema::needed(&context.name, Some(active.clone()), version)? {
            None => Ok(active.succeeded_by(digest, shape)),
            Some(Move::Migrate { .. } | Move::Rebuild) => Err(SwapError::Overtaken {
                context: context.name.clone(),
            }),
        },
        SwapKind::Rollback | SwapKind::AutomaticRollback => {
            schema::can_go_back(&context.name, &active, version)?;
            Ok(active.taken_back_to(digest, shape))
        }
    };
    let swapped = take_over(deployer, context, version, former, None, next).await?;
    let state = match kind {
        SwapKind::Rollout | SwapKind::Rollback => State::Drained,
        SwapKind::AutomaticRollback => State::Quarantined,
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
    deployer.health(context).taken_over(context);
    deployer.rollouts(context).keep_loaded(version);
    // Whatever was refused at the start: somebody has chosen what serves since.
    *deployer.rollouts(context).refused.lock() = None;
    let left = swapped.former.iter().map(|former| (former, state));
    let turned_away = swapped.turned_away.iter();
    let left = left.chain(turned_away.map(|version| (version, State::Uploaded)));
    let left: Vec<_> = left
        .filter(|(left, _)| left.digest != version.digest)
        .collect();
    let mut changes = vec![(version.digest, State::Current)];
    let draining = left.iter();
    changes.extend(draining.map(|(left, _)| (left.digest, State::Draining)));
    let then = Because {
        at: Some(swapped.at),
        ..because.clone()
    };
    history::record_changes(deployer, context, &changes, &then).await;
    following::follow_as_described(&deployer.events, context).await;
    for (left, state) in left {
        drain::begin(deployer, context, left, state, because);
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
    let (digest, shape) = (version.digest, Shape::of(version));
    let next = |active: ActiveVersion| Ok(active.succeeded_in_shape_by(digest, shape));
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
                // It may have been restarted meanwhile: that is the same one.
                if before.version().map(|version| version.digest)
                    != former.map(|version| version.digest)
                {
                    return Err(SwapError::Overtaken {
                        context: context.name.clone(),
                    });
                }
                let trusted = signature_check::admit(deployer, wiring, context, version).await?;
                let deciding = Instant::now();
                let mut serving = before.only(trusted);
                if let Some(exchange) = &exchange {
                    serving.generation = exchange.generation;
                }
                let after = compatibility::wire(deployer, wiring, context, serving)?;
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
        deployer.rollouts(context).end(turned_away.digest);
    }
    Ok(swapped)
}

/// Has a version that was loaded anew take the place of itself; one that is ramped up beside it stays. What stands is the same as before, so nothing is committed.
pub(super) async fn replace_by_itself(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    before: &Arc<Version>,
    version: &Arc<Version>,
) -> Result<(), SwapError> {
    deployer
        .wiring
        .rewire(
            async |wiring| {
                let serving = wiring.serving(&context.name).cloned().unwrap_or_default();
                if serving.version().map(Arc::as_ptr) != Some(Arc::as_ptr(before)) {
                    return Err(SwapError::Overtaken {
                        context: context.name.clone(),
                    });
                }
                let trusted = signature_check::admit(deployer, wiring, context, version).await?;
                let serving = Serving {
                    current: Some(trusted),
                    ..Serving::clone(&serving)
                };
                Ok(compatibility::with(
                    deployer,
                    wiring,
                    &context.name,
                    serving,
                )?)
            },
            || before.close(),
        )
        .await?;
    deployer.rollouts(context).keep_loaded(version);
    Ok(())
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
    header.version = active.digest;
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
                let contexts = &deployer.manifest().contexts;
                compatibility::check(deployer, contexts, wiring, context, version)?;
                let before = wiring.serving(&context.name).cloned().unwrap_or_default();
                // It may have been restarted meanwhile: that is the same one.
                if before.version().map(|version| version.digest) != Some(current.digest) {
                    return Err(SwapError::Overtaken {
                        context: context.name.clone(),
                    });
                }
                let trusted = signature_check::admit(deployer, wiring, context, version).await?;
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
                with_candidate(deployer, wiring, context, Some(candidate))
            },
            || {},
        )
        .await
}

/// The wiring with another version, or none, beside the one that serves.
fn with_candidate(
    deployer: &Deployer,
    wiring: &Rewiring,
    context: &Context,
    candidate: Option<Candidate>,
) -> Result<Wiring, SwapError> {
    let before = wiring.serving(&context.name).cloned().unwrap_or_default();
    let serving = Serving {
        candidate,
        ..Serving::clone(&before)
    };
    Ok(compatibility::with(
        deployer,
        wiring,
        &context.name,
        serving,
    )?)
}

/// Withdraws a version that had a part of the work; it ends what it has begun, and is then in `state`. Where it has all of the work by now it keeps that.
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
                with_candidate(deployer, wiring, context, None)
            },
            || {
                if !serves.load(Ordering::Relaxed) {
                    version.close();
                }
            },
        )
        .await?;
    if !serves.into_inner() {
        drain::begin(deployer, context, version, state, because);
    }
    Ok(())
}
