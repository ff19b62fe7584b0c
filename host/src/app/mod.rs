//! The app: its contexts, and the host that runs them.

mod context;
mod data;
mod front;
mod journals;
mod start;
mod wiring;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::journals::Journals;
pub(crate) use self::wiring::Rewiring;
pub use self::{
    context::{Context, GENERATION_KEY},
    data::{DataDirectory, DataError},
    start::{Options, Progress, StartError},
    wiring::{Wiring, WiringError},
};
use crate::guest::{ArtifactCache, Engine};
use crate::journal::{Committer, Ledger};
use crate::manifest::Manifest;
use crate::memory::Budget;
use crate::nats;
use crate::rollout::{Compiler, ComponentStore};

/// What keeps the promises of sagas; each can be switched off by tests that show what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safeguards {
    /// Invocations write down their input before their first call.
    pub intents: bool,
    /// Calls of invocations that did not commit are undone.
    pub compensation: bool,
}

impl Default for Safeguards {
    fn default() -> Self {
        Self {
            intents: true,
            compensation: true,
        }
    }
}

/// A running app.
pub struct Host {
    /// Its settings.
    pub manifest: Arc<Manifest>,
    /// Its contexts, by name.
    pub contexts: BTreeMap<String, Arc<Context>>,
    /// What keeps the promises of sagas.
    pub safeguards: Safeguards,
    /// Cancelled when the host begins to stop.
    pub shutdown: CancellationToken,
    /// Everything that runs in the background; `stop` waits for it.
    pub tasks: TaskTracker,
    /// How the events on NATS are; none when the manifest has no `[nats]`.
    pub nats: Option<Arc<nats::Standing>>,
    /// What it may hold in memory for invocations.
    pub memory: Arc<Budget>,
    /// What guests may hold of it.
    pub guests_memory: Arc<Budget>,
    /// What it may hold in memory of answers that may be given again.
    pub answers: Arc<Budget>,
    /// What makes guests of components.
    pub engine: Engine,
    /// Components that are compiled.
    pub artifacts: ArtifactCache,
    /// The bytes of versions.
    pub components: ComponentStore,
    /// What compiles what is uploaded.
    pub compiler: Compiler,
    wiring: Arc<ArcSwap<Wiring>>,
    /// Held by whoever exchanges the wiring, or decides what may come into it.
    rewiring: Mutex<()>,
    journals: Journals,
}

impl Host {
    /// A context by its name.
    pub fn context(&self, name: &str) -> Option<&Arc<Context>> {
        self.contexts.get(name)
    }

    /// The journal of a context, of the host itself, or of what is taken in from a source outside.
    pub fn ledger(&self, name: &str) -> Option<&Arc<Ledger>> {
        let Journals {
            ledgers, inlets, ..
        } = &self.journals;
        ledgers.get(name).or_else(|| inlets.get(name))
    }

    /// The journals of the app, by name: what is taken in from outside is not among them.
    pub fn ledgers(&self) -> &BTreeMap<String, Arc<Ledger>> {
        &self.journals.ledgers
    }

    /// What commits to the journals that are on disk; none when all are in memory.
    pub fn committer(&self) -> Option<&Arc<Committer>> {
        self.journals.on_disk()
    }

    /// What serves at this moment, and who answers what.
    pub fn wiring(&self) -> Guard<Arc<Wiring>> {
        self.wiring.load()
    }

    /// Exchanges the wiring in one step, one exchange at a time. `change` makes the next one, and makes it durable; whoever begins after `then` sees it.
    pub(crate) async fn rewire<E>(
        &self,
        change: impl AsyncFnOnce(&Rewiring) -> Result<Wiring, E>,
        then: impl FnOnce(),
    ) -> Result<(), E> {
        let _turn = self.rewiring.lock().await;
        let next = change(&Rewiring::begin(self.wiring.load_full())).await?;
        self.wiring.store(Arc::new(next));
        then();
        Ok(())
    }

    /// Decides something that depends on what serves, and on which what may come to serve depends: no exchange is under way meanwhile.
    pub(crate) async fn between_rewirings<T>(&self, decide: impl AsyncFnOnce(&Rewiring) -> T) -> T {
        let _turn = self.rewiring.lock().await;
        decide(&Rewiring::begin(self.wiring.load_full())).await
    }

    /// Stops followers, timers and compensators, waits for what runs, and closes the journals. The gateway has drained before.
    ///
    /// Says whether everything ended in time; what did not is taken up at the next start.
    pub async fn stop(&self) -> bool {
        self.shutdown.cancel();
        self.tasks.close();
        let drain = self.manifest.gateway.drain;
        let ended = tokio::time::timeout(drain, self.tasks.wait()).await.is_ok();
        if !ended {
            tracing::warn!(
                left = self.tasks.len(),
                "not everything ended in time; it is cut short, and will be taken up at the next start"
            );
        }
        self.journals.close().await;
        ended
    }
}
