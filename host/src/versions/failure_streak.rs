//! Failures in a row: traps, missed deadlines and the like, which a guest cannot tell of itself.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

/// How many different invocations are told apart.
const MOST: usize = 64;

/// The failures of a version since an invocation of it succeeded.
#[derive(Default)]
pub(crate) struct FailureStreak {
    count: AtomicU32,
    /// The fingerprints of those that failed.
    different: Mutex<Vec<u64>>,
    /// Why the last one did.
    reason: Mutex<String>,
}

/// How many failed one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InARow {
    /// All of them.
    pub count: u32,
    /// How many of them were not repeats of another one.
    pub different: usize,
}

impl FailureStreak {
    /// An invocation failed for a reason; what it was about has this fingerprint.
    pub(crate) fn failed(&self, fingerprint: u64, reason: String) -> InARow {
        *self.reason.lock() = reason;
        let mut different = self.different.lock();
        if different.len() < MOST && !different.contains(&fingerprint) {
            different.push(fingerprint);
        }
        InARow {
            count: self.count.fetch_add(1, Ordering::Relaxed).saturating_add(1),
            different: different.len(),
        }
    }

    /// An invocation succeeded.
    pub(crate) fn succeeded(&self) {
        // Most often there is nothing to forget, and then this costs nothing.
        if self.count.load(Ordering::Relaxed) > 0 {
            let mut different = self.different.lock();
            self.count.store(0, Ordering::Relaxed);
            different.clear();
        }
    }

    /// Why the last one failed.
    pub(crate) fn last_reason(&self) -> String {
        self.reason.lock().clone()
    }

    /// How it stands.
    pub(crate) fn in_a_row(&self) -> InARow {
        InARow {
            count: self.count.load(Ordering::Relaxed),
            different: self.different.lock().len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_count_and_are_told_apart() {
        let streak = FailureStreak::default();
        for _ in 0..1_000 {
            streak.failed(7, "trap".to_owned());
        }
        let (count, different) = (1_001, 2);
        let last = streak.failed(8, "deadline".to_owned());
        assert_eq!(last, InARow { count, different });
        assert_eq!(streak.last_reason(), "deadline");
        streak.succeeded();
        let (count, different) = (0, 0);
        assert_eq!(streak.in_a_row(), InARow { count, different });
        for fingerprint in 0..1_000 {
            streak.failed(fingerprint, String::new());
        }
        assert_eq!(streak.in_a_row().different, MOST);
    }
}
