//! What a guest may ask of its host.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wasmtime::component::Val;

use crate::fault::Refusal;
use crate::interface::Operation;
use crate::log_gate::LogGate;

pub use crate::bindings::innkeeper::context::state::Entry as StateEntry;

/// What an invocation knows of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The context that runs.
    pub context: String,
    /// The digest of its version, hexadecimal.
    pub version: String,
    /// The invocation's id; the same in all its attempts.
    pub id: String,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: String,
    /// The event or invocation that caused this one; empty at the root.
    pub causation_id: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What a service answers, on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// The answer to a typed call, on its way.
pub type Answer<'a> = Pending<'a, Val>;

/// Whether memory was reserved, on its way.
pub type Reserved<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// The host's side of one invocation: the implementation of every import that a context may have.
///
/// A [`Refusal`] ends the invocation: the guest never sees it.
pub trait Services: Any + Send {
    /// `state.get`
    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Refusal>;
    /// `state.put`
    fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), Refusal>;
    /// `state.delete`
    fn delete(&mut self, key: String) -> Result<(), Refusal>;
    /// `state.scan`
    fn scan(
        &mut self,
        start: String,
        end: String,
        limit: u32,
        reverse: bool,
    ) -> Pending<'_, Vec<StateEntry>>;
    /// `state.count`
    fn count(&mut self, start: String, end: String) -> Pending<'_, u64>;
    /// `state.next-sequence`
    fn next_sequence(&mut self, name: String) -> Result<u64, Refusal>;
    /// `outbox.emit`
    fn emit(&mut self, kind: String, subject: String, data: Vec<u8>) -> Result<String, Refusal>;
    /// `outbox.emit-after`
    fn emit_after(
        &mut self,
        delay_ms: u64,
        kind: String,
        subject: String,
        data: Vec<u8>,
    ) -> Result<String, Refusal>;
    /// `outbox.cancel`
    fn cancel(&mut self, id: String) -> Result<bool, Refusal>;
    /// `invocation.id` and its neighbours. Made when it is asked for: most guests never do.
    fn identity(&mut self) -> Result<Identity, Refusal>;
    /// `invocation.now`, in milliseconds since the Unix epoch.
    fn now(&mut self) -> Result<u64, Refusal>;
    /// `invocation.new-id`
    fn new_id(&mut self) -> Result<String, Refusal>;
    /// `wasi:config/store`
    fn config(&self) -> Result<Arc<BTreeMap<String, String>>, Refusal>;
    /// A function of another context. The answer is a `result`; what cannot be reached is its `unavailable`.
    fn call(&mut self, operation: Arc<Operation>, parameters: Vec<Val>) -> Answer<'_>;
    /// What decides which lines of its log are written.
    fn log_gate(&mut self) -> Arc<dyn LogGate>;
    /// Reserves memory of the host for what the guest's own memory grows by, in bytes. False when the host has none to give, and had none for a while.
    fn reserve(&mut self, bytes: usize) -> Reserved<'_>;
}
