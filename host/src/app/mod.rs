//! The app: its rooms put together into one host, started and stopped.

mod addition;
mod backend;
mod data;
mod journals;
mod provisions;
mod start;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::addition::Additions;
use self::journals::Journals;
use self::provisions::Provisions;
pub use self::{
    addition::Added,
    data::{DataDirectory, DataError},
    start::{Options, Progress, StartError},
};
use crate::autoscale::Autoscalers;
use crate::core::ContextName;
use crate::core::memory::Budget;
use crate::documents::PublicDocument;
use crate::events::Events;
use crate::invocation::{Context, Invoker};
use crate::journal::{Committer, Ledger, Ledgers, Shortage};
use crate::manifest::{CurrentManifest, Manifest};
use crate::nats::Bridge;
use crate::rollout::Deployer;
use crate::versions::Wiring;

/// How long the system may take to say how much space is free.
const LOOKING: Duration = Duration::from_secs(1);

/// A running app.
pub struct Host {
    /// What runs its invocations.
    pub invoker: Arc<Invoker>,
    /// What follows its events.
    pub events: Arc<Events>,
    /// What brings its versions in.
    pub deployer: Arc<Deployer>,
    /// What scales its contexts.
    pub autoscalers: Arc<Autoscalers>,
    /// Its bridge to NATS.
    pub nats: Arc<Bridge>,
    /// What it may hold in memory of answers that may be given again.
    pub answers: Arc<Budget>,
    /// Cancelled when the host begins to stop.
    pub shutdown: CancellationToken,
    /// Everything that runs in the background; `stop` waits for it.
    pub tasks: TaskTracker,
    provisions: Provisions,
    additions: Additions,
    /// What anybody may know of its routes.
    public_document: PublicDocument,
    manifest: Arc<CurrentManifest>,
    journals: Journals,
}

impl Host {
    /// Its settings, as they hold.
    pub fn manifest(&self) -> Arc<Manifest> {
        self.manifest.load()
    }

    /// Its contexts at this moment, by name.
    pub fn contexts(&self) -> Arc<BTreeMap<ContextName, Arc<Context>>> {
        self.invoker.contexts.all()
    }

    /// A context by its name.
    pub fn context(&self, name: &str) -> Option<Arc<Context>> {
        self.invoker.contexts.get(name)
    }

    /// The journal of a context, of the host itself, or of what is taken in from a source outside.
    pub fn ledger(&self, name: &str) -> Option<Arc<Ledger>> {
        self.ledgers().get(name)
    }

    /// The journals, by name.
    pub fn ledgers(&self) -> &Ledgers {
        &self.invoker.ledgers
    }

    /// What commits to the journals that are on disk; none when all are in memory.
    pub fn committer(&self) -> Option<Arc<Committer>> {
        self.journals.on_disk()
    }

    /// What serves at this moment, and who answers what.
    pub fn wiring(&self) -> Guard<Arc<Wiring>> {
        self.invoker.wiring()
    }

    /// Whether there is too little space left where the journals are; none, too, when that cannot be told in time.
    pub async fn shortage(&self) -> Option<Shortage> {
        let committer = self.committer()?;
        let looking = tokio::task::spawn_blocking(move || committer.free_space()?.shortage());
        tokio::time::timeout(LOOKING, looking).await.ok()?.ok()?
    }

    /// Stops followers, timers and compensators, waits for what runs, and closes the journals. The gateway has drained before.
    ///
    /// Says whether everything ended in time; what did not is taken up at the next start.
    pub async fn stop(&self) -> bool {
        self.shutdown.cancel();
        self.tasks.close();
        let drain = self.manifest().gateway.drain;
        let ended = tokio::time::timeout(drain, self.tasks.wait()).await.is_ok();
        if !ended {
            tracing::warn!(
                left = self.tasks.len(),
                "some work did not finish in time; it is resumed at the next start"
            );
        }
        self.journals.close().await;
        ended
    }
}
