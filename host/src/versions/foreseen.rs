//! What the guests of a version are expected to need of memory, by what the last ones needed.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the guests of a version needed lately, in bytes.
#[derive(Debug, Default)]
pub struct Foreseen(AtomicU64);

impl Foreseen {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One needed so much. Large ones are remembered for a while, and forgotten when small ones follow.
    pub(crate) fn note(&self, bytes: u64) {
        let before = self.bytes();
        let after = bytes.max(before - before / 8);
        if after != before {
            self.0.store(after, Ordering::Relaxed);
        }
    }
}
