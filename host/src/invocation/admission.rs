//! How much runs at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Failure;

/// The bulkhead of one context: at most `max_requests` run of what comes from outside, and as many again of calls that others
/// wait for, at each depth. A call is made by somebody who keeps a place until it is answered, so it must never wait for such a place itself.
/// How much may wait is for each caller apart, in its connection pool.
pub struct Admission {
    context: String,
    depths: Vec<Arc<Semaphore>>,
    pending: AtomicU32,
    max_running: u32,
}

impl Admission {
    /// The bulkhead of `context`, for calls that nest to `call_depth`.
    pub fn new(context: &str, max_requests: u32, call_depth: u32) -> Self {
        let depths = (0..=call_depth).map(|_| Arc::new(Semaphore::new(max_requests as usize)));
        Self {
            context: context.to_owned(),
            depths: depths.collect(),
            pending: AtomicU32::new(0),
            max_running: max_requests,
        }
    }

    /// A place to run in at a depth, if one is free.
    pub fn try_enter(&self, depth: u32) -> Option<OwnedSemaphorePermit> {
        self.places(depth)?.try_acquire_owned().ok()
    }

    /// A place to run in at a depth, until the deadline.
    ///
    /// # Errors
    ///
    /// [`Failure::Overloaded`] when none came free in time.
    pub async fn enter(
        &self,
        depth: u32,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        if let Some(place) = self.try_enter(depth) {
            return Ok(place);
        }
        let places = self.places(depth).ok_or_else(|| self.overloaded())?;
        let _waiting = self.wait();
        match Box::pin(tokio::time::timeout_at(deadline, places.acquire_owned())).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.overloaded()),
        }
    }

    /// A place to run in, however long it takes: for work that would only come again, such as events.
    pub async fn enter_patiently(&self) -> Option<OwnedSemaphorePermit> {
        // `None` only after the semaphore was closed, which nobody does.
        self.places(0)?.acquire_owned().await.ok()
    }

    /// How many run.
    pub fn running(&self) -> u32 {
        let free =
            |places: &Arc<Semaphore>| u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        let running = |places| self.max_running.saturating_sub(free(places));
        self.depths.iter().map(running).sum()
    }

    /// How many wait.
    pub fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
    }

    /// The places at a depth; what is deeper than calls may nest shares the last.
    fn places(&self, depth: u32) -> Option<Arc<Semaphore>> {
        let depth = self.depths.get(depth as usize).or(self.depths.last());
        depth.cloned()
    }

    fn wait(&self) -> Waiting<'_> {
        self.pending.fetch_add(1, Ordering::AcqRel);
        Waiting(&self.pending)
    }

    fn overloaded(&self) -> Failure {
        Failure::Overloaded {
            context: self.context.clone(),
            retry_after: Duration::from_secs(1),
        }
    }
}

struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn a_call_does_not_wait_for_whoever_waits_for_it() {
        let admission = Admission::new("room", 1, 2);
        let first = admission.enter(0, late()).await.unwrap();
        let called = admission.enter(1, late()).await.unwrap();
        let again = admission.enter(2, late()).await.unwrap();
        assert_eq!(admission.running(), 3);
        drop((first, called, again));
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test]
    async fn who_waits_is_counted_and_gets_what_comes_free() {
        let admission = Arc::new(Admission::new("room", 1, 1));
        let place = admission.enter(0, late()).await.unwrap();
        assert!(admission.try_enter(0).is_none());
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.enter(0, late()).await.is_ok() }
        });
        while admission.pending() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            admission.enter(0, Instant::now()).await,
            Err(Failure::Overloaded { .. })
        ));
        drop(place);
        assert!(waiting.await.unwrap());
        assert_eq!((admission.running(), admission.pending()), (0, 0));
    }
}
