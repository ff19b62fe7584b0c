//! The memory of guests: reserved before one begins, by what others like it needed.
//!
//! A guest that has some memory and waits for more keeps others from theirs, and many of them would wait for each other. So an invocation waits before its guest
//! begins, until there is as much as its version needed lately, and it is its turn (`memory/line.rs`). What it needs beyond that is there, or comes soon, or it is
//! refused. A guest that was called waits for a moment only, too: its callers have theirs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::core::memory::{Exhausted, Holding, MemoryShare};
use crate::versions::MemoryEstimate;

/// How long a guest that runs waits for more memory.
const WAIT: Duration = Duration::from_millis(250);

/// The memory of one guest.
pub(super) struct GuestMemory {
    holding: Holding,
    used: u64,
    is_called: bool,
    /// Until when it waits as long as it holds nothing.
    patience: Option<Instant>,
}

impl GuestMemory {
    /// Of a guest at this depth of a call.
    pub(super) fn of(share: &Arc<MemoryShare>, depth: u32) -> Self {
        let is_called = depth > 0;
        Self {
            holding: match is_called {
                true => share.nothing().called(),
                false => share.nothing(),
            },
            used: 0,
            is_called,
            patience: None,
        }
    }

    /// Reserves what is foreseen, as soon as there is so much; one that is called, at a depth from 1, waits no longer than for more.
    pub(super) async fn begin(
        &mut self,
        memory_estimate: &MemoryEstimate,
        deadline: Instant,
    ) -> Result<(), Exhausted> {
        let until = match self.is_called {
            false => deadline,
            true => deadline.min(Instant::now() + WAIT),
        };
        self.patience = Some(until);
        self.holding
            .grow_until(memory_estimate.bytes(), until)
            .await
    }

    /// Takes what the guest's memory grows by from what is reserved. False when that is not enough: then see [`GuestMemory::grow`].
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        let used = self.used + bytes;
        let missing = used.saturating_sub(self.holding.bytes());
        let is_there = self.holding.grow(missing).is_ok();
        if is_there {
            self.used = used;
        }
        is_there
    }

    /// The same, waiting a moment for what others give back.
    pub(super) async fn grow(&mut self, bytes: u64, deadline: Instant) -> bool {
        let missing = (self.used + bytes).saturating_sub(self.holding.bytes());
        let soon = deadline.min(Instant::now() + WAIT);
        // Nobody waits for what it holds as long as that is nothing: the first guest of a version, of which nobody knows what it needs, begins here.
        let until = match self.holding.bytes() {
            0 => self.patience.map_or(soon, |patience| patience.max(soon)),
            _ => soon,
        };
        let is_there = self.holding.grow_until(missing, until).await.is_ok();
        if is_there {
            self.used += bytes;
        }
        is_there
    }

    /// The guest is gone.
    pub(super) fn end(&mut self, memory_estimate: &MemoryEstimate) {
        memory_estimate.note(self.used);
        self.used = 0;
        self.holding.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::memory::Budget;

    #[tokio::test]
    async fn what_was_needed_is_there_the_next_time_and_forgotten_in_time() {
        let budget = Budget::new(100);
        let share = budget.share(100);
        let memory_estimate = MemoryEstimate::default();
        let soon = || Instant::now() + Duration::from_millis(10);
        let mut first = GuestMemory::of(&share, 0);
        first.begin(&memory_estimate, soon()).await.unwrap();
        assert!(first.take(40) && first.take(20));
        assert!(!first.take(50) && !first.grow(50, soon()).await);
        first.end(&memory_estimate);
        assert_eq!(budget.held(), 0);
        let mut second = GuestMemory::of(&share, 0);
        second.begin(&memory_estimate, soon()).await.unwrap();
        assert_eq!(budget.held(), 60);
        // It waits while it holds nothing.
        let mut third = GuestMemory::of(&share, 0);
        assert!(third.begin(&memory_estimate, soon()).await.is_err());
        assert_eq!(budget.held(), 60);
        assert!(second.take(60));
        assert_eq!(budget.held(), 60);
        drop(second);
        assert_eq!(budget.held(), 0);
        for _ in 0..64 {
            let mut small = GuestMemory::of(&share, 0);
            small.begin(&memory_estimate, soon()).await.unwrap();
            assert!(small.take(1));
            small.end(&memory_estimate);
        }
        assert!(memory_estimate.bytes() < 10, "{}", memory_estimate.bytes());
    }
}
