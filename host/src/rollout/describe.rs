//! Asking a version what depends on nothing: what it is, and what becomes of a state. Visits in which nothing may be asked of the host.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::component::Val;

use crate::guest::{
    self, Answer, Execution, Fault, Guest, Identity, LogGate, Operation, Pending, Refusal,
    Reserved, Services, StateEntry,
};
use crate::observe::log::LogRateLimit;
use crate::versions::TextBudget;

/// How long a description may take.
const TIME: Duration = Duration::from_secs(5);

/// What the version says of itself.
pub(super) async fn describe(guest: &Guest, memory: usize) -> Result<guest::Description, Fault> {
    guest.describe(execution(memory, TIME)).await.result
}

/// Which state the version can work with.
pub(super) async fn schema(guest: &Guest, memory: usize) -> Result<guest::Schema, Fault> {
    guest.schema(execution(memory, TIME)).await.result
}

/// Whether what was said is no more than anybody needs.
pub(super) fn is_bounded(said: &impl Debug) -> bool {
    TextBudget::new().takes(said)
}

/// What becomes of entries of another schema.
pub(super) async fn migrate(
    guest: &Guest,
    memory: usize,
    time: Duration,
    from: u32,
    entries: Vec<StateEntry>,
) -> Result<Result<Vec<Vec<StateEntry>>, String>, Fault> {
    let execution = execution(memory, time);
    guest.migrate(execution, from, entries).await.result
}

fn execution(memory: usize, time: Duration) -> Execution {
    Execution {
        services: Box::new(NoServices),
        memory,
        deadline: Instant::now() + time,
        depth: 0,
        share: None,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it must not call any import, but it called `{0}`")]
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

    fn scan(&mut self, _: String, _: String, _: u32, _: bool) -> Pending<'_, Vec<StateEntry>> {
        Box::pin(async { refused("state.scan") })
    }

    fn count(&mut self, _: String, _: String) -> Pending<'_, u64> {
        Box::pin(async { refused("state.count") })
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

    fn log_gate(&mut self) -> Arc<dyn LogGate> {
        LogRateLimit::of_candidates()
    }

    // Few are asked at a time, and each within its limit.
    fn reserve(&mut self, _: usize) -> Reserved<'_> {
        Box::pin(async { true })
    }
}
