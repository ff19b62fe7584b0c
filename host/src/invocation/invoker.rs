//! What invocations work with, and nothing else of the host.

use std::sync::Arc;

use arc_swap::Guard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::context::Context;
use super::host_events::HostEvents;
use super::suspicion::Suspicions;
use crate::core::ByName;
use crate::core::memory::Budget;
use crate::journal::Ledgers;
use crate::versions::{CurrentWiring, Wiring};

/// The contexts of an app, by name. Some may be added while the host runs; none is taken out.
pub type Contexts = ByName<Context>;

/// What invocations work with.
pub struct Invoker {
    /// The contexts.
    pub contexts: Contexts,
    /// What serves in them.
    pub wiring: Arc<CurrentWiring>,
    /// The journals, also of what is taken in from outside.
    pub ledgers: Arc<Ledgers>,
    /// What keeps the promises of sagas.
    pub safeguards: Safeguards,
    /// What may be held in memory for invocations.
    pub memory: Arc<Budget>,
    /// What guests may hold of it.
    pub guests_memory: Arc<Budget>,
    /// The most that a message on NATS may have, in bytes, where events are published there.
    pub max_payload: Option<u64>,
    /// Where the host tells what it does to contexts.
    pub host_events: HostEvents,
    /// The contexts whose versions fail one invocation after the other.
    pub suspicions: Suspicions,
    /// Everything that runs in the background.
    pub tasks: TaskTracker,
    /// Cancelled when the host begins to stop.
    pub shutdown: CancellationToken,
}

impl Invoker {
    /// What serves at this moment, and who answers what.
    pub fn wiring(&self) -> Guard<Arc<Wiring>> {
        self.wiring.load()
    }
}

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
