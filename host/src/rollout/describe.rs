//! Asking a version what depends on nothing: what it is, and what becomes of a state. Visits in which nothing may be asked of the host.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::guest::{
    Execution, Fault, Guest, Introspection, LogGate, Reserved, Services, StateEntry,
};
use crate::observe::log::LogRateLimit;
use crate::versions::TextBudget;

/// How long an answer may take.
const TIME: Duration = Duration::from_secs(5);

/// What the version says of itself.
pub(super) async fn introspect(guest: &Guest, memory: usize) -> Introspection {
    guest.introspect(|| execution(memory, TIME)).await
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

fn execution(memory: usize, time: Duration) -> Execution<NoServices> {
    Execution {
        services: Box::new(NoServices),
        memory,
        // Nobody is beside it where it runs, and what it may say is looked at there.
        transfer: memory,
        deadline: Instant::now() + time,
        depth: 0,
        share: None,
        instances: None,
    }
}

/// Refuses everything.
struct NoServices;

impl Services for NoServices {
    fn log_gate(&mut self) -> Arc<dyn LogGate> {
        LogRateLimit::of_candidates()
    }

    // Few are asked at a time, and each within its limit.
    fn reserve(&mut self, _: usize) -> Reserved<'_> {
        Box::pin(async { true })
    }
}
