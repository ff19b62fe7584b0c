//! What contexts have of the host, and of each other.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::config;
use crate::core::memory::Budget;
use crate::core::{ContextName, IdSecret};
use crate::guest::Engine;
use crate::invocation::{Context, Shared};
use crate::journal::Ledger;
use crate::manifest::ContextSettings;
use crate::versions::CurrentWiring;

/// What contexts have of the host, and of each other.
pub(super) struct Provisions {
    pub wiring: Arc<CurrentWiring>,
    pub engine: Engine,
    pub answers: Arc<Budget>,
    /// What the ids that guests make follow from besides their invocations.
    pub id_secret: Arc<IdSecret>,
    pub guests_memory: Arc<Budget>,
    /// Told when work waits in a context that has no slots.
    pub slots_wanted: Arc<Notify>,
}

impl Provisions {
    /// A context, with its part of all that.
    pub(super) fn context(
        &self,
        name: &ContextName,
        settings: &ContextSettings,
        ledger: &Arc<Ledger>,
        config: &Arc<config::Live>,
    ) -> Arc<Context> {
        let share = settings.limits.share();
        let shared = Shared {
            config: config.clone(),
            wiring: self.wiring.clone(),
            answers: self.answers.clone(),
            id_secret: self.id_secret.clone(),
            guests_memory: self.guests_memory.share(share.weight),
            share: self.engine.share(share),
            instances: self.engine.instances(settings.min_slots()),
            probe_instances: self.engine.probe_instances(),
            slots_wanted: self.slots_wanted.clone(),
        };
        Arc::new(Context::new(name, settings.clone(), ledger.clone(), shared))
    }
}
