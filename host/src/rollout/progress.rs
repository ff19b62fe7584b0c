//! How a rollout goes: what everybody can watch while it is under way.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::gate::{Gate, Refusal};
use super::version::{Identity, Version};
use crate::invocation::{random_id, wall_clock};

/// The versions of one context that are at hand, and the newest rollout.
#[derive(Default)]
pub struct Rollouts {
    newest: Mutex<Option<Arc<Rollout>>>,
    /// Those that are loaded: they can serve at once.
    pub(super) loaded: Mutex<Vec<Arc<Version>>>,
    /// The component that the manifest names.
    pub(super) shipped: OnceLock<PathBuf>,
}

/// One rollout.
pub struct Rollout {
    /// Its id, which is also its story's.
    pub id: String,
    /// Who began it.
    pub by: String,
    /// Whether the version only passes the gates.
    pub is_dry_run: bool,
    progress: watch::Sender<Progress>,
    /// Cancelled by whoever takes it back.
    pub(super) abort: CancellationToken,
    was_entered: AtomicBool,
}

/// How far a rollout is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The version.
    pub version: Identity,
    /// What it does now.
    pub stage: Stage,
    /// Which part of the work goes to the version, in percent.
    pub weight: u8,
    /// What it has done so far, in order.
    pub steps: Vec<Step>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// What a rollout does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The version passes gates.
    Checking,
    /// The state is brought into the version's shape.
    Migrating,
    /// The version gets a part of the work.
    Ramping,
    /// It is over.
    Ended,
}

/// Something that a rollout has done.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The gate that was passed, if it was one.
    pub gate: Option<Gate>,
    /// What was done.
    pub what: String,
    /// How long it took.
    pub took: Duration,
}

/// How a rollout ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The version passed all gates, and nothing else was asked for.
    Passed,
    /// The version serves.
    Current {
        /// How long it took to decide so, and to exchange one for the other.
        decided: Duration,
    },
    /// The version served already.
    Unchanged,
    /// It did not pass a gate, or did worse than the version before it.
    Refused(Refusal),
    /// Someone took it back, or the host cannot go on.
    Aborted {
        /// Why.
        reason: String,
    },
}

impl Rollouts {
    /// The newest rollout since the host started.
    pub fn newest(&self) -> Option<Arc<Rollout>> {
        self.newest.lock().clone()
    }

    /// How many invocations are under way in a version; none when it is not loaded.
    pub fn staying(&self, digest: &str) -> Option<usize> {
        self.find_loaded(digest).map(|version| version.staying())
    }

    /// Begins a rollout, unless one is under way.
    ///
    /// # Errors
    ///
    /// The one that is.
    pub(super) fn begin(
        &self,
        version: Identity,
        by: &str,
        is_dry_run: bool,
    ) -> Result<Arc<Rollout>, Arc<Rollout>> {
        let mut newest = self.newest.lock();
        if let Some(newest) = newest.as_ref().filter(|newest| !newest.is_over()) {
            return Err(newest.clone());
        }
        let rollout = Arc::new(Rollout {
            id: random_id(),
            by: by.to_owned(),
            is_dry_run,
            progress: watch::Sender::new(Progress {
                version,
                stage: Stage::Checking,
                weight: 0,
                steps: Vec::new(),
                outcome: None,
            }),
            abort: CancellationToken::new(),
            was_entered: AtomicBool::new(false),
        });
        *newest = Some(rollout.clone());
        Ok(rollout)
    }

    /// A loaded version.
    pub(super) fn find_loaded(&self, digest: &str) -> Option<Arc<Version>> {
        let loaded = self.loaded.lock();
        loaded
            .iter()
            .find(|version| version.digest == digest)
            .cloned()
    }

    /// Ends the rollout of a version that is not on its way in any more.
    pub(super) fn end(&self, digest: &str) {
        let newest = self.newest();
        if let Some(rollout) = newest.filter(|newest| newest.digest() == digest) {
            rollout.abort.cancel();
        }
    }

    /// The version of the rollout that is under way.
    pub(super) fn under_way(&self) -> Option<String> {
        let newest = self.newest();
        let rollout = newest.filter(|newest| !newest.is_over());
        rollout.map(|rollout| rollout.digest())
    }

    /// Keeps a version at hand.
    pub(super) fn keep_loaded(&self, version: &Arc<Version>) {
        let mut loaded = self.loaded.lock();
        loaded.retain(|known| known.digest != version.digest);
        loaded.push(version.clone());
    }
}

impl Rollout {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Tells whenever it has come further.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.progress.borrow().outcome.is_some()
    }

    /// Which version it is about.
    pub fn digest(&self) -> String {
        self.progress.borrow().version.digest.clone()
    }

    /// Waits until it has come so far, or has ended.
    pub async fn until(&self, is_so: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(is_so).await;
        // The sender lives as long as `self`.
        reached.map_or_else(|_| self.progress(), |progress| progress.clone())
    }

    /// Whether it has got so far that the register knows of it.
    pub(super) fn was_entered(&self) -> bool {
        self.was_entered.load(Ordering::Acquire)
    }

    pub(super) fn entered(&self) {
        self.was_entered.store(true, Ordering::Release);
    }

    pub(super) fn name(&self, identity: Identity) {
        self.progress
            .send_modify(|progress| progress.version = identity);
    }

    pub(super) fn enter(&self, stage: Stage, weight: u8) {
        self.progress.send_modify(|progress| {
            progress.stage = stage;
            progress.weight = weight;
        });
    }

    pub(super) fn passed(&self, gate: Gate, what: impl Into<String>, took: Duration) {
        self.step(Some(gate), what.into(), took);
    }

    pub(super) fn did(&self, what: impl Into<String>, took: Duration) {
        self.step(None, what.into(), took);
    }

    fn step(&self, gate: Option<Gate>, what: String, took: Duration) {
        let step = Step {
            time: wall_clock(),
            gate,
            what,
            took,
        };
        self.progress
            .send_modify(|progress| progress.steps.push(step));
    }

    pub(super) fn end(&self, outcome: Outcome) {
        self.progress.send_modify(|progress| {
            progress.stage = Stage::Ended;
            progress.outcome = Some(outcome);
        });
    }
}

impl Stage {
    /// Its name, as it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Migrating => "migrating",
            Self::Ramping => "ramping",
            Self::Ended => "ended",
        }
    }
}
