//! Engines: one that runs guests, and one that compiles them.

use std::sync::Arc;

use wasmtime::component::Component;

use crate::code::Code;
use crate::code_cache::CodeCache;
use crate::guest::Guest;
use crate::instance_places::InstanceShare;
use crate::load_error::LoadError;
use crate::runtime::{EngineOptions, Instances, Runtime};
use crate::scheduler::{Share, ShareOptions};

/// An engine that runs guests: cheap to clone.
#[derive(Clone)]
pub struct Engine {
    runtime: Runtime,
    code_cache: Arc<CodeCache>,
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// When the machine does not have the address space, or a thread cannot be started.
    pub fn new(options: EngineOptions) -> wasmtime::Result<Self> {
        Ok(Self {
            runtime: Runtime::new(options, false)?,
            code_cache: Arc::default(),
        })
    }

    /// What the guests run in.
    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The wasmtime engine.
    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        self.runtime.wasmtime()
    }

    /// The machine code that is loaded.
    pub(super) fn code_cache(&self) -> &CodeCache {
        &self.code_cache
    }

    /// A share of the processors.
    #[must_use]
    pub fn share(&self, options: ShareOptions) -> Arc<Share> {
        self.runtime.share(options)
    }

    /// A share of the instances, of which so many are kept for it.
    #[must_use]
    pub fn instances(&self, reserved: u32) -> Arc<InstanceShare> {
        self.runtime.instances(reserved)
    }

    /// The instances for probes, which nobody else takes. They are taken at the greatest depth.
    #[must_use]
    pub fn probe_instances(&self) -> Arc<InstanceShare> {
        self.runtime.probe_instances().clone()
    }
}

/// The machine code of a component, as an engine of this process made it.
pub struct Compiled(Vec<u8>);

impl Compiled {
    /// Its bytes, as they are kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An engine that compiles what an [`Engine`] runs, on one thread, and tries it out: what one component may have is the same, and there is room for one.
#[derive(Clone)]
pub struct CompileEngine(Runtime);

impl CompileEngine {
    /// How many instances it has at once. It is asked one thing after the other.
    const INSTANCES: u32 = 2;

    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// When wasmtime has no compiler for the machine.
    pub fn new() -> wasmtime::Result<Self> {
        let options = EngineOptions {
            instances: Self::INSTANCES,
            probes: 0,
            allocation: Instances::PooledDefault,
            ..EngineOptions::default()
        };
        Ok(Self(Runtime::new(options, true)?))
    }

    /// What it compiles for.
    #[cfg(test)]
    pub(super) fn runtime(&self) -> &Runtime {
        &self.0
    }

    /// The wasmtime engine.
    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        self.0.wasmtime()
    }

    /// What a component is compiled to. Blocks.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] when the bytes are not a component.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, LoadError> {
        let compiled = self.wasmtime().precompile_component(bytes);
        compiled.map(Compiled).map_err(LoadError::Invalid)
    }

    /// What was compiled, ready to be asked what it is. Blocks.
    ///
    /// # Errors
    ///
    /// See [`LoadError`]: all but what compiling and the cache have.
    pub fn load(&self, compiled: &Compiled) -> Result<Arc<Guest>, LoadError> {
        #[expect(
            unsafe_code,
            reason = "these bytes were made by an engine of these settings: nobody else makes a `Compiled`"
        )]
        let component = unsafe { Component::deserialize(self.wasmtime(), &compiled.0) };
        // It was made a moment ago, so it is valid: what can be wrong is that the pool has no place for it.
        let component = component.map_err(LoadError::OverLimits)?;
        let code = Code::of_component(&self.0, component)?;
        Ok(Arc::new(Guest::of_code(&self.0, Arc::new(code))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn whatever_takes_the_other_instances_there_are_some_for_probes() {
        let engine = Engine::new(EngineOptions {
            instances: 24,
            probes: 2,
            memory: 1 << 24,
            ..EngineOptions::default()
        })
        .unwrap();
        let soon = || Instant::now() + Duration::from_millis(20);
        let work = engine.instances(0);
        let mut taken = Vec::new();
        for depth in 0..16 {
            while let Some(place) = work.take(depth, soon()).await {
                taken.push(place);
            }
        }
        assert_eq!(taken.len(), 24);
        let probes = engine.probe_instances();
        let first = probes.take(u32::MAX, soon()).await;
        let second = probes.take(u32::MAX, soon()).await;
        assert!(first.is_some() && second.is_some());
        assert!(probes.take(u32::MAX, soon()).await.is_none());
    }
}
