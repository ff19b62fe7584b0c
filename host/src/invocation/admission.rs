//! How much runs at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Failure;
use super::context_slots::{ContextSlot, ContextSlots};
use crate::core::ContextName;

/// The bulkhead of one context: at most `max_requests` run of what comes from outside, and as many again of calls that others
/// wait for, at each depth. A call is made by somebody who keeps a place until it is answered, so it must never wait for such a place itself.
/// How much may wait is for each caller apart, in its connection pool.
///
/// Where the context is scaled, of what comes from outside there run as many as it has slots.
pub struct Admission {
    context: ContextName,
    depths: Vec<Arc<Semaphore>>,
    /// What takes the place of the first depth, where the context is scaled.
    slots: Option<Arc<ContextSlots>>,
    pending: AtomicU32,
    max_running: u32,
}

/// A place to run in.
#[derive(Default)]
pub(super) struct Permit {
    _place: Option<OwnedSemaphorePermit>,
    _slot: Option<ContextSlot>,
}

impl Permit {
    fn place(place: OwnedSemaphorePermit) -> Self {
        Self {
            _place: Some(place),
            _slot: None,
        }
    }

    fn slot(slot: ContextSlot) -> Self {
        Self {
            _place: None,
            _slot: Some(slot),
        }
    }
}

impl Admission {
    /// The bulkhead of `context`, for calls that nest to `call_depth`.
    pub fn new(context: &ContextName, max_requests: u32, call_depth: u32) -> Self {
        let depths = (0..=call_depth).map(|_| Arc::new(Semaphore::new(max_requests as usize)));
        Self {
            context: context.clone(),
            depths: depths.collect(),
            slots: None,
            pending: AtomicU32::new(0),
            max_running: max_requests,
        }
    }

    /// The same for a context that is scaled, with so many slots to begin with; `wanted` is told when somebody waits while there are none.
    pub fn scaled(mut self, slots: u32, wanted: Arc<Notify>) -> Self {
        self.slots = Some(ContextSlots::new(slots.min(self.max_running), wanted));
        self
    }

    /// Its slots, where it is scaled.
    pub fn slots(&self) -> Option<&Arc<ContextSlots>> {
        self.slots.as_ref()
    }

    /// How many may run at once at most.
    pub fn max_running(&self) -> u32 {
        self.max_running
    }

    /// A place to run in at a depth, if one is free.
    pub(super) fn try_enter(&self, depth: u32) -> Option<Permit> {
        if let (0, Some(slots)) = (depth, &self.slots) {
            return slots.try_take().map(Permit::slot);
        }
        let place = self.places(depth)?.try_acquire_owned().ok();
        place.map(Permit::place)
    }

    /// A place to run in at a depth, until the deadline.
    ///
    /// # Errors
    ///
    /// [`Failure::Overloaded`] when none came free in time.
    pub(super) async fn enter(&self, depth: u32, deadline: Instant) -> Result<Permit, Failure> {
        if let Some(permit) = self.try_enter(depth) {
            return Ok(permit);
        }
        let _waiting = self.wait();
        let waiting = Box::pin(tokio::time::timeout_at(deadline, self.next(depth)));
        waiting
            .await
            .ok()
            .flatten()
            .ok_or_else(|| self.overloaded())
    }

    /// The next place at a depth that comes free.
    async fn next(&self, depth: u32) -> Option<Permit> {
        if let (0, Some(slots)) = (depth, &self.slots) {
            return slots.take().await.map(Permit::slot);
        }
        let place = self.places(depth)?.acquire_owned().await.ok();
        place.map(Permit::place)
    }

    /// A place to run in, however long it takes: for work that would only come again, such as events.
    pub(super) async fn enter_patiently(&self) -> Option<Permit> {
        if let Some(slots) = &self.slots {
            return slots.take().await.map(Permit::slot);
        }
        // `None` only after the semaphore was closed, which nobody does.
        self.places(0)?
            .acquire_owned()
            .await
            .ok()
            .map(Permit::place)
    }

    /// How many run.
    pub fn running(&self) -> u32 {
        let free =
            |places: &Arc<Semaphore>| u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        let running = |places| self.max_running.saturating_sub(free(places));
        let first = self.slots.as_ref().map_or(0, |slots| slots.running());
        self.depths.iter().map(running).sum::<u32>() + first
    }

    /// How many of what comes from outside run or wait.
    pub fn first_wanted(&self) -> u32 {
        let free = self
            .depths
            .first()
            .map_or(0, |first| first.available_permits());
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        self.max_running
            .saturating_sub(free)
            .saturating_add(self.pending())
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
        let admission = Admission::new(&"room".into(), 1, 2);
        let first = admission.enter(0, late()).await.unwrap();
        let called = admission.enter(1, late()).await.unwrap();
        let again = admission.enter(2, late()).await.unwrap();
        assert_eq!(admission.running(), 3);
        drop((first, called, again));
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test]
    async fn slots_bound_what_comes_from_outside_and_not_what_is_called() {
        let admission = Admission::new(&"room".into(), 8, 1).scaled(1, Arc::default());
        let first = admission.enter(0, late()).await.unwrap();
        assert!(
            admission.enter(0, Instant::now()).await.is_err(),
            "there is only one"
        );
        let called = admission.enter(1, late()).await.unwrap();
        let beside = admission.enter(1, late()).await.unwrap();
        assert_eq!(admission.running(), 3);
        admission.slots().unwrap().resize(2);
        let second = admission.enter_patiently().await.unwrap();
        drop((first, called, beside, second));
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test]
    async fn who_waits_is_counted_and_gets_what_comes_free() {
        let admission = Arc::new(Admission::new(&"room".into(), 1, 1));
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
