//! Locks of keys: how an invocation that met a conflict gets through, however hot its keys are.
//!
//! Keys fall into 64 stripes. After a conflict the invocation takes the stripes of the keys that it lost to, in order, and runs again. Meanwhile everyone
//! else who touches a key of those stripes stops at once and queues for them, instead of running on to a conflict of its own. After some more
//! conflicts it takes all stripes. Whoever is called, directly or not, by the holder is let pass: it could not wait for its own caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};

const STRIPES: usize = 64;

/// A set of stripes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockSet(u64);

impl LockSet {
    /// Every stripe.
    pub const ALL: Self = Self(u64::MAX);

    /// The stripe of a key.
    pub fn of(key: &[u8]) -> Self {
        Self(1 << (twox_hash::XxHash64::oneshot(0, key) % STRIPES as u64))
    }

    /// Both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The stripes of one context.
pub struct KeyLocks {
    stripes: Vec<Arc<Mutex<()>>>,
    taken: Arc<AtomicU64>,
}

impl Default for KeyLocks {
    fn default() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Arc::default()).collect(),
            taken: Arc::default(),
        }
    }
}

impl KeyLocks {
    /// Waits for some stripes, in their order, so that two who wait cannot wait for each other.
    pub async fn take(&self, stripes: LockSet) -> HeldLocks {
        let mut held = HeldLocks {
            stripes: LockSet::default(),
            taken: self.taken.clone(),
            guards: Vec::new(),
        };
        for (index, stripe) in self.stripes.iter().enumerate() {
            let bit = 1 << index;
            if stripes.0 & bit != 0 {
                held.guards.push(stripe.clone().lock_owned().await);
                self.taken.fetch_or(bit, Ordering::AcqRel);
                held.stripes.0 |= bit;
            }
        }
        held
    }

    /// Whether a key is somebody else's turn.
    pub fn is_taken(&self, key: &[u8], mine: LockSet) -> bool {
        let taken = self.taken.load(Ordering::Acquire) & !mine.0;
        taken != 0 && taken & LockSet::of(key).0 != 0
    }
}

/// Some stripes, held until dropped.
pub struct HeldLocks {
    stripes: LockSet,
    taken: Arc<AtomicU64>,
    guards: Vec<OwnedMutexGuard<()>>,
}

impl HeldLocks {
    /// The stripes that are held.
    pub fn stripes(&self) -> LockSet {
        self.stripes
    }
}

impl Drop for HeldLocks {
    fn drop(&mut self) {
        // First the marks, then the locks: the next holder sets its own marks afterwards.
        self.taken.fetch_and(!self.stripes.0, Ordering::AcqRel);
        self.guards.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_seen_by_others_and_not_by_its_holder() {
        let locks = KeyLocks::default();
        let held = locks.take(LockSet::of(b"hot")).await;
        assert!(locks.is_taken(b"hot", LockSet::default()));
        assert!(!locks.is_taken(b"hot", held.stripes()));
        drop(held);
        assert!(!locks.is_taken(b"hot", LockSet::default()));
    }

    #[tokio::test]
    async fn those_who_overlap_take_turns() {
        let locks = Arc::new(KeyLocks::default());
        let first = locks.take(LockSet::ALL).await;
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move {
                locks
                    .take(LockSet::of(b"a").and(LockSet::of(b"b")))
                    .await
                    .stripes()
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(
            waiting.await.unwrap(),
            LockSet::of(b"a").and(LockSet::of(b"b"))
        );
    }
}
