//! `Idempotency-Key`: one request runs, its repeats get its answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Failure;
use crate::core::{VerifiedIdentity, digest};

/// How long a repeat waits for the first request before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the repeats of a request are known by: nobody is given the answer to somebody else's request, or waits for that.
pub(super) fn known_by(key: &str, identity: Option<&VerifiedIdentity>) -> String {
    let key = key.as_bytes();
    let digest = match identity.map(VerifiedIdentity::person) {
        None => digest(&[key]),
        Some([issuer, subject]) => digest(&[issuer, subject, key]),
    };
    format!("key:{digest}")
}

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
            let mut first = match self.try_enter(key) {
                Ok(entered) => return Ok(entered),
                Err(first) => first,
            };
            // The sender is dropped with the mark; nothing is ever sent.
            if tokio::time::timeout_at(give_up, first.changed())
                .await
                .is_err()
            {
                return Err(Failure::KeyInProgress {
                    retry_after: PATIENCE,
                });
            }
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

    #[test]
    fn each_has_keys_of_his_own() {
        let [alice, bob] = ["alice", "bob"].map(VerifiedIdentity::of);
        let keys = [None, Some(&alice), Some(&bob)].map(|identity| known_by("a", identity));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        assert_eq!(keys[1], known_by("a", Some(&VerifiedIdentity::of("alice"))));
        assert_ne!(keys[1], known_by("b", Some(&alice)));
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
