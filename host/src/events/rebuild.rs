//! Rebuilds: a projection's state is filled anew from the first event while the old state serves, then the two are swapped.
//!
//! The new state is another generation, filled by followers of its own, with cursors of its own. When they have come as far as the live ones,
//! those are stopped, one commit makes the new generation the serving one, and new live followers go on from its cursors. Only what is a function of the events
//! alone can be rebuilt so: a context that publishes nothing, calls nobody, is called by nobody, and changes nothing by its routes.
//!
//! An event that the new generation gives up on becomes one of its own dead letters, which show from the swap on; those of the old generation go with it, since their
//! events have been handled again. A rebuild that a crash cuts short is not resumed: the next start sweeps what there is of it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::backoff::Backoff;
use super::delivery::Deliveries;
use super::follower::{Follower, Watched};
use super::{following, generation};
use crate::app::{Context, Host};
use crate::invocation::wall_clock;
use crate::journal::{self, CommitError};
use crate::rollout::Description;

/// How long the live followers may stand still at first for the new generation to draw level.
const STANDSTILL: Duration = Duration::from_secs(5);
/// The new generation is near the live followers when it has passed in this time what they had passed.
const NEAR: Duration = Duration::from_millis(200);
/// How often it tries to come near before they have to stand still for it.
const ROUNDS: usize = 5;

/// Why a rebuild does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// One is under way.
    #[error("context {context} is being rebuilt already; its progress shows in its status")]
    UnderWay {
        /// The context.
        context: String,
    },
    /// Its state is not a function of events alone.
    #[error(
        "context {context} cannot be rebuilt: {reason}. Only a projection can: a context that follows events, answers GET, and does nothing else"
    )]
    NotAProjection {
        /// The context.
        context: String,
        /// What it does besides.
        reason: String,
    },
    /// No version serves.
    #[error("context {context} has no version that serves; deploy one first")]
    NotServing {
        /// The context.
        context: String,
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

/// What a rebuild does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebuildState {
    /// The new state is being filled; the old one serves.
    Filling,
    /// The new state takes over.
    Swapping,
    /// The new state serves; what is not needed any more is removed.
    Sweeping,
    /// It is done.
    Done,
    /// It ended without success; the old state serves.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One rebuild.
pub(super) struct Rebuild {
    since: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    state: RebuildState,
    lanes: Vec<Watched>,
}

/// Begins to rebuild a context.
///
/// # Errors
///
/// See [`RebuildError`].
pub fn start(host: &Arc<Host>, context: &Arc<Context>) -> Result<(), RebuildError> {
    let name = || context.name.clone();
    let version = context
        .version()
        .ok_or_else(|| RebuildError::NotServing { context: name() })?;
    if let Some(reason) = refusal(&version.description) {
        return Err(RebuildError::NotAProjection {
            context: name(),
            reason,
        });
    }
    let rebuild = Rebuild::begin(context, RebuildState::Filling)
        .ok_or(RebuildError::UnderWay { context: name() })?;
    let work = Work {
        host: host.clone(),
        context: context.clone(),
        rebuild,
        digest: version.digest.clone(),
    };
    host.tasks.spawn(work.run());
    Ok(())
}

/// How far the newest rebuild since the start is, if there was any. Counts in the journal what is to be done: call it where blocking is allowed.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn progress(context: &Context) -> Result<Option<Progress>, journal::Error> {
    let Some(rebuild) = context.following.rebuild.lock().clone() else {
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
pub(super) fn clear(host: &Arc<Host>, context: &Arc<Context>) -> Result<(), journal::Error> {
    let Some(spare) = generation::spare(context)? else {
        return Ok(());
    };
    if spare == context.generation() {
        return Ok(());
    }
    let Some(rebuild) = Rebuild::begin(context, RebuildState::Sweeping) else {
        return Ok(());
    };
    tracing::info!(
        context = context.name,
        "an earlier rebuild was cut short; what it left is removed, and it is not resumed"
    );
    let (host, context) = (host.clone(), context.clone());
    host.clone().tasks.spawn(async move {
        sweep(&host, &context, &rebuild, spare, RebuildState::Done).await;
    });
    Ok(())
}

/// Why a context is no projection; `None` when it is one.
fn refusal(description: &Description) -> Option<String> {
    let first = |what: &str, names: &[String]| names.first().map(|name| format!("{what} {name}"));
    if !description.policies || description.follows.is_empty() {
        return Some("it follows no events".to_owned());
    }
    first("it publishes", &description.publishes)
        .or_else(|| first("it calls", &description.uses))
        .or_else(|| first("it offers", &description.offers))
        .or_else(|| {
            let writes = description
                .routes
                .iter()
                .find(|route| route.method != "GET");
            writes.map(|route| format!("it answers {} {}", route.method, route.path))
        })
}

impl Rebuild {
    /// Takes the context's place for a rebuild, if it is free.
    fn begin(context: &Context, state: RebuildState) -> Option<Arc<Self>> {
        let mut newest = context.following.rebuild.lock();
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

    fn is_under_way(&self) -> bool {
        !matches!(
            self.inner.lock().state,
            RebuildState::Done | RebuildState::Failed { .. }
        )
    }

    fn enter(&self, state: RebuildState) {
        self.inner.lock().state = state;
    }
}

/// What a rebuild works with.
struct Work {
    host: Arc<Host>,
    context: Arc<Context>,
    rebuild: Arc<Rebuild>,
    /// The version that began it.
    digest: String,
}

/// Why a rebuild ends early.
enum Cut {
    /// The host stops.
    Stop,
    /// It cannot go on.
    Failed(String),
}

impl From<CommitError> for Cut {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Closed => Self::Stop,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<journal::Error> for Cut {
    fn from(error: journal::Error) -> Self {
        CommitError::from(error).into()
    }
}

impl Work {
    async fn run(self) {
        let former = self.context.generation();
        let new = former + 1;
        tracing::info!(context = self.context.name, "its rebuild begins");
        let (unneeded, ending) = match self.fill_and_swap(new).await {
            Ok(()) => {
                tracing::info!(context = self.context.name, "its rebuilt state serves");
                (former, RebuildState::Done)
            }
            Err(Cut::Stop) => return,
            Err(Cut::Failed(reason)) => {
                tracing::error!(
                    context = self.context.name,
                    reason,
                    "its rebuild failed; the old state serves"
                );
                (new, RebuildState::Failed { reason })
            }
        };
        self.rebuild.enter(RebuildState::Sweeping);
        sweep(&self.host, &self.context, &self.rebuild, unneeded, ending).await;
    }

    async fn fill_and_swap(&self, new: u32) -> Result<(), Cut> {
        generation::announce(&self.context, new).await?;
        let handler = Arc::new(Deliveries::shadow(&self.host, &self.context, new));
        let sources = following::sources(&self.host, &self.context);
        let shadow = Follower::start(&self.host, &handler, new, &sources)?;
        self.rebuild.inner.lock().lanes.clone_from(&shadow.lanes);
        let swapped = self.catch_up_and_swap(&shadow, new).await;
        shadow.stop().await;
        swapped
    }

    async fn catch_up_and_swap(&self, shadow: &Follower, new: u32) -> Result<(), Cut> {
        let mut standstill = STANDSTILL;
        loop {
            self.come_near(&shadow.lanes).await?;
            self.rebuild.enter(RebuildState::Swapping);
            let letters = self.context.following.letters.lock().await;
            following::stop(&self.context).await;
            let level = tokio::time::timeout(standstill, self.draw_level(&shadow.lanes)).await;
            let swapped = match level {
                Ok(Ok(())) => {
                    shadow.stop().await;
                    self.swap(new).await.map(|()| true)
                }
                Ok(Err(cut)) => Err(cut),
                Err(_) => Ok(false),
            };
            self.follow_again().await?;
            drop(letters);
            if swapped? {
                return Ok(());
            }
            self.rebuild.enter(RebuildState::Filling);
            // Under more load than both can follow, the new state gains on the old one during a standstill only.
            standstill *= 2;
        }
    }

    /// Draws level with the live followers again and again, until they hardly get ahead meanwhile.
    async fn come_near(&self, shadow: &[Watched]) -> Result<(), Cut> {
        for _ in 0..ROUNDS {
            let began = Instant::now();
            self.draw_level(shadow).await?;
            if began.elapsed() < NEAR {
                break;
            }
        }
        Ok(())
    }

    /// Waits until the new generation has passed whatever the old one has by now, lane by lane: readers must not go back in time.
    async fn draw_level(&self, shadow: &[Watched]) -> Result<(), Cut> {
        let version = self.context.version();
        if version.is_none_or(|version| version.digest != self.digest) {
            return Err(Cut::Failed(
                "another version serves by now; begin it again".into(),
            ));
        }
        let live = self.context.following.live.lock().clone();
        let live = live.iter().flat_map(|live| &live.lanes);
        let places: Vec<_> = live.map(|lane| (lane, *lane.place.borrow())).collect();
        for (lane, place) in places {
            let same = shadow.iter().find(|shadow| shadow.is_same_as(lane));
            let same = same.ok_or_else(|| {
                Cut::Failed("it follows other contexts by now; begin it again".into())
            })?;
            same.pass(place).await.map_err(|_| Cut::Stop)?;
        }
        Ok(())
    }

    async fn swap(&self, new: u32) -> Result<(), Cut> {
        let mut backoff = Backoff::of_journal();
        loop {
            match generation::swap(&self.context, new).await {
                Err(CommitError::Busy) => {}
                swapped => return Ok(swapped?),
            }
            if backoff.pause(&self.host.shutdown).await.is_break() {
                return Err(Cut::Stop);
            }
        }
    }

    /// Starts the live followers, on the new generation or, if there was no swap, on the old one.
    async fn follow_again(&self) -> Result<(), Cut> {
        let mut backoff = Backoff::of_journal();
        while let Err(error) = following::start(&self.host, &self.context) {
            tracing::error!(context = self.context.name, %error, "it cannot follow yet");
            if backoff.pause(&self.host.shutdown).await.is_break() {
                return Err(Cut::Stop);
            }
        }
        Ok(())
    }
}

/// Removes a generation, however often that has to be tried, and ends the rebuild.
async fn sweep(
    host: &Host,
    context: &Context,
    rebuild: &Rebuild,
    unneeded: u32,
    ending: RebuildState,
) {
    let mut backoff = Backoff::of_journal();
    loop {
        let swept = match generation::fence(context).await {
            Ok(()) => generation::sweep(context, unneeded, &host.shutdown).await,
            Err(error) => Err(error),
        };
        match swept {
            Ok(ControlFlow::Continue(())) => return rebuild.enter(ending),
            Ok(ControlFlow::Break(())) | Err(CommitError::Closed) => return,
            Err(error) => {
                tracing::warn!(context = context.name, %error, "an old state cannot be removed yet");
            }
        }
        if backoff.pause(&host.shutdown).await.is_break() {
            return;
        }
    }
}
