//! An estimate of the memory that a guest of a version needs, from what its latest guests needed.

use std::sync::atomic::{AtomicU64, Ordering};

/// An estimate of the memory that a guest of a version needs, in bytes.
#[derive(Debug, Default)]
pub struct MemoryEstimate(AtomicU64);

impl MemoryEstimate {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes what a guest needed. The estimate rises at once, and falls by an eighth with each guest that needs less.
    pub(crate) fn note(&self, bytes: u64) {
        let before = self.bytes();
        let after = bytes.max(before - before / 8);
        if after != before {
            self.0.store(after, Ordering::Relaxed);
        }
    }
}
