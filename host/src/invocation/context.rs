//! One bounded context at run time.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::admission::Admission;
use super::availability::Availability;
use super::circuit_breaker::Breakers;
use super::commit_hold::Commits;
use super::faults::Faults;
use super::idempotency::KeysInProgress;
use super::interrupted_requests::InterruptedRequests;
use super::key_locks::KeyLocks;
use super::known_good::KnownGood;
use super::parts::Parts;
use super::traffic::Traffic;
use super::undoing::compensation::Compensations;
use crate::config;
use crate::core::memory::{Budget, MemoryShare};
use crate::core::{ByName, ContextName, IdSecret};
use crate::guest::{InstanceShare, Share};
use crate::journal::{self, Ledger, Space};
use crate::manifest::ContextSettings;
use crate::observe::ContextMetrics;
use crate::observe::log::LogRateLimit;
use crate::outbound::OutboundClient;
use crate::versions::{CurrentWiring, Serving, Version};

/// Where the journal keeps which generation of the state serves: four bytes, big-endian.
pub const GENERATION_KEY: &[u8] = b"generation";

/// One bounded context: its settings, its journal, its version, and who is at work in it.
pub struct Context {
    /// Its name.
    pub name: ContextName,
    /// Its settings.
    pub settings: ContextSettings,
    /// Its journal.
    pub ledger: Arc<Ledger>,
    /// Whether it takes work.
    pub availability: Availability,
    /// What it answered well lately.
    pub known_good: KnownGood,
    /// How much of it runs at once.
    pub admission: Admission,
    /// Which callers' work gets through to it.
    pub breakers: Breakers,
    /// What it has handled of those that it follows, by source.
    pub followed: ByName<Traffic>,
    /// What is made to go wrong in it on purpose.
    pub faults: Faults,
    /// Who goes first after a conflict.
    pub key_locks: KeyLocks,
    /// Who may commit.
    pub commits: Commits,
    /// Which `Idempotency-Key`s run.
    pub keys: KeysInProgress,
    /// How it asks outside.
    pub outbound: Arc<OutboundClient>,
    /// What it has to undo elsewhere.
    pub compensations: Compensations,
    /// What a stop has interrupted in it.
    pub interrupted_requests: InterruptedRequests,
    /// Tells whoever fires timers that one was set.
    pub timer_set: Notify,
    /// What it has of the processors.
    pub share: Arc<Share>,
    /// What it has of the instances.
    pub instances: Arc<InstanceShare>,
    /// The instances for probes of all contexts.
    pub probe_instances: Arc<InstanceShare>,
    /// What its guests have of the memory.
    pub guests_memory: Arc<MemoryShare>,
    /// What it counts.
    pub metrics: ContextMetrics,
    /// What it may write to the log.
    pub log: Arc<LogRateLimit>,
    /// What all contexts may hold in memory of answers that may be given again.
    pub answers: Arc<Budget>,
    /// What the ids that its guests make follow from besides their invocations.
    pub id_secret: Arc<IdSecret>,
    wiring: Arc<CurrentWiring>,
    config: Arc<config::Live>,
    /// What floors above keep for it.
    parts: Parts,
}

/// What a context has of its app.
pub(crate) struct Shared {
    /// Its configuration.
    pub config: Arc<config::Live>,
    /// What serves in all contexts.
    pub wiring: Arc<CurrentWiring>,
    /// What all contexts may hold in memory of answers that may be given again.
    pub answers: Arc<Budget>,
    /// What the ids that guests make follow from besides their invocations.
    pub id_secret: Arc<IdSecret>,
    /// What it has of the processors.
    pub share: Arc<Share>,
    /// What it has of the instances.
    pub instances: Arc<InstanceShare>,
    /// The instances for probes of all contexts.
    pub probe_instances: Arc<InstanceShare>,
    /// What its guests have of the memory.
    pub guests_memory: Arc<MemoryShare>,
    /// Told when work waits in a context that has no slots.
    pub slots_wanted: Arc<Notify>,
}

impl Context {
    /// A context of an app.
    pub(crate) fn new(
        name: &ContextName,
        settings: ContextSettings,
        ledger: Arc<Ledger>,
        shared: Shared,
    ) -> Self {
        let breaker = &settings.circuit_breaker;
        let sequences = settings.quota.sequences.get();
        ledger.limit_sequences(usize::try_from(sequences).unwrap_or(usize::MAX));
        let admission =
            Admission::new(name, breaker.max_requests.get(), settings.limits.call_depth);
        let admission = match &settings.autoscale {
            Some(scale) => admission.scaled(scale.min, shared.slots_wanted),
            None => admission,
        };
        Self {
            admission,
            // Of all callers together, whatever each may have waiting at other times.
            availability: Availability::new(
                breaker.max_pending_requests.max(breaker.max_requests.get()),
            ),
            known_good: KnownGood::default(),
            breakers: Breakers::new(name, breaker.clone(), settings.limits.call_depth),
            followed: ByName::default(),
            faults: Faults::new(settings.fault),
            key_locks: KeyLocks::default(),
            commits: Commits::default(),
            keys: KeysInProgress::default(),
            outbound: Arc::new(OutboundClient::new(name, &settings)),
            compensations: Compensations::default(),
            interrupted_requests: InterruptedRequests::default(),
            timer_set: Notify::new(),
            metrics: ContextMetrics::new(name),
            log: LogRateLimit::new(name, settings.limits.log),
            share: shared.share,
            instances: shared.instances,
            probe_instances: shared.probe_instances,
            guests_memory: shared.guests_memory,
            answers: shared.answers,
            id_secret: shared.id_secret,
            wiring: shared.wiring,
            config: shared.config,
            parts: Parts::default(),
            name: name.clone(),
            settings,
            ledger,
        }
    }

    /// What a floor above keeps for it, which is made when it is first asked for: by its type, which only that floor has.
    pub(crate) fn part<T: Any + Send + Sync + Default>(&self) -> &T {
        self.parts.of()
    }

    /// What serves in it at this moment.
    pub fn serving(&self) -> Arc<Serving> {
        let wiring = self.wiring.load();
        wiring.serving(&self.name).cloned().unwrap_or_default()
    }

    /// The current version: what a version that is ramped up beside it does is not asked for.
    pub fn version(&self) -> Option<Arc<Version>> {
        self.serving().version().cloned()
    }

    /// Waits until a version serves in it, and it takes work.
    pub(super) async fn opened(&self) {
        let mut changes = self.wiring.changes();
        loop {
            self.availability.opened().await;
            if self.version().is_some() {
                return;
            }
            // The sender lives as long as the wiring.
            let _changed = changes.changed().await;
        }
    }

    /// The generation of the state that serves.
    pub fn generation(&self) -> u32 {
        self.serving().generation
    }

    /// The keys of its configuration whose values may be shown.
    pub fn shown_keys(&self) -> BTreeSet<String> {
        let shown = self.settings.show.iter();
        shown
            .filter(|key| !self.config.is_secret(key))
            .cloned()
            .collect()
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<config::Values> {
        self.config.current()
    }

    /// Tells of each change of the configuration from now on.
    pub fn config_changes(&self) -> watch::Receiver<()> {
        self.config.changes()
    }
}

/// The generation of the state that serves, as a journal knows it.
pub(crate) fn stored_generation(ledger: &Ledger) -> Result<u32, journal::Error> {
    let Some(bytes) = ledger.get(Space::Meta, GENERATION_KEY)? else {
        return Ok(0);
    };
    let bytes = <[u8; 4]>::try_from(bytes.as_slice());
    let generation = bytes.map(u32::from_be_bytes);
    generation.map_err(|_| journal::Error::Damaged {
        what: "the generation".into(),
    })
}
