//! The connection pool of a pair: how much of the caller's is under way at the callee, and how much may wait.
//!
//! Calls within the host have no connections that could be kept; a connection is what one request or call has while it is under way. Where connections serve a
//! number of requests only, the request that opens one is pending until its guest begins.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::core::ContextName;
use crate::invocation::admission::{Admission, Permit};
use crate::manifest::CircuitBreaker;

/// The connections of one caller to one callee.
pub(super) struct Pool {
    /// By the depth of the call, since one that others wait for must not wait for theirs.
    connections: Option<Admission>,
    requests_per_connection: Option<NonZeroU32>,
    /// How many requests there were, where connections serve a number of them only.
    requests: AtomicU32,
    pending: Arc<AtomicU32>,
    max_pending: u32,
}

/// There is no connection to be had, and as many wait for one as may, or it took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// What one request or call has of the pool while it is under way.
#[derive(Default)]
pub(in crate::invocation) struct Connection {
    _place: Option<Permit>,
    /// While it is being opened.
    pending: Mutex<Option<Pending>>,
}

impl Connection {
    /// The guest begins, so it is open.
    pub(in crate::invocation) fn open(&self) {
        self.pending.lock().take();
    }
}

/// One that waits, until it is dropped.
struct Pending(Arc<AtomicU32>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Pool {
    /// Without connections.
    pub(super) fn new(callee: &ContextName, settings: &CircuitBreaker, call_depth: u32) -> Self {
        let connections = settings.max_connections;
        Self {
            connections: connections.map(|most| Admission::new(callee, most.get(), call_depth)),
            requests_per_connection: settings.max_requests_per_connection,
            requests: AtomicU32::new(0),
            pending: Arc::default(),
            max_pending: settings.max_pending_requests,
        }
    }

    /// How many wait.
    pub(super) fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
    }

    /// A connection, and a place among what the callee runs at once, until the deadline.
    pub(super) async fn enter(
        &self,
        admission: &Admission,
        depth: u32,
        deadline: Instant,
    ) -> Result<(Permit, Connection), Exhausted> {
        let opens = self.opens_one();
        let mut pending = match opens {
            true => Some(self.wait()?),
            false => None,
        };
        let mut taken = None;
        if let Some(connections) = &self.connections {
            taken = Some(
                self.take(connections, depth, deadline, &mut pending)
                    .await?,
            );
        }
        let place = self.take(admission, depth, deadline, &mut pending).await?;
        let connection = Connection {
            _place: taken,
            pending: Mutex::new(pending.filter(|_| opens)),
        };
        Ok((place, connection))
    }

    /// One of the places; waiting for it makes the request a pending one.
    async fn take(
        &self,
        places: &Admission,
        depth: u32,
        deadline: Instant,
        pending: &mut Option<Pending>,
    ) -> Result<Permit, Exhausted> {
        if let Some(place) = places.try_enter(depth) {
            return Ok(place);
        }
        if pending.is_none() {
            *pending = Some(self.wait()?);
        }
        places.enter(depth, deadline).await.map_err(|_| Exhausted)
    }

    /// Whether the next request finds no connection that is open.
    fn opens_one(&self) -> bool {
        let Some(most) = self.requests_per_connection else {
            return false;
        };
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        before % most == 0
    }

    fn wait(&self) -> Result<Pending, Exhausted> {
        let before = self.pending.fetch_add(1, Ordering::AcqRel);
        let pending = Pending(self.pending.clone());
        match before >= self.max_pending {
            true => Err(Exhausted),
            false => Ok(pending),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    fn pool(settings: CircuitBreaker) -> Pool {
        Pool::new(&"room".into(), &settings, 2)
    }

    fn number(number: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(number)
    }

    #[tokio::test]
    async fn beyond_the_pending_bound_work_is_turned_away_at_once() {
        let admission = Arc::new(Admission::new(&"room".into(), 1, 2));
        let pool = Arc::new(pool(CircuitBreaker {
            max_pending_requests: 1,
            ..CircuitBreaker::default()
        }));
        let (place, _) = pool.enter(&admission, 0, late()).await.unwrap();
        let waiting = tokio::spawn({
            let (pool, admission) = (pool.clone(), admission.clone());
            async move { pool.enter(&admission, 0, late()).await.is_ok() }
        });
        while pool.pending() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.enter(&admission, 0, late()).await.is_err());
        drop(place);
        assert!(waiting.await.unwrap());
        assert_eq!((admission.running(), pool.pending()), (0, 0));
    }

    #[tokio::test]
    async fn who_opens_a_connection_is_pending_until_its_guest_begins() {
        let admission = Admission::new(&"room".into(), 8, 2);
        let one_each = pool(CircuitBreaker {
            max_pending_requests: 1,
            max_requests_per_connection: number(1),
            ..CircuitBreaker::default()
        });
        let (_place, first) = one_each.enter(&admission, 0, late()).await.unwrap();
        assert_eq!(one_each.pending(), 1);
        assert!(one_each.enter(&admission, 0, late()).await.is_err());
        first.open();
        assert_eq!(one_each.pending(), 0);
        let (_place, second) = one_each.enter(&admission, 0, late()).await.unwrap();
        drop(second);
        assert_eq!(one_each.pending(), 0, "one that never began");
        let three_each = pool(CircuitBreaker {
            max_requests_per_connection: number(3),
            ..CircuitBreaker::default()
        });
        let mut opened = Vec::new();
        for _ in 0..7 {
            opened.push(three_each.enter(&admission, 1, late()).await.unwrap());
        }
        assert_eq!(three_each.pending(), 3);
    }

    #[tokio::test]
    async fn a_caller_has_so_many_connections_and_one_that_others_wait_for_finds_one() {
        let admission = Admission::new(&"room".into(), 8, 2);
        let pool = pool(CircuitBreaker {
            max_connections: number(1),
            max_pending_requests: 0,
            ..CircuitBreaker::default()
        });
        let first = pool.enter(&admission, 1, late()).await.unwrap();
        assert!(pool.enter(&admission, 1, late()).await.is_err());
        // It is called by what the first one calls.
        let nested = pool.enter(&admission, 2, late()).await.unwrap();
        drop((first, nested));
        assert!(pool.enter(&admission, 1, late()).await.is_ok());
        assert_eq!(admission.running(), 0);
    }
}
