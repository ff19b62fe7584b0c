//! Who is under way in a version, and how a version is emptied.
//!
//! An invocation takes a lease of the version that it begins with, and keeps it to its end. A version that others have taken over from is closed, so
//! nobody new gets one, and is empty when the last lease has ended; at a deadline those who still have one are told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Version;

/// How long those who are told to end may take for it.
const LEAVING: Duration = Duration::from_secs(5);

/// Who is under way in a version.
#[derive(Default)]
pub(super) struct Inflight {
    leases: AtomicUsize,
    is_closed: AtomicBool,
    left: Notify,
    eviction: Mutex<CancellationToken>,
}

/// How the emptying of a version ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everybody ended in time.
    Empty,
    /// So many did not: those that did not commit at that moment were cancelled, and nothing of them is committed.
    Forced(usize),
    /// It serves again.
    Reopened,
}

/// One invocation's use of a version.
pub struct Lease {
    version: Arc<Version>,
    /// The generation of the context's state that was serving when it began.
    pub generation: u32,
    eviction: CancellationToken,
}

impl Lease {
    /// Takes one; none when the version is closed, and another has taken over.
    pub(super) fn begin(version: &Arc<Version>, generation: u32) -> Option<Self> {
        let inflight = &version.inflight;
        // In this order: whoever closes either sees this lease, or is seen by it.
        inflight.leases.fetch_add(1, Ordering::SeqCst);
        if inflight.is_closed.load(Ordering::SeqCst) {
            inflight.leave();
            return None;
        }
        let eviction = inflight.eviction.lock().clone();
        Some(Self {
            version: version.clone(),
            generation,
            eviction,
        })
    }

    /// The version.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Resolves when the version's time to drain is over.
    pub async fn evicted(&self) {
        self.eviction.cancelled().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.version.inflight.leave();
    }
}

impl Inflight {
    fn leave(&self) {
        let before = self.leases.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.is_closed.load(Ordering::SeqCst) {
            self.left.notify_waiters();
        }
    }

    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.leases.load(Ordering::SeqCst)
    }

    /// Whether nobody new is let in.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Lets nobody new in.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Lets them in again. Where it is open already, those who are in can still be told to end.
    pub(super) fn open(&self) {
        if !self.is_closed() {
            return;
        }
        *self.eviction.lock() = CancellationToken::new();
        self.is_closed.store(false, Ordering::SeqCst);
        self.left.notify_waiters();
    }

    /// Waits until everybody has left who was in when it was closed, and has those end who are still there after `time`.
    pub(super) async fn drain(&self, time: Duration) -> Drained {
        if let Ok(drained) = tokio::time::timeout(time, self.empty()).await {
            return drained;
        }
        let left = self.count();
        self.eviction.lock().cancel();
        match tokio::time::timeout(LEAVING, self.empty()).await {
            Ok(Drained::Reopened) => Drained::Reopened,
            _ => Drained::Forced(left),
        }
    }

    async fn empty(&self) -> Drained {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if !self.is_closed.load(Ordering::SeqCst) {
                return Drained::Reopened;
            }
            if self.count() == 0 {
                return Drained::Empty;
            }
            left.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// So many who are under way.
    fn inflight(leases: usize) -> Arc<Inflight> {
        let inflight = Inflight::default();
        inflight.leases.store(leases, Ordering::SeqCst);
        Arc::new(inflight)
    }

    #[tokio::test]
    async fn it_is_empty_when_the_last_has_left() {
        let inflight = inflight(2);
        inflight.close();
        let draining = tokio::spawn({
            let inflight = inflight.clone();
            async move { inflight.drain(LONG).await }
        });
        tokio::task::yield_now().await;
        inflight.leave();
        tokio::task::yield_now().await;
        assert!(!draining.is_finished());
        inflight.leave();
        assert_eq!(draining.await.unwrap(), Drained::Empty);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_left_is_told_to_end() {
        let inflight = inflight(1);
        let told = inflight.eviction.lock().clone();
        // It was open: who is in has to hear of it all the same.
        inflight.open();
        inflight.close();
        assert_eq!(inflight.drain(LONG).await, Drained::Forced(1));
        assert!(told.is_cancelled());
        inflight.open();
        assert!(
            !inflight.eviction.lock().is_cancelled(),
            "who comes later is not"
        );
    }

    #[tokio::test]
    async fn what_serves_again_is_not_drained() {
        let inflight = inflight(1);
        inflight.close();
        let draining = tokio::spawn({
            let inflight = inflight.clone();
            async move { inflight.drain(LONG).await }
        });
        tokio::task::yield_now().await;
        inflight.open();
        assert_eq!(draining.await.unwrap(), Drained::Reopened);
    }
}
