//! Rebuilds: a projection's state is filled anew from the first event while the old state serves, then the two are swapped.
//!
//! The new state is another generation, filled by followers of its own, with cursors of its own. When they have come as far as the live ones,
//! those are stopped, one commit makes the new generation the serving one, and new live followers go on from its cursors. Only what is a function of the events
//! alone can be rebuilt so: a context that publishes nothing, calls nobody, is called by nobody, and changes nothing by its routes.
//!
//! An event that the new generation gives up on becomes one of its own dead letters, which show from the swap on; those of the old generation go with it, since their
//! events have been handled again. A rebuild that a crash cuts short is not resumed: the next start sweeps what there is of it.

mod state;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

pub use self::state::RebuildState;
pub(super) use self::state::Rebuilds;
use self::state::{Inner, Rebuild};
use self::work::{Work, sweep};
use super::deployer::Deployer;
use super::migration::generation;
use super::swap::Swapped;
use crate::core::{ContextName, wall_clock};
use crate::events::{Watched, following};
use crate::invocation::Context;
use crate::journal;
use crate::versions::Version;

/// How long the next one waits for what is not needed any more to be removed.
const SWEEP: Duration = Duration::from_secs(60);

/// Why a rebuild does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// One is under way.
    #[error("context {context} is being rebuilt already; its progress shows in its status")]
    UnderWay {
        /// The context.
        context: ContextName,
    },
    /// Its state is not a function of events alone.
    #[error(
        "context {context} cannot be rebuilt: {reason}. Only a projection can: a context that follows events, answers GET, and does nothing else"
    )]
    NotAProjection {
        /// The context.
        context: ContextName,
        /// What it does besides.
        reason: String,
    },
    /// No version serves.
    #[error("context {context} has no version that serves; deploy one first")]
    NotServing {
        /// The context.
        context: ContextName,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// How far a rebuild is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many events are behind it.
    pub handled: u64,
    /// How many there are in all by now.
    pub total: u64,
    /// When it began, in milliseconds since the Unix epoch.
    pub since: u64,
    /// What it does now.
    pub state: RebuildState,
}

/// Begins to rebuild a context.
///
/// # Errors
///
/// See [`RebuildError`].
pub fn start(deployer: &Arc<Deployer>, context: &Arc<Context>) -> Result<(), RebuildError> {
    let name = || context.name.clone();
    let version = context
        .version()
        .ok_or_else(|| RebuildError::NotServing { context: name() })?;
    if let Some(reason) = version.description.not_a_projection() {
        return Err(RebuildError::NotAProjection {
            context: name(),
            reason,
        });
    }
    let rebuild = Rebuild::begin(deployer, context, RebuildState::Filling)
        .ok_or(RebuildError::UnderWay { context: name() })?;
    let work = Work {
        deployer: deployer.clone(),
        context: context.clone(),
        rebuild,
        serving: Some(version.clone()),
        version,
        abort: CancellationToken::new(),
    };
    deployer.tasks.spawn(work.run());
    Ok(())
}

/// Fills the state anew with another version, which takes over together with it. Ends when the version serves; what is not needed any more is removed behind
/// its back.
pub(crate) async fn refill(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    abort: &CancellationToken,
) -> Result<Swapped, String> {
    let rebuild = Rebuild::begin_after_sweep(deployer, context).await?;
    let work = Work {
        deployer: deployer.clone(),
        context: context.clone(),
        rebuild,
        serving: context.version(),
        version: version.clone(),
        abort: abort.clone(),
    };
    work.refill().await
}

/// A generation that is filled by other means than events. Dropped without an end, what there is of it is removed.
pub(crate) struct Filling {
    deployer: Arc<Deployer>,
    context: Arc<Context>,
    rebuild: Arc<Rebuild>,
    former: u32,
    new: u32,
    is_serving: bool,
}

impl Filling {
    /// Begins to fill a generation.
    pub(crate) async fn begin(
        deployer: &Arc<Deployer>,
        context: &Arc<Context>,
    ) -> Result<Self, String> {
        let rebuild = Rebuild::begin_after_sweep(deployer, context).await?;
        let former = context.generation();
        let filling = Self {
            deployer: deployer.clone(),
            context: context.clone(),
            rebuild,
            former,
            new: former + 1,
            is_serving: false,
        };
        let announced = generation::announce(context, filling.new).await;
        announced.map_err(|error| error.to_string())?;
        Ok(filling)
    }

    /// The generation.
    pub(crate) fn generation(&self) -> u32 {
        self.new
    }

    /// The generation that serves meanwhile.
    pub(crate) fn former(&self) -> u32 {
        self.former
    }

    /// It serves by now.
    pub(crate) fn serves(mut self) {
        self.is_serving = true;
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let (unneeded, ending) = match self.is_serving {
            true => (self.former, RebuildState::Done),
            false => {
                let reason = "it did not finish".to_owned();
                (self.new, RebuildState::Failed { reason })
            }
        };
        self.rebuild.enter(RebuildState::Sweeping);
        let (deployer, context, rebuild) = (
            self.deployer.clone(),
            self.context.clone(),
            self.rebuild.clone(),
        );
        self.deployer.tasks.spawn(async move {
            sweep(&deployer, &context, &rebuild, unneeded, ending).await;
        });
    }
}

/// How far the newest rebuild since the start is, if there was any. Counts in the journal what is to be done: call it where blocking is allowed.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn progress(
    deployer: &Deployer,
    context: &Context,
) -> Result<Option<Progress>, journal::Error> {
    let Some(rebuild) = deployer.rebuilds(context).0.lock().clone() else {
        return Ok(None);
    };
    let (state, lanes) = {
        let inner = rebuild.inner.lock();
        (inner.state.clone(), inner.lanes.clone())
    };
    // In this order: what is passed in between counts twice, rather than not at all.
    let left = match state {
        RebuildState::Filling | RebuildState::Swapping => following::behind(&lanes)?,
        _ => 0,
    };
    let handled = lanes.iter().map(Watched::passed).sum();
    Ok(Some(Progress {
        handled,
        total: handled + left,
        since: rebuild.since,
        state,
    }))
}

/// Sweeps what an earlier process has left of a generation that does not serve.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn clear(deployer: &Arc<Deployer>, context: &Arc<Context>) -> Result<(), journal::Error> {
    let Some(spare) = generation::spare(context)? else {
        return Ok(());
    };
    if spare == context.generation() {
        return Ok(());
    }
    let Some(rebuild) = Rebuild::begin(deployer, context, RebuildState::Sweeping) else {
        return Ok(());
    };
    tracing::info!(
        context = context.name.as_str(),
        "an earlier rebuild was interrupted; what it left is removed, and it is not resumed"
    );
    let (deployer, context) = (deployer.clone(), context.clone());
    deployer.clone().tasks.spawn(async move {
        sweep(&deployer, &context, &rebuild, spare, RebuildState::Done).await;
    });
    Ok(())
}

impl Rebuild {
    /// Takes the context's place for a rebuild, if it is free.
    fn begin(deployer: &Deployer, context: &Context, state: RebuildState) -> Option<Arc<Self>> {
        let mut newest = deployer.rebuilds(context).0.lock();
        if newest.as_ref().is_some_and(|newest| newest.is_under_way()) {
            return None;
        }
        let rebuild = Arc::new(Self {
            since: wall_clock(),
            inner: Mutex::new(Inner {
                state,
                lanes: Vec::new(),
            }),
        });
        *newest = Some(rebuild.clone());
        Some(rebuild)
    }

    /// The same, to fill a state; waits while only what is not needed any more is removed.
    async fn begin_after_sweep(
        deployer: &Deployer,
        context: &Context,
    ) -> Result<Arc<Self>, String> {
        let end = Instant::now() + SWEEP;
        loop {
            if let Some(rebuild) = Self::begin(deployer, context, RebuildState::Filling) {
                return Ok(rebuild);
            }
            let newest = deployer.rebuilds(context).0.lock().clone();
            let is_filled = newest.is_some_and(|newest| {
                let state = &newest.inner.lock().state;
                matches!(state, RebuildState::Filling | RebuildState::Swapping)
            });
            if is_filled || Instant::now() > end {
                let error = RebuildError::UnderWay {
                    context: context.name.clone(),
                };
                return Err(error.to_string());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
