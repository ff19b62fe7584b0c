//! The limit of open connections. When it is reached, the connection that has been idle for longest is closed for a new one.

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

use super::connection_state::ConnectionState;

/// How often to look for an idle connection while the limit is reached and a client waits.
const POLL: Duration = Duration::from_millis(50);

/// How long a connection may take to close before another one is closed.
const CLOSING: Duration = Duration::from_secs(1);

/// The limit of open connections of one port.
#[derive(Clone)]
pub(crate) struct ConnectionLimit {
    permits: Arc<Semaphore>,
    open: Arc<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Connection>>,
}

struct Connection {
    state: Arc<ConnectionState>,
    close: CancellationToken,
}

/// Permission to open a connection.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(OwnedSemaphorePermit);

/// A connection that counts towards the limit until this is dropped.
pub(crate) struct OpenConnection {
    open: Arc<OpenConnections>,
    key: u64,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLimit {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(most)),
            open: Arc::default(),
        }
    }

    /// A permit, unless the limit is reached.
    pub(crate) fn try_acquire(&self) -> Option<ConnectionPermit> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.ok().map(ConnectionPermit)
    }

    /// Waits for a permit. When the limit is reached, the connection that has been idle for longest is closed.
    pub(crate) async fn acquire(&self) -> ConnectionPermit {
        loop {
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
            let wait = match self.open.close_longest_idle() {
                true => CLOSING,
                false => POLL,
            };
            let freeing = Arc::clone(&self.permits).acquire_owned();
            // The semaphore is never closed.
            if let Ok(Ok(permit)) = timeout(wait, freeing).await {
                return ConnectionPermit(permit);
            }
        }
    }

    /// Registers a connection. Cancelling `close` closes it.
    pub(crate) fn register(
        &self,
        permit: ConnectionPermit,
        state: Arc<ConnectionState>,
        close: CancellationToken,
    ) -> OpenConnection {
        let key = self.open.next.fetch_add(1, Relaxed);
        let connection = Connection { state, close };
        self.open.connections.lock().insert(key, connection);
        OpenConnection {
            open: Arc::clone(&self.open),
            key,
            _permit: permit.0,
        }
    }
}

impl OpenConnections {
    /// Says whether there was one.
    fn close_longest_idle(&self) -> bool {
        let connections = self.connections.lock();
        let idle = connections.values().filter_map(|connection| {
            let time = connection.state.idle_for()?;
            Some((time, connection))
        });
        // One that begins a request just now stays open; the next look finds another.
        if let Some((_, idlest)) = idle.max_by_key(|(time, _)| *time)
            && idlest.state.close_if_idle()
        {
            idlest.close.cancel();
            return true;
        }
        false
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.open.connections.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(
        limit: &ConnectionLimit,
        permit: ConnectionPermit,
    ) -> (Arc<ConnectionState>, CancellationToken, OpenConnection) {
        let state = Arc::new(ConnectionState::new(CancellationToken::new()));
        let release = CancellationToken::new();
        let place = limit.register(permit, Arc::clone(&state), release.clone());
        (state, release, place)
    }

    #[tokio::test]
    async fn who_has_been_idle_for_longest_makes_room() {
        let limit = ConnectionLimit::new(2);
        let (busy, _, _first) = connect(&limit, limit.acquire().await);
        let request = busy.begin_request().unwrap();
        let (_, idle, second) = connect(&limit, limit.acquire().await);
        assert!(limit.try_acquire().is_none());
        let finding = tokio::spawn({
            let limit = limit.clone();
            async move { limit.acquire().await }
        });
        idle.cancelled().await;
        drop(second);
        let (_, release, third) = connect(&limit, finding.await.unwrap());
        assert!(!release.is_cancelled());
        drop((request, third));
        assert!(limit.open.connections.lock().len() == 1);
    }

    #[tokio::test]
    async fn nobody_makes_room_who_is_being_answered() {
        let limit = ConnectionLimit::new(1);
        let (state, release, _place) = connect(&limit, limit.acquire().await);
        let request = state.begin_request().unwrap();
        assert!(timeout(3 * POLL, limit.acquire()).await.is_err());
        assert!(!release.is_cancelled());
        drop(request);
        assert!(timeout(3 * POLL, limit.acquire()).await.is_err());
        assert!(release.is_cancelled());
    }
}
