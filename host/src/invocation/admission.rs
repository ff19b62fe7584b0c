//! How much of a context runs at once, and how much may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Failure;

/// The bulkhead of one context: at most `max_requests` run, at most `max_pending_requests` wait, of what comes from outside; as many again of calls that others
/// wait for, at each depth. A call is made by somebody who keeps a place until it is answered, so it must never wait for such a place itself.
pub struct Admission {
    context: String,
    depths: Vec<Arc<Semaphore>>,
    pending: AtomicU32,
    max_pending: u32,
    max_running: u32,
}

impl Admission {
    /// The bulkhead of `context`, for calls that nest to `call_depth`.
    pub fn new(
        context: &str,
        max_requests: u32,
        max_pending_requests: u32,
        call_depth: u32,
    ) -> Self {
        let depths = (0..=call_depth).map(|_| Arc::new(Semaphore::new(max_requests as usize)));
        Self {
            context: context.to_owned(),
            depths: depths.collect(),
            pending: AtomicU32::new(0),
            max_pending: max_pending_requests,
            max_running: max_requests,
        }
    }

    /// A place to run in at a depth, until the deadline.
    ///
    /// # Errors
    ///
    /// [`Failure::Overloaded`] at once when too many wait already, or when none came free in time.
    pub async fn enter(
        &self,
        depth: u32,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        let places = self.places(depth).ok_or_else(|| self.overloaded())?;
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = self.wait()?;
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

    fn wait(&self) -> Result<Waiting<'_>, Failure> {
        let before = self.pending.fetch_add(1, Ordering::AcqRel);
        let waiting = Waiting(&self.pending);
        if before >= self.max_pending {
            return Err(self.overloaded());
        }
        Ok(waiting)
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
        let admission = Admission::new("room", 1, 1, 2);
        let first = admission.enter(0, late()).await.unwrap();
        let called = admission.enter(1, late()).await.unwrap();
        let again = admission.enter(2, late()).await.unwrap();
        assert_eq!(admission.running(), 3);
        drop((first, called, again));
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test]
    async fn beyond_the_pending_bound_work_is_turned_away_at_once() {
        let admission = Arc::new(Admission::new("room", 1, 1, 1));
        let place = admission.enter(0, late()).await.unwrap();
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.enter(0, late()).await.is_ok() }
        });
        while admission.pending() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            admission.enter(0, late()).await,
            Err(Failure::Overloaded { .. })
        ));
        drop(place);
        assert!(waiting.await.unwrap());
        assert_eq!((admission.running(), admission.pending()), (0, 0));
    }
}
