//! The places for live instances: a bound that makes callers wait instead of failing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many places as the pooling allocator has slots.
#[derive(Clone)]
pub(super) struct Slots(Arc<Semaphore>);

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self(Arc::new(Semaphore::new(count as usize)))
    }

    /// A place, within `time`.
    pub(super) async fn take(&self, time: Duration) -> Option<OwnedSemaphorePermit> {
        // Most often there is one, and no timer is needed.
        if let Ok(place) = self.0.clone().try_acquire_owned() {
            return Some(place);
        }
        let waiting = self.0.clone().acquire_owned();
        tokio::time::timeout(time, waiting).await.ok()?.ok()
    }
}
