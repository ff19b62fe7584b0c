//! The keys whose requests still run, so that a repeat waits for the first of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::invocation::Failure;

/// How long a repeat waits for the first request before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The keys whose first request still runs, of one context.
#[derive(Clone, Default)]
pub struct KeysInProgress(Arc<Mutex<HashMap<String, watch::Receiver<()>>>>);

impl KeysInProgress {
    /// Marks a key as running until the mark is dropped. A repeat that comes meanwhile waits a moment for the first to end.
    ///
    /// # Errors
    ///
    /// [`Failure::KeyInProgress`] when the first has not ended by then.
    pub async fn enter(&self, key: &str, deadline: Instant) -> Result<InProgress, Failure> {
        let give_up = deadline.min(Instant::now() + PATIENCE);
        loop {
            match self.try_enter(key) {
                Ok(entered) => return Ok(entered),
                Err(first) => ended(first, give_up).await?,
            }
        }
    }

    /// Waits a moment for a request with this key to end, if one runs, and marks nothing.
    ///
    /// # Errors
    ///
    /// [`Failure::KeyInProgress`] when it has not ended by then.
    pub async fn wait(&self, key: &str, deadline: Instant) -> Result<(), Failure> {
        let first = self.0.lock().get(key).cloned();
        match first {
            Some(first) => ended(first, deadline.min(Instant::now() + PATIENCE)).await,
            None => Ok(()),
        }
    }

    /// Marks a key as running, or says whom to wait for.
    pub fn try_enter(&self, key: &str) -> Result<InProgress, watch::Receiver<()>> {
        let mut keys = self.0.lock();
        if let Some(first) = keys.get(key) {
            return Err(first.clone());
        }
        let (done, running) = watch::channel(());
        keys.insert(key.to_owned(), running);
        Ok(InProgress {
            keys: self.clone(),
            key: key.to_owned(),
            _done: done,
        })
    }
}

/// Waits until a request has ended.
async fn ended(mut first: watch::Receiver<()>, give_up: Instant) -> Result<(), Failure> {
    // The sender is dropped with the mark; nothing is ever sent.
    match tokio::time::timeout_at(give_up, first.changed()).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::KeyInProgress {
            retry_after: PATIENCE,
        }),
    }
}

/// The mark of a key whose request runs.
pub struct InProgress {
    keys: KeysInProgress,
    key: String,
    _done: watch::Sender<()>,
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn what_an_earlier_host_began_is_waited_for_and_not_marked() {
        let keys = KeysInProgress::default();
        let resumed = keys.try_enter("a").ok().unwrap();
        assert!(matches!(
            keys.wait("a", late()).await,
            Err(Failure::KeyInProgress { .. })
        ));
        drop(resumed);
        keys.wait("a", late()).await.unwrap();
        assert!(keys.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_repeat_waits_for_the_first() {
        let keys = KeysInProgress::default();
        let first = keys.enter("a", late()).await.unwrap();
        let other = keys.enter("b", late()).await.unwrap();
        let repeat = tokio::spawn({
            let keys = keys.clone();
            async move { keys.enter("a", late()).await.is_ok() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(repeat.await.unwrap());
        drop(other);
        assert!(keys.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_repeat_does_not_wait_for_ever() {
        let keys = KeysInProgress::default();
        let _first = keys.enter("a", late()).await.unwrap();
        assert!(matches!(
            keys.enter("a", late()).await,
            Err(Failure::KeyInProgress { .. })
        ));
    }
}
