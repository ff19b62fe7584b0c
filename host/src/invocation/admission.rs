//! How much of a context runs at once, and how much may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;

/// The bulkhead of one context: at most `max_requests` run, at most `max_pending_requests` wait.
pub struct Admission {
    context: String,
    places: Arc<Semaphore>,
    pending: AtomicU32,
    max_pending: u32,
    max_running: u32,
}

impl Admission {
    /// The bulkhead of `context`.
    pub fn new(context: &str, max_requests: u32, max_pending_requests: u32) -> Self {
        Self {
            context: context.to_owned(),
            places: Arc::new(Semaphore::new(max_requests as usize)),
            pending: AtomicU32::new(0),
            max_pending: max_pending_requests,
            max_running: max_requests,
        }
    }

    /// A place to run in, within `time`.
    ///
    /// # Errors
    ///
    /// [`Failure::Overloaded`] at once when too many wait already, or when none came free in time.
    pub async fn enter(&self, time: Duration) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = self.wait()?;
        match tokio::time::timeout(time, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.overloaded()),
        }
    }

    /// A place to run in, however long it takes: for work that would only come again, such as events.
    pub async fn enter_patiently(&self) -> Option<OwnedSemaphorePermit> {
        // `None` only after the semaphore was closed, which nobody does.
        self.places.clone().acquire_owned().await.ok()
    }

    /// How many run.
    pub fn running(&self) -> u32 {
        self.max_running
            .saturating_sub(u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX))
    }

    /// How many wait.
    pub fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
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

    #[tokio::test]
    async fn beyond_the_pending_bound_work_is_turned_away_at_once() {
        let admission = Arc::new(Admission::new("room", 1, 1));
        let place = admission.enter(Duration::from_secs(1)).await.unwrap();
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.enter(Duration::from_secs(10)).await.is_ok() }
        });
        while admission.pending() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            admission.enter(Duration::from_secs(10)).await,
            Err(Failure::Overloaded { .. })
        ));
        drop(place);
        assert!(waiting.await.unwrap());
        assert_eq!((admission.running(), admission.pending()), (0, 0));
    }
}
