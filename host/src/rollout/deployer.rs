//! What versions are brought in, exchanged and watched with.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::compile::Compiler;
use super::component_store::ComponentStore;
use super::health::Health;
use super::rebuild::Rebuilds;
use super::rollouts::Rollouts;
use crate::events::Events;
use crate::guest::{ArtifactCache, Engine};
use crate::invocation::{Context, Invoker};
use crate::journal::Ledger;
use crate::manifest::{CurrentManifest, Manifest, restarts_at_once};
use crate::versions::CurrentWiring;

/// What versions are brought in, exchanged and watched with.
pub struct Deployer {
    /// The bytes of versions.
    pub components: ComponentStore,
    pub(super) invoker: Arc<Invoker>,
    pub(super) events: Arc<Events>,
    pub(super) wiring: Arc<CurrentWiring>,
    manifest: Arc<CurrentManifest>,
    /// What makes guests of components.
    pub(super) engine: Engine,
    /// Components that are compiled.
    pub(super) artifacts: ArtifactCache,
    /// What compiles what is uploaded.
    pub(super) compiler: Compiler,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
    /// Places for those that are restarted at once.
    pub(super) restarts: Semaphore,
}

impl Deployer {
    /// For an app whose contexts have no versions yet; what it stores is in the data directory.
    pub fn new(
        events: &Arc<Events>,
        manifest: &Arc<CurrentManifest>,
        engine: Engine,
        compiler: Compiler,
        data: &Path,
    ) -> Self {
        let invoker = &events.invoker;
        Self {
            components: ComponentStore::new(data.join("components")),
            artifacts: ArtifactCache::new(data.join("artifacts")),
            restarts: Semaphore::new(restarts_at_once(
                manifest.load().host.max_restarting,
                invoker.contexts.count(),
            )),
            tasks: invoker.tasks.clone(),
            shutdown: invoker.shutdown.clone(),
            invoker: invoker.clone(),
            wiring: invoker.wiring.clone(),
            events: events.clone(),
            manifest: manifest.clone(),
            engine,
            compiler,
        }
    }

    /// As many may be restarted at once as becomes so many contexts more.
    pub(crate) fn grow(&self, by: usize) {
        let percent = self.manifest().host.max_restarting;
        let contexts = self.invoker.contexts.count();
        let before = restarts_at_once(percent, contexts.saturating_sub(by));
        let now = restarts_at_once(percent, contexts);
        self.restarts.add_permits(now.saturating_sub(before));
    }

    /// The manifest as it holds.
    pub(super) fn manifest(&self) -> Arc<Manifest> {
        self.manifest.load()
    }

    /// How the versions of a context come and go.
    #[allow(clippy::unused_self, reason = "only who has this may ask for it")]
    pub fn rollouts<'a>(&self, context: &'a Context) -> &'a Rollouts {
        context.part()
    }

    /// How a context is.
    #[allow(clippy::unused_self, reason = "only who has this may ask for it")]
    pub fn health<'a>(&self, context: &'a Context) -> &'a Health {
        context.part()
    }

    #[allow(clippy::unused_self, reason = "only who has this may ask for it")]
    pub(super) fn rebuilds<'a>(&self, context: &'a Context) -> &'a Rebuilds {
        context.part()
    }

    pub(super) fn ledger(&self, name: &str) -> Option<Arc<Ledger>> {
        self.invoker.ledgers.get(name)
    }

    /// Removes what earlier starts have left behind and no version needs, and what was compiled for another engine.
    pub async fn tidy(&self) {
        let (components, artifacts) = (self.components.clone(), self.artifacts.clone());
        let engine = self.engine.clone();
        let removing = tokio::task::spawn_blocking(move || {
            components.remove_drafts()?;
            artifacts.remove_foreign(&engine)
        });
        if let Ok(Err(error)) = removing.await {
            tracing::warn!(%error, "could not remove component files left by earlier starts");
        }
    }
}
