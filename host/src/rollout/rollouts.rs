//! The rollouts of a context: the newest one, and the versions that are loaded.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::progress::{Outcome, Progress, Rollout, Stage, Watched};
use crate::core::{CorrelationId, VersionDigest};
use crate::versions::{Identity, Version};

/// The loaded versions of one context, and its newest rollout.
#[derive(Default)]
pub struct Rollouts {
    newest: Mutex<Option<Arc<Rollout>>>,
    /// Those that are loaded: they can serve at once.
    pub(super) loaded: Mutex<Vec<Arc<Version>>>,
    /// The component that the manifest names; a path at which nothing can be while it is missing.
    pub(super) shipped: Mutex<Option<PathBuf>>,
    /// Why the component that the manifest names does not serve since the start.
    pub(super) refused: Mutex<Option<String>>,
    /// Why the last load of a version that was out of memory failed, if it did.
    pub(super) load_failure: Mutex<Option<String>>,
}

impl Rollouts {
    /// The newest rollout since the host started.
    pub fn newest(&self) -> Option<Arc<Rollout>> {
        self.newest.lock().clone()
    }

    /// Whether the context should serve: it has a component.
    pub fn should_serve(&self) -> bool {
        self.shipped.lock().is_some()
    }

    /// Why the component that the manifest names does not serve since the start, if it was refused.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// The component that the manifest names does not serve yet, for this reason. False where another one has come to serve meanwhile.
    pub fn still_refused(&self, reason: String) -> bool {
        let mut refused = self.refused.lock();
        match refused.as_mut() {
            Some(known) => {
                *known = reason;
                true
            }
            None => false,
        }
    }

    /// Why the last load of a version that was out of memory failed, if it did.
    pub fn load_failure(&self) -> Option<String> {
        self.load_failure.lock().clone()
    }

    /// The versions that can serve at once, or as soon as they are back in memory.
    pub fn at_hand(&self) -> Vec<Arc<Version>> {
        self.loaded.lock().clone()
    }

    /// Whether a version is on its way.
    pub fn is_under_way(&self) -> bool {
        self.under_way().is_some()
    }

    /// How many invocations are under way in a version; none when it is not loaded.
    pub fn inflight(&self, digest: VersionDigest) -> Option<usize> {
        self.find_loaded(digest).map(|version| version.inflight())
    }

    /// Begins a rollout, unless one is in progress.
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
        let begun = Progress::begin(version);
        let mut rollout = Rollout::new(CorrelationId::random(), by, begun);
        rollout.is_dry_run = is_dry_run;
        let rollout = Arc::new(rollout);
        *newest = Some(rollout.clone());
        Ok(rollout)
    }

    /// The rollout that accepts commands: it is in progress, and not a dry run.
    pub(super) fn controllable(&self) -> Option<Arc<Rollout>> {
        let newest = self.newest();
        newest.filter(|newest| !newest.is_over() && !newest.is_dry_run)
    }

    /// Remembers a rollout of an earlier process, which has ended with that.
    pub(super) fn remember(
        &self,
        id: CorrelationId,
        by: &str,
        version: Identity,
        outcome: Outcome,
    ) {
        let watch = match &outcome {
            Outcome::Current { .. } => Some(Watched::Cut(
                "the host restarted, which ends the watch over a version".into(),
            )),
            _ => None,
        };
        let ended = Progress {
            stage: Stage::Ended,
            outcome: Some(outcome),
            watch,
            ..Progress::begin(version)
        };
        *self.newest.lock() = Some(Arc::new(Rollout::new(id, by, ended)));
    }

    /// A loaded version.
    pub(super) fn find_loaded(&self, digest: VersionDigest) -> Option<Arc<Version>> {
        let loaded = self.loaded.lock();
        loaded
            .iter()
            .find(|version| version.digest == digest)
            .cloned()
    }

    /// Aborts the rollout of a version that another one has overtaken.
    pub(super) fn end(&self, digest: VersionDigest) {
        let newest = self.newest();
        if let Some(rollout) = newest.filter(|newest| newest.digest() == digest) {
            rollout.aborted.cancel();
        }
    }

    /// The version of the rollout in progress.
    pub(super) fn under_way(&self) -> Option<VersionDigest> {
        let newest = self.newest();
        let rollout = newest.filter(|newest| !newest.is_over());
        rollout.map(|rollout| rollout.digest())
    }

    /// Keeps a version loaded.
    pub(super) fn keep_loaded(&self, version: &Arc<Version>) {
        let mut loaded = self.loaded.lock();
        loaded.retain(|known| known.digest != version.digest);
        loaded.push(version.clone());
    }
}
