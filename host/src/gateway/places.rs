//! The places that a port has for connections.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::signs::Signs;

/// How often it is being looked for a connection that has become idle, while all places are taken and somebody waits.
const LOOK: Duration = Duration::from_millis(50);

/// How long one that was let go may take to leave before another is.
const LEAVING: Duration = Duration::from_secs(1);

/// The places that a port has. Who is idle makes room for who comes.
#[derive(Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken {
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Connection>>,
}

struct Connection {
    signs: Arc<Signs>,
    release: CancellationToken,
}

/// A place that is free.
#[derive(Debug)]
pub(crate) struct Free(OwnedSemaphorePermit);

/// A place that a connection has until this is dropped.
pub(crate) struct Place {
    taken: Arc<Taken>,
    key: u64,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            taken: Arc::default(),
        }
    }

    /// A place, if there is one.
    pub(crate) fn try_find(&self) -> Option<Free> {
        let permit = Arc::clone(&self.free).try_acquire_owned();
        permit.ok().map(Free)
    }

    /// Waits for a place. When all are taken, the connection that has been idle for longest is let go.
    pub(crate) async fn find(&self) -> Free {
        loop {
            if let Some(free) = self.try_find() {
                return free;
            }
            let wait = match self.taken.let_the_idlest_go() {
                true => LEAVING,
                false => LOOK,
            };
            let freeing = Arc::clone(&self.free).acquire_owned();
            // The semaphore is never closed.
            if let Ok(Ok(permit)) = timeout(wait, freeing).await {
                return Free(permit);
            }
        }
    }

    /// Gives a place to a connection. `release` ends it.
    pub(crate) fn give(&self, free: Free, signs: Arc<Signs>, release: CancellationToken) -> Place {
        let key = self.taken.next.fetch_add(1, Relaxed);
        let connection = Connection { signs, release };
        self.taken.connections.lock().insert(key, connection);
        Place {
            taken: Arc::clone(&self.taken),
            key,
            _permit: free.0,
        }
    }
}

impl Taken {
    /// Says whether there was one.
    fn let_the_idlest_go(&self) -> bool {
        let connections = self.connections.lock();
        let idle = connections.values().filter_map(|connection| {
            let time = connection.signs.idle_for()?;
            Some((time, connection))
        });
        // One that begins a request just now keeps its place; the next look finds another.
        if let Some((_, idlest)) = idle.max_by_key(|(time, _)| *time)
            && idlest.signs.release()
        {
            idlest.release.cancel();
            return true;
        }
        false
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.connections.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(places: &Places, free: Free) -> (Arc<Signs>, CancellationToken, Place) {
        let signs = Arc::new(Signs::new(CancellationToken::new()));
        let release = CancellationToken::new();
        let place = places.give(free, Arc::clone(&signs), release.clone());
        (signs, release, place)
    }

    #[tokio::test]
    async fn who_has_been_idle_for_longest_makes_room() {
        let places = Places::new(2);
        let (busy, _, _first) = connect(&places, places.find().await);
        let request = busy.begin().unwrap();
        let (_, idle, second) = connect(&places, places.find().await);
        assert!(places.try_find().is_none());
        let finding = tokio::spawn({
            let places = places.clone();
            async move { places.find().await }
        });
        idle.cancelled().await;
        drop(second);
        let (_, release, third) = connect(&places, finding.await.unwrap());
        assert!(!release.is_cancelled());
        drop((request, third));
        assert!(places.taken.connections.lock().len() == 1);
    }

    #[tokio::test]
    async fn nobody_makes_room_who_is_being_answered() {
        let places = Places::new(1);
        let (signs, release, _place) = connect(&places, places.find().await);
        let request = signs.begin().unwrap();
        assert!(timeout(3 * LOOK, places.find()).await.is_err());
        assert!(!release.is_cancelled());
        drop(request);
        assert!(timeout(3 * LOOK, places.find()).await.is_err());
        assert!(release.is_cancelled());
    }
}
