//! The data of a wasmtime store: what the host keeps for one instance.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use wasmtime::ResourceLimiterAsync;
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView,
    WasiView,
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::fault::Denied;
use crate::outgoing_handler::Hooks;
use crate::output::LogLines;
use crate::random::random_from;
use crate::services::Services;

/// How many resources of WASI a guest may hold at once. They are the host's memory, beside what is reserved for the guest, and what all of them may take is small beside that: one that never drops any is ended.
const MOST_RESOURCES: usize = 256;
/// How much the headers of one request or response may take, in bytes, with what it takes to keep them.
const LONGEST_FIELDS: usize = 16 << 10;

/// The store's data: the services of the invocation, and its limits.
pub(super) struct StoreData {
    /// Wasmtime's linker knows one type of store only, whoever answers.
    services: Hooks,
    memory_limit: usize,
    denied: Option<Denied>,
    table: ResourceTable,
    wasi: Option<Box<WasiCtx>>,
    http: WasiHttpCtx,
}

impl StoreData {
    pub(super) fn new(services: Box<dyn Services>, memory_limit: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(LONGEST_FIELDS);
        Self {
            services: Hooks(services),
            memory_limit,
            denied: None,
            table,
            wasi: None,
            http,
        }
    }

    /// What answers the guest's imports.
    pub(super) fn services(&mut self) -> &mut dyn Services {
        self.services.0.as_mut()
    }

    /// The resources that the guest holds.
    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// The most memory that the guest may have, in bytes.
    pub(super) fn memory_limit(&self) -> usize {
        self.memory_limit
    }

    /// Gives back the services that it was made with: `S` is their type.
    pub(super) fn into_services<S: Services>(self) -> Box<S> {
        let services: Box<dyn Any> = self.services.0;
        #[expect(
            clippy::expect_used,
            reason = "an execution makes the data and takes it apart, and nobody in between can exchange the services"
        )]
        services
            .downcast()
            .expect("the services that the data was made with")
    }

    /// Why the guest was refused memory, if it was.
    pub(super) fn denied_memory(&self) -> Option<Denied> {
        self.denied
    }
}

#[async_trait]
impl ResourceLimiterAsync for StoreData {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let denied = if desired > self.memory_limit {
            Denied::Limit(self.memory_limit)
        } else if !self
            .services()
            .reserve(desired.saturating_sub(current))
            .await
        {
            Denied::Host
        } else {
            return Ok(true);
        };
        self.denied = Some(denied);
        Ok(false)
    }

    async fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The pool bounds every table already.
        Ok(true)
    }
}

/// How many random bytes a guest gets at once.
const LARGEST_RANDOM: u64 = 1 << 20;

/// WASI is there because JavaScript and Python runtimes import it. Nothing is granted, and nothing in it differs between two runs of one invocation:
/// the clocks stand at the invocation's time, and the random bytes follow from an id that the invocation makes: whoever knows the invocation cannot tell it.
impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let services = &mut self.services.0;
        let wasi = self.wasi.get_or_insert_with(|| {
            let now = services.now().unwrap_or_default();
            // A guest that is asked what it is has no id, and random bytes all the same: its runtime may want some before it answers.
            let seed = match services.new_id() {
                Ok(id) if !id.is_empty() => id.into_bytes(),
                _ => b"innkeeper".to_vec(),
            };
            let lines = LogLines::of(services.as_mut());
            let mut builder = WasiCtxBuilder::new();
            builder
                .wall_clock(FixedClock(now))
                .monotonic_clock(FixedClock(now))
                .secure_random(random_from(&seed))
                .insecure_random(random_from(&[seed.as_slice(), b"insecure"].concat()))
                .insecure_random_seed(u128::from(now))
                // What the host makes at once is not counted as the guest's memory, and nothing interrupts it.
                .max_random_size(LARGEST_RANDOM)
                .stdout(lines.beside())
                .stderr(lines)
                .allow_tcp(false)
                .allow_udp(false);
            Box::new(builder.build())
        });
        WasiCtxView {
            ctx: wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for StoreData {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.services,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// A clock that stands still, at a number of milliseconds since the Unix epoch.
struct FixedClock(u64);

impl HostWallClock for FixedClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl HostMonotonicClock for FixedClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}
