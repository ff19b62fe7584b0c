//! One bounded context at run time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::calls::Breaker;
use crate::config;
use crate::events::Following;
use crate::invocation::admission::Admission;
use crate::invocation::compensation::Compensations;
use crate::invocation::idempotency::KeysInProgress;
use crate::invocation::turns::Turns;
use crate::journal::{self, Ledger, Space};
use crate::manifest::ContextSettings;
use crate::observe::ContextMetrics;
use crate::rollout::Version;

/// Where the journal keeps which generation of the state serves: four bytes, big-endian.
pub const GENERATION_KEY: &[u8] = b"generation";

/// One bounded context: its settings, its journal, its version, and who is at work in it.
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: ContextSettings,
    /// Its journal.
    pub ledger: Arc<Ledger>,
    /// How much of it runs at once.
    pub admission: Admission,
    /// Whether calls to it get through.
    pub breaker: Breaker,
    /// Who goes first after a conflict.
    pub turns: Turns,
    /// Which `Idempotency-Key`s run.
    pub keys: KeysInProgress,
    /// What it has to undo elsewhere.
    pub compensations: Compensations,
    /// Who follows events for it.
    pub following: Following,
    /// Tells that a timer was set.
    pub timers: Notify,
    /// What it counts.
    pub metrics: ContextMetrics,
    version: ArcSwapOption<Version>,
    generation: AtomicU32,
    config: Arc<config::Live>,
}

impl Context {
    /// A context that has no version yet.
    ///
    /// # Errors
    ///
    /// When its journal cannot be read.
    pub fn new(
        name: &str,
        settings: ContextSettings,
        ledger: Arc<Ledger>,
        config: Arc<config::Live>,
    ) -> Result<Self, journal::Error> {
        let generation = match ledger.get(Space::Meta, GENERATION_KEY)? {
            None => 0,
            Some(bytes) => {
                let bytes = <[u8; 4]>::try_from(bytes.as_slice());
                u32::from_be_bytes(bytes.map_err(|_| journal::Error::Damaged {
                    what: "the generation".into(),
                })?)
            }
        };
        let breaker = &settings.circuit_breaker;
        Ok(Self {
            admission: Admission::new(
                name,
                breaker.max_requests.get(),
                breaker.max_pending_requests,
            ),
            breaker: Breaker::new(breaker.clone(), Instant::now()),
            turns: Turns::default(),
            keys: KeysInProgress::default(),
            compensations: Compensations::default(),
            following: Following::default(),
            timers: Notify::new(),
            metrics: ContextMetrics::new(name),
            version: ArcSwapOption::empty(),
            generation: AtomicU32::new(generation),
            config,
            name: name.to_owned(),
            settings,
            ledger,
        })
    }

    /// The version that serves.
    pub fn version(&self) -> Option<Arc<Version>> {
        self.version.load_full()
    }

    /// Makes a version the one that serves: from now on, for every invocation that begins.
    pub fn set_version(&self, version: Version) {
        self.version.store(Some(Arc::new(version)));
    }

    /// The generation of the state that serves.
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes over a generation that a commit has made the serving one.
    pub fn set_generation(&self, generation: u32) {
        self.generation.store(generation, Ordering::Release);
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<config::Values> {
        self.config.current()
    }
}
