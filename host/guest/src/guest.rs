//! A component that is ready to be instantiated.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::code::{Code, Exports};
use crate::fault::Fault;
use crate::interface::Interface;
use crate::on_demand_code::{LoadedCode, OnDemandCode, Reload};
use crate::runtime::Runtime;

/// A component that is compiled, linked and ready to be instantiated: one per version. Its machine code may leave memory, and is loaded again when the guest is entered.
pub struct Guest {
    pub(super) runtime: Runtime,
    pub(super) exports: Arc<Exports>,
    pub(super) code: OnDemandCode,
}

impl Guest {
    /// A guest whose machine code is there.
    pub(super) fn of_code(runtime: &Runtime, code: Arc<Code>) -> Self {
        Self {
            runtime: runtime.clone(),
            exports: code.exports.clone(),
            code: OnDemandCode::of(code),
        }
    }

    /// Lets its machine code leave memory: `reload` loads it again when the guest is entered.
    pub fn load_on_demand(&self, reload: Arc<dyn Reload>) {
        self.code.load_on_demand(reload);
    }

    /// Gives the memory of its machine code back, as soon as nobody runs in it. False when it is not there, or nothing would load it again.
    pub fn unload(&self) -> bool {
        self.code.unload()
    }

    /// Waits until its machine code is in memory, whole.
    ///
    /// # Errors
    ///
    /// When it cannot be loaded, or is not by the deadline.
    pub async fn ensure_loaded(&self, deadline: Instant) -> Result<(), Fault> {
        self.code.get(deadline).await.map(drop)
    }

    /// Whether its machine code is in memory.
    pub fn is_loaded(&self) -> bool {
        self.code.is_loaded()
    }

    /// Its machine code, where that is in memory.
    pub fn loaded_code(&self) -> Option<LoadedCode> {
        self.code.loaded()
    }

    /// The interfaces that it offers to other contexts, by name.
    pub fn offers(&self) -> &BTreeMap<String, Interface> {
        &self.exports.offers
    }

    /// The interfaces of other contexts that it uses, by name.
    pub fn uses(&self) -> &BTreeMap<String, Interface> {
        &self.exports.uses
    }

    /// Whether it answers web requests.
    pub fn has_web(&self) -> bool {
        self.exports.web || self.exports.standard
    }

    /// Whether it is a standard component: it exports `wasi:http/incoming-handler`, and does not describe itself.
    pub fn is_standard(&self) -> bool {
        self.exports.standard
    }

    /// The interface by which it asks outside, if it does.
    pub fn asks_outside(&self) -> Option<&'static str> {
        let interface = self.exports.outbound?;
        interface.split('@').next()
    }

    /// Whether it says which state it can work with.
    pub fn has_migration(&self) -> bool {
        self.exports.migration
    }

    /// Whether it handles events.
    pub fn has_policies(&self) -> bool {
        self.exports.policies
    }
}
