//! What a guest may ask of its host.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use wasmtime::component::Val;

use crate::fault::Refusal;
use crate::interface::Operation;
use crate::log_gate::LogGate;
use crate::outbound_call::OutboundCall;

pub use crate::bindings::innkeeper::context::invocation::VerifiedIdentity as IdentityInfo;
pub use crate::bindings::innkeeper::context::state::Entry as StateEntry;

/// What an invocation knows of itself.
#[derive(Clone, Debug)]
pub struct InvocationInfo {
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

/// The guest was asked something that depends on nothing, and asked the host for something.
#[derive(Debug, thiserror::Error)]
#[error("it must not call any import, but it called `{0}`")]
struct NotPure(&'static str);

fn refused<T>(import: &'static str) -> Result<T, Refusal> {
    Err(Refusal(Box::new(NotPure(import))))
}

fn refused_later<'a, T: Send + 'a>(import: &'static str) -> Pending<'a, T> {
    Box::pin(ready(refused(import)))
}

/// The host's side of one invocation: the implementation of every import that a context may have.
///
/// What is not implemented is refused: a new import touches only this and whoever answers it. A [`Refusal`] ends the invocation: the guest never sees it.
pub trait Services: Any + Send {
    /// The guest begins: it has an instance and a processor.
    fn begin(&mut self) {}

    /// `state.get`
    fn get(&mut self, _key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        refused("state.get")
    }

    /// `state.put`
    fn put(&mut self, _key: String, _value: Vec<u8>) -> Result<(), Refusal> {
        refused("state.put")
    }

    /// `state.add`
    fn add(&mut self, _key: String, _delta: i64) -> Result<(), Refusal> {
        refused("state.add")
    }

    /// `state.delete`
    fn delete(&mut self, _key: String) -> Result<(), Refusal> {
        refused("state.delete")
    }

    /// `state.scan`
    fn scan(
        &mut self,
        _start: String,
        _end: String,
        _limit: u32,
        _reverse: bool,
    ) -> Pending<'_, Vec<StateEntry>> {
        refused_later("state.scan")
    }

    /// `state.count`
    fn count(&mut self, _start: String, _end: String) -> Pending<'_, u64> {
        refused_later("state.count")
    }

    /// `state.next-sequence`
    fn next_sequence(&mut self, _name: String) -> Result<u64, Refusal> {
        refused("state.next-sequence")
    }

    /// `outbox.emit`
    fn emit(&mut self, _kind: String, _subject: String, _data: Vec<u8>) -> Result<String, Refusal> {
        refused("outbox.emit")
    }

    /// `outbox.emit-after`
    fn emit_after(
        &mut self,
        _delay_ms: u64,
        _kind: String,
        _subject: String,
        _data: Vec<u8>,
    ) -> Result<String, Refusal> {
        refused("outbox.emit-after")
    }

    /// `outbox.cancel`
    fn cancel(&mut self, _id: String) -> Result<bool, Refusal> {
        refused("outbox.cancel")
    }

    /// `invocation.id` and its neighbours. Made when it is asked for: most guests never do.
    fn invocation(&mut self) -> Result<InvocationInfo, Refusal> {
        refused("invocation")
    }

    /// `invocation.identity`
    fn identity(&mut self) -> Result<Option<IdentityInfo>, Refusal> {
        refused("invocation.identity")
    }

    /// `invocation.now`, in milliseconds since the Unix epoch.
    fn now(&mut self) -> Result<u64, Refusal> {
        refused("invocation.now")
    }

    /// `invocation.new-id`: also what random bytes follow from, so nobody outside is to be able to tell it.
    fn new_id(&mut self) -> Result<String, Refusal> {
        refused("invocation.new-id")
    }

    /// `wasi:config/store`
    fn config(&self) -> Result<Arc<BTreeMap<String, String>>, Refusal> {
        refused("wasi:config/store")
    }

    /// A function of another context. The answer is a `result`; what cannot be reached is its `unavailable`.
    fn call(&mut self, _operation: Arc<Operation>, _parameters: Vec<Val>) -> Answer<'_> {
        refused_later("another context")
    }

    /// A request to the outside: by `wasi:http/outgoing-handler`. What may not be asked is an error of the call that the guest sees.
    fn outbound(&mut self) -> Result<Box<dyn OutboundCall>, Refusal> {
        refused("wasi:http/outgoing-handler")
    }

    /// What decides which lines of its log are written.
    fn log_gate(&mut self) -> Arc<dyn LogGate>;

    /// Reserves memory of the host for what the guest's own memory grows by, in bytes. False when the host has none to give, and had none for a while.
    fn reserve(&mut self, bytes: usize) -> Reserved<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers nothing.
    struct Nothing;

    impl Services for Nothing {
        fn log_gate(&mut self) -> Arc<dyn LogGate> {
            Arc::new(Silent)
        }

        fn reserve(&mut self, _: usize) -> Reserved<'_> {
            Box::pin(ready(false))
        }
    }

    struct Silent;

    impl LogGate for Silent {
        fn longest_line(&self) -> usize {
            0
        }

        fn admit(&self, _: usize) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn what_is_not_answered_is_refused_by_its_name() {
        let mut services = Nothing;
        let said = services.put(String::new(), Vec::new()).unwrap_err();
        assert_eq!(
            said.0.to_string(),
            "it must not call any import, but it called `state.put`"
        );
        let said = services.count(String::new(), String::new()).await;
        assert_eq!(
            said.unwrap_err().0.to_string(),
            "it must not call any import, but it called `state.count`"
        );
    }
}
