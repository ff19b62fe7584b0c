//! The places for live instances: a bound that makes callers wait instead of failing.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many places as the pooling allocator has slots.
#[derive(Clone)]
pub(super) struct Slots(Arc<Semaphore>);

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self(Arc::new(Semaphore::new(count as usize)))
    }

    /// A place; waits until there is one. Callers have a deadline around this.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        // `None` only after `close`, which nobody calls.
        self.0.clone().acquire_owned().await.ok()
    }
}
