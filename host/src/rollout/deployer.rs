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
use crate::invocation::{Context, Invoker, PerContext};
use crate::journal::Ledger;
use crate::manifest::{Manifest, restarts_at_once};
use crate::versions::CurrentWiring;

/// What versions are brought in, exchanged and watched with.
pub struct Deployer {
    /// The bytes of versions.
    pub components: ComponentStore,
    pub(super) invoker: Arc<Invoker>,
    pub(super) events: Arc<Events>,
    pub(super) wiring: Arc<CurrentWiring>,
    pub(super) manifest: Arc<Manifest>,
    /// What makes guests of components.
    pub(super) engine: Engine,
    /// Components that are compiled.
    pub(super) artifacts: ArtifactCache,
    /// What compiles what is uploaded.
    pub(super) compiler: Compiler,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
    rollouts: PerContext<Rollouts>,
    rebuilds: PerContext<Rebuilds>,
    health: PerContext<Health>,
    /// Places for those that are restarted at once.
    pub(super) restarts: Semaphore,
}

impl Deployer {
    /// For an app whose contexts have no versions yet; what it stores is in the data directory.
    pub fn new(
        events: &Arc<Events>,
        manifest: &Arc<Manifest>,
        engine: Engine,
        compiler: Compiler,
        data: &Path,
    ) -> Self {
        let invoker = &events.invoker;
        Self {
            components: ComponentStore::new(data.join("components")),
            artifacts: ArtifactCache::new(data.join("artifacts")),
            rollouts: PerContext::new(&invoker.contexts),
            rebuilds: PerContext::new(&invoker.contexts),
            health: PerContext::new(&invoker.contexts),
            restarts: Semaphore::new(restarts_at_once(
                manifest.host.max_restarting,
                invoker.contexts.len(),
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

    /// How the versions of a context come and go.
    pub fn rollouts(&self, context: &Context) -> &Rollouts {
        self.rollouts.of(context)
    }

    /// How a context is.
    pub fn health(&self, context: &Context) -> &Health {
        self.health.of(context)
    }

    pub(super) fn rebuilds(&self, context: &Context) -> &Rebuilds {
        self.rebuilds.of(context)
    }

    pub(super) fn ledger(&self, name: &str) -> Option<&Arc<Ledger>> {
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
