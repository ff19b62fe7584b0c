//! What an attempt has read of its state, against what it may.

use super::failure::Failure;
use crate::journal::{Bounds, Entry};
use crate::manifest::ReadLimits;

/// How much was read.
pub(super) struct ReadUsage {
    limits: ReadLimits,
    keys: u64,
    bytes: u64,
}

impl ReadUsage {
    /// Nothing yet.
    pub(super) fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            keys: 0,
            bytes: 0,
        }
    }

    /// What is left, and one more: so that whoever reads that much is seen to.
    pub(super) fn bounds(&self) -> Bounds {
        let left = |limit: u64, spent: u64| {
            usize::try_from(limit.saturating_sub(spent).saturating_add(1)).unwrap_or(usize::MAX)
        };
        Bounds {
            entries: left(self.keys_limit(), self.keys),
            bytes: left(self.limits.bytes, self.bytes),
        }
    }

    /// Notes that so many keys were looked at, with so many bytes of values.
    ///
    /// # Errors
    ///
    /// When it is more than may be.
    pub(super) fn note(&mut self, keys: u64, bytes: usize) -> Result<(), Failure> {
        self.keys = self.keys.saturating_add(keys);
        self.bytes = self.bytes.saturating_add(bytes as u64);
        for (what, spent, limit) in [
            ("keys", self.keys, self.keys_limit()),
            ("bytes", self.bytes, self.limits.bytes),
        ] {
            if spent > limit {
                return Err(Failure::ReadTooMuch { what, limit });
            }
        }
        Ok(())
    }

    /// Notes what a scan has found.
    ///
    /// # Errors
    ///
    /// See [`ReadUsage::note`].
    pub(super) fn note_found(&mut self, found: &[Entry]) -> Result<(), Failure> {
        // A range without keys costs a look, too.
        self.note((found.len() as u64).max(1), bytes_of(found))
    }

    fn keys_limit(&self) -> u64 {
        u64::from(self.limits.keys.get())
    }
}

/// How many bytes of values some entries have.
pub(super) fn bytes_of(entries: &[Entry]) -> usize {
    entries.iter().map(|(_, value)| value.len()).sum()
}
