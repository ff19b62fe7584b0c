//! The wasmtime runtime that guests run in, and the one place where its engine is configured.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::imports::add_to_linker;
use crate::instance_places::{InstancePlaces, InstanceShare};
use crate::scheduler::{Scheduler, Share, ShareOptions};
use crate::store_data::StoreData;

/// How often a guest that computes without a pause lets others have its thread.
const TICK: Duration = Duration::from_millis(1);
/// Bytes of a guest's memory that stay mapped between two invocations.
const KEEP_RESIDENT: usize = 1 << 20;

/// How many memories one component may have.
const MEMORIES: u32 = 4;
/// How many tables one component may have.
const TABLES: u32 = 16;

/// How instances are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    /// Slots that are reset and used again; on Linux 6.7 and newer only the pages that were touched are reset.
    PooledWarm,
    /// The pooling allocator as wasmtime configures it: what the benchmarks compare with.
    PooledDefault,
}

/// What an engine is made for.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// How many instances may live at once, over all contexts.
    pub instances: u32,
    /// How many more may for probes: whatever takes the others, who is asked how it is finds one.
    pub probes: u32,
    /// The largest memory that any instance may grow to, in bytes.
    pub memory: usize,
    /// How instances are made.
    pub allocation: Instances,
    /// How many guests may compute at once.
    pub processors: usize,
    /// Whether contexts share the processors fairly. Only what measures the price of that says no.
    pub shares_fairly: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            instances: 1_000,
            probes: 1,
            memory: 1 << 32,
            allocation: Instances::PooledWarm,
            processors: processors(),
            shares_fairly: true,
        }
    }
}

/// How many processors this process may use.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// A wasmtime engine with its clock, what every guest may import, the places of its instances and the scheduler of its processors: cheap to clone.
#[derive(Clone)]
pub(super) struct Runtime {
    wasmtime: wasmtime::Engine,
    /// Tells machine code apart that other engines cannot run.
    code_hash: u64,
    linker: Arc<Linker<StoreData>>,
    places: InstancePlaces,
    scheduler: Scheduler,
    host_share: Arc<Share>,
    host_instances: Arc<InstanceShare>,
    probe_instances: Arc<InstanceShare>,
    _clock: Arc<Clock>,
}

impl Runtime {
    /// Starts a runtime. One that `is_compiling_only` compiles on one thread.
    pub(super) fn new(options: EngineOptions, is_compiling_only: bool) -> wasmtime::Result<Self> {
        let mut config = config(options);
        if is_compiling_only {
            config.parallel_compilation(false);
        }
        let wasmtime = wasmtime::Engine::new(&config)?;
        let mut hasher = DefaultHasher::new();
        wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        let mut linker = Linker::new(&wasmtime);
        add_to_linker(&mut linker)?;
        let clock = Arc::new(Clock::start(wasmtime.clone())?);
        let scheduler = Scheduler::new(options.processors, options.shares_fairly);
        let places = InstancePlaces::new(options.instances);
        Ok(Self {
            wasmtime,
            code_hash: hasher.finish(),
            linker: Arc::new(linker),
            host_share: Arc::new(scheduler.share(ShareOptions::default())),
            scheduler,
            host_instances: places.share(0),
            probe_instances: InstancePlaces::new(options.probes).share(0),
            places,
            _clock: clock,
        })
    }

    /// The wasmtime engine.
    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// The same for engines that can run each other's machine code.
    pub(super) fn code_hash(&self) -> u64 {
        self.code_hash
    }

    /// What every guest may import.
    pub(super) fn linker(&self) -> &Linker<StoreData> {
        &self.linker
    }

    /// A share of the processors.
    pub(super) fn share(&self, options: ShareOptions) -> Arc<Share> {
        Arc::new(self.scheduler.share(options))
    }

    /// The share of what the host wants to know for itself.
    pub(super) fn host_share(&self) -> &Arc<Share> {
        &self.host_share
    }

    /// A share of the instances, of which so many are kept for it.
    pub(super) fn instances(&self, reserved: u32) -> Arc<InstanceShare> {
        self.places.share(reserved)
    }

    /// The share of what the host wants to know for itself.
    pub(super) fn host_instances(&self) -> &Arc<InstanceShare> {
        &self.host_instances
    }

    /// The instances for probes, which nobody else takes.
    pub(super) fn probe_instances(&self) -> &Arc<InstanceShare> {
        &self.probe_instances
    }
}

fn config(options: EngineOptions) -> Config {
    let instances = options.instances.saturating_add(options.probes);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // wit-component wraps a guest in two small adapter modules, and componentize-py links a dozen.
        .total_core_instances(instances.saturating_mul(4).max(64))
        .max_core_instances_per_component(64)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .total_memories(instances.max(MEMORIES))
        .total_tables(instances.saturating_mul(3).max(TABLES))
        .total_stacks(instances)
        // The interpreters inside JavaScript and Python components have large tables.
        .table_elements(64_000)
        .max_memory_size(options.memory)
        .max_component_instance_size(16 << 20)
        .max_core_instance_size(4 << 20);
    if options.allocation == Instances::PooledWarm {
        pool.linear_memory_keep_resident(KEEP_RESIDENT)
            .table_keep_resident(64 << 10)
            .max_unused_warm_slots(256)
            .pagemap_scan(Enabled::Auto);
    }
    let mut config = code();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// All that decides what code a component becomes. How instances are made has no part in it.
fn code() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true).epoch_interruption(true);
    config
}

/// Advances the engine's epoch until it is dropped.
struct Clock {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = stopped.clone();
        let thread = std::thread::Builder::new()
            .name("innkeeper-epoch".into())
            .spawn(move || {
                while !seen.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })?;
        Ok(Self {
            stopped,
            thread: Some(thread),
        })
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread only sleeps and counts: it cannot have panicked, and there is nothing to do if it had.
            let _ = thread.join();
        }
    }
}
