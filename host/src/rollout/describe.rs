//! Asking a version what it is: a visit in which nothing else may be asked of the host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Val;

use crate::guest::{
    self, Answer, Fault, Guest, Identity, Operation, Refusal, Services, StateEntry, Visit,
};

/// How long a description may take.
const TIME: Duration = Duration::from_secs(5);

/// What the version says of itself.
pub(super) async fn describe(guest: &Guest, memory: usize) -> Result<guest::Description, Fault> {
    guest
        .describe(Visit {
            services: Box::new(NoServices),
            memory,
            time: TIME,
        })
        .await
        .result
}

#[derive(Debug, thiserror::Error)]
#[error("`describe` must be pure: it may not call `{0}`")]
struct NotPure(&'static str);

/// Refuses everything.
struct NoServices;

fn refused<T>(import: &'static str) -> Result<T, Refusal> {
    Err(Refusal(Box::new(NotPure(import))))
}

impl Services for NoServices {
    fn get(&mut self, _: &str) -> Result<Option<Vec<u8>>, Refusal> {
        refused("state.get")
    }

    fn put(&mut self, _: String, _: Vec<u8>) -> Result<(), Refusal> {
        refused("state.put")
    }

    fn delete(&mut self, _: String) -> Result<(), Refusal> {
        refused("state.delete")
    }

    fn scan(&mut self, _: String, _: String, _: u32, _: bool) -> Result<Vec<StateEntry>, Refusal> {
        refused("state.scan")
    }

    fn count(&mut self, _: String, _: String) -> Result<u64, Refusal> {
        refused("state.count")
    }

    fn next_sequence(&mut self, _: String) -> Result<u64, Refusal> {
        refused("state.next-sequence")
    }

    fn emit(&mut self, _: String, _: String, _: Vec<u8>) -> Result<String, Refusal> {
        refused("outbox.emit")
    }

    fn emit_after(&mut self, _: u64, _: String, _: String, _: Vec<u8>) -> Result<String, Refusal> {
        refused("outbox.emit-after")
    }

    fn cancel(&mut self, _: String) -> Result<bool, Refusal> {
        refused("outbox.cancel")
    }

    fn identity(&mut self) -> Result<Identity, Refusal> {
        refused("invocation")
    }

    fn now(&mut self) -> Result<u64, Refusal> {
        refused("invocation.now")
    }

    fn new_id(&mut self) -> Result<String, Refusal> {
        refused("invocation.new-id")
    }

    fn config(&self) -> Result<Arc<BTreeMap<String, String>>, Refusal> {
        refused("wasi:config/store")
    }

    fn call(&mut self, _: Arc<Operation>, _: Vec<Val>) -> Answer<'_> {
        Box::pin(async { refused("another context") })
    }
}
