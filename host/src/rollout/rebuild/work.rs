//! The work of a rebuild: fill, draw level, swap, sweep.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Rebuild, RebuildState};
use crate::core::Backoff;
use crate::events::{Follower, Watched, following};
use crate::invocation::Context;
use crate::journal::{self, CommitError, ReadSet};
use crate::rollout::deployer::Deployer;
use crate::rollout::migration::generation;
use crate::rollout::swap::{self, Exchange, SwapError, Swapped};
use crate::versions::Version;

/// How long the live followers may stand still at first for the new generation to draw level.
const STANDSTILL: Duration = Duration::from_secs(5);
/// The new generation is near the live followers when it has passed in this time what they had passed.
const NEAR: Duration = Duration::from_millis(200);
/// How often it looks whether another version has taken over.
const GLANCE: Duration = Duration::from_millis(100);
/// How often it tries to come near before they have to stand still for it.
const ROUNDS: usize = 5;

/// What a rebuild works with.
pub(super) struct Work {
    pub(super) deployer: Arc<Deployer>,
    pub(super) context: Arc<Context>,
    pub(super) rebuild: Arc<Rebuild>,
    /// The version that serves.
    pub(super) serving: Option<Arc<Version>>,
    /// The version that fills the new state, and serves with it.
    pub(super) version: Arc<Version>,
    /// Ends it early.
    pub(super) abort: CancellationToken,
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

impl From<SwapError> for Cut {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Journal(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Work {
    /// Rebuilds from the beginning to the end.
    pub(super) async fn run(self) {
        if let Ok((sweeping, _)) = self.fill().await {
            sweeping.await;
        }
    }

    /// The same, but for the sweeping, which goes on behind.
    pub(super) async fn refill(self) -> Result<Swapped, String> {
        let (deployer, context) = (self.deployer.clone(), self.context.clone());
        let version = self.version.clone();
        // It may have served before, and be closed since.
        version.open();
        let filled = self.fill().await;
        let swapped = match filled {
            Ok((sweeping, swapped)) => {
                deployer.tasks.spawn(sweeping);
                swapped
            }
            Err(reason) => Err(reason),
        };
        let serving = context.serving();
        let serves = serving.versions().any(|one| Arc::ptr_eq(one, &version));
        if swapped.is_err() && !serves {
            version.close();
        }
        swapped
    }

    /// Fills the new state, and has it take over; answers what is to be done then.
    async fn fill(
        self,
    ) -> Result<
        (
            impl Future<Output = ()> + Send + 'static,
            Result<Swapped, String>,
        ),
        String,
    > {
        let former = self.context.generation();
        let new = former + 1;
        tracing::info!(context = self.context.name.as_str(), "its rebuild begins");
        let filled = self.fill_and_swap(new).await;
        let (unneeded, ending, swapped) = match filled {
            Ok(swapped) => {
                tracing::info!(
                    context = self.context.name.as_str(),
                    "the rebuilt state is now serving"
                );
                (former, RebuildState::Done, Ok(swapped))
            }
            Err(Cut::Stop) => return Err("the host is stopping".to_owned()),
            Err(Cut::Failed(reason)) => {
                tracing::error!(
                    context = self.context.name.as_str(),
                    reason,
                    "the rebuild failed; the old state goes on serving"
                );
                let failed = RebuildState::Failed {
                    reason: reason.clone(),
                };
                (new, failed, Err(reason))
            }
        };
        self.rebuild.enter(RebuildState::Sweeping);
        let sweeping = async move {
            sweep(
                &self.deployer,
                &self.context,
                &self.rebuild,
                unneeded,
                ending,
            )
            .await;
        };
        Ok((sweeping, swapped))
    }

    async fn fill_and_swap(&self, new: u32) -> Result<Swapped, Cut> {
        generation::announce(&self.context, new).await?;
        let (events, version) = (&self.deployer.events, &self.version);
        let shadow = following::start_to_fill(events, &self.context, new, version)?;
        self.rebuild.inner.lock().lanes.clone_from(&shadow.lanes);
        let swapped = self.catch_up_and_swap(&shadow, new).await;
        shadow.stop().await;
        swapped
    }

    async fn catch_up_and_swap(&self, shadow: &Follower, new: u32) -> Result<Swapped, Cut> {
        let mut standstill = STANDSTILL;
        loop {
            self.come_near(&shadow.lanes).await?;
            self.rebuild.enter(RebuildState::Swapping);
            let events = &self.deployer.events;
            let letters = events.following(&self.context).letters.lock().await;
            following::stop(events, &self.context).await;
            let level = tokio::time::timeout(standstill, self.draw_level(&shadow.lanes)).await;
            let swapped = match level {
                Ok(Ok(())) => {
                    shadow.stop().await;
                    self.swap(new).await.map(Some)
                }
                Ok(Err(cut)) => Err(cut),
                Err(_) => Ok(None),
            };
            self.follow_again().await?;
            drop(letters);
            if let Some(swapped) = swapped? {
                return Ok(swapped);
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
        tokio::select! {
            level = self.pass_the_live(shadow) => level,
            () = self.abort.cancelled() => Err(Cut::Failed("it was aborted".into())),
            () = self.overtaken() => Err(Cut::Failed(
                "another version is serving now; start the rebuild again".into(),
            )),
        }
    }

    /// Resolves when another version serves than when it began: what fills the new state may have been closed then.
    async fn overtaken(&self) {
        let serves = || {
            let (now, then) = (self.context.version(), self.serving.as_ref());
            now.as_ref().map(Arc::as_ptr) == then.map(Arc::as_ptr)
        };
        while serves() {
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn pass_the_live(&self, shadow: &[Watched]) -> Result<(), Cut> {
        let live = self.deployer.events.following(&self.context).live();
        let live = live.iter().flat_map(|live| &live.lanes);
        let places: Vec<_> = live.map(|lane| (lane, *lane.place.borrow())).collect();
        for (lane, place) in &places {
            // What is no longer followed need not be waited for.
            if let Some(same) = shadow.iter().find(|shadow| shadow.is_same_as(lane)) {
                same.pass(*place).await.map_err(|_| Cut::Stop)?;
            }
        }
        // What was not followed before is followed to where it ends by now.
        let is_new = |lane: &&Watched| !places.iter().any(|(live, _)| live.is_same_as(lane));
        for lane in shadow.iter().filter(is_new) {
            lane.reach(lane.end()).await.map_err(|_| Cut::Stop)?;
        }
        Ok(())
    }

    async fn swap(&self, new: u32) -> Result<Swapped, Cut> {
        let mut backoff = Backoff::of_journal();
        loop {
            let exchange = Exchange {
                generation: new,
                began: self.context.ledger.applied(),
                reads: ReadSet::default(),
                additions: Vec::new(),
            };
            let serving = self.serving.as_ref();
            let exchanged = swap::exchange(
                &self.deployer,
                &self.context,
                &self.version,
                serving,
                exchange,
            );
            match exchanged.await {
                Err(SwapError::Journal(CommitError::Busy)) => {}
                swapped => return Ok(swapped?),
            }
            if backoff.pause(&self.deployer.shutdown).await.is_break() {
                return Err(Cut::Stop);
            }
        }
    }

    /// Starts the live followers, on the new generation or, if there was no swap, on the old one.
    async fn follow_again(&self) -> Result<(), Cut> {
        let mut backoff = Backoff::of_journal();
        while let Err(error) = following::start(&self.deployer.events, &self.context) {
            tracing::error!(context = self.context.name.as_str(), %error, "could not start following; trying again");
            if backoff.pause(&self.deployer.shutdown).await.is_break() {
                return Err(Cut::Stop);
            }
        }
        Ok(())
    }
}

/// Removes a generation, however often that has to be tried, and ends the rebuild.
pub(super) async fn sweep(
    deployer: &Deployer,
    context: &Context,
    rebuild: &Rebuild,
    unneeded: u32,
    ending: RebuildState,
) {
    let mut backoff = Backoff::of_journal();
    loop {
        let swept = match generation::fence(context).await {
            Ok(()) => generation::sweep(context, unneeded, &deployer.shutdown).await,
            Err(error) => Err(error),
        };
        match swept {
            Ok(ControlFlow::Continue(())) => return rebuild.enter(ending),
            Ok(ControlFlow::Break(())) | Err(CommitError::Closed) => return,
            Err(error) => {
                tracing::warn!(context = context.name.as_str(), %error, "could not remove an old state; trying again");
            }
        }
        if backoff.pause(&deployer.shutdown).await.is_break() {
            return;
        }
    }
}
