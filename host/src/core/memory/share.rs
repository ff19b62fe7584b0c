//! What contexts have of a budget.
//!
//! A context holds so many times as much as it leaves for others, and no more. So there is always something left, whatever how many contexts want.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Instant, timeout_at};

use super::wait_queue::Rank;
use super::{Budget, Exhausted};

/// How many times as much a context of the default weight may hold as is left then: one that takes all it may leaves a ninth. A guest that is alone may have all.
const REACH: u64 = 8;
const DEFAULT_WEIGHT: u64 = 100;

/// A context's share of a budget.
#[derive(Debug)]
pub struct MemoryShare {
    pub(super) budget: Arc<Budget>,
    weight: u64,
    /// Its number in the queue.
    pub(super) number: u64,
    held: AtomicU64,
}

/// Bytes that are held for a context until this is dropped.
#[derive(Debug)]
pub struct Holding {
    share: Arc<MemoryShare>,
    bytes: u64,
    /// Whether somebody who holds something waits for whom this is for.
    is_called: bool,
}

impl MemoryShare {
    pub(super) fn new(budget: &Arc<Budget>, weight: u32) -> Arc<Self> {
        Arc::new(Self {
            budget: budget.clone(),
            weight: u64::from(weight.max(1)),
            number: budget.queue.number(),
            held: AtomicU64::new(0),
        })
    }

    /// Holds nothing yet.
    pub fn nothing(self: &Arc<Self>) -> Holding {
        Holding {
            share: self.clone(),
            bytes: 0,
            is_called: false,
        }
    }

    /// How many bytes are held for the context.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// How much it would hold with so many bytes more, by its weight.
    pub(super) fn with(&self, bytes: u64) -> u64 {
        // So that weights still differ where little is held.
        const SCALE: u64 = 1 << 16;
        let held = self.held().saturating_add(bytes);
        held.saturating_mul(SCALE) / self.weight
    }

    /// Whether somebody who holds `own` bytes may have so many more, as far as others want some, too.
    fn leaves_enough(&self, bytes: u64, own: u64) -> bool {
        let held = self.held();
        let left = self.budget.left().saturating_sub(bytes);
        let reach = left.saturating_mul(REACH * self.weight) / DEFAULT_WEIGHT;
        held == own || held.saturating_add(bytes) <= reach
    }

    /// So many bytes for somebody who holds `own` bytes.
    pub(super) fn take(self: &Arc<Self>, bytes: u64, own: u64) -> Result<Holding, Exhausted> {
        if !self.leaves_enough(bytes, own) {
            return Err(self.budget.exhausted());
        }
        self.budget.take(bytes)?;
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(Holding {
            share: self.clone(),
            bytes,
            is_called: false,
        })
    }
}

impl Holding {
    /// The same, for a guest that was called: it goes before those of its context that were not.
    #[must_use]
    pub fn called(mut self) -> Self {
        self.is_called = true;
        self
    }

    fn rank(&self) -> Rank {
        match (self.bytes, self.is_called) {
            (1.., _) => Rank::Holds,
            (0, true) => Rank::IsCalled,
            (0, false) => Rank::Begins,
        }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds more. Who holds nothing yet waits behind those who do so already.
    ///
    /// # Errors
    ///
    /// When there is not so much, or others go first; it stays as it was then.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        if bytes == 0 {
            return Ok(());
        }
        let share = &self.share;
        if self.bytes == 0 && !share.budget.queue.lets_begin(share, bytes, self.rank()) {
            return Err(share.budget.exhausted());
        }
        let taken = share.take(bytes, self.bytes)?;
        self.add(taken);
        Ok(())
    }

    /// Holds more as soon as there is so much, and it is its turn.
    ///
    /// # Errors
    ///
    /// When that is not until then, or there can never be so much; it stays as it was then.
    pub async fn grow_until(&mut self, bytes: u64, until: Instant) -> Result<(), Exhausted> {
        let Err(exhausted) = self.grow(bytes) else {
            return Ok(());
        };
        if self.bytes.saturating_add(bytes) > self.share.budget.most() {
            return Err(exhausted);
        }
        let share = self.share.clone();
        let mut waiting = share
            .budget
            .queue
            .wait(&share, bytes, self.bytes, self.rank());
        match Box::pin(timeout_at(until, &mut waiting.granted)).await {
            Ok(Ok(granted)) => {
                self.add(granted);
                Ok(())
            }
            _ => Err(exhausted),
        }
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes > 0 {
            self.share.held.fetch_sub(bytes, Ordering::Relaxed);
            self.share.budget.give_back(bytes);
        }
    }

    fn add(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinHandle;

    use super::*;

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// Waits for so many bytes, in a task of its own that stands in the queue when this returns.
    async fn wait(share: &Arc<MemoryShare>, bytes: u64) -> JoinHandle<Holding> {
        let mut holding = share.nothing();
        let waiting = share.budget.queue.length();
        let task = tokio::spawn({
            async move {
                holding.grow_until(bytes, late()).await.unwrap();
                holding
            }
        });
        while share.budget.queue.length() == waiting {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn settle() {
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_takes_all_it_may_leaves_something() {
        let budget = Budget::new(1_000).guests(900);
        let mut held = Vec::new();
        let fill = |share: &Arc<MemoryShare>, held: &mut Vec<Holding>| {
            loop {
                let mut holding = share.nothing();
                if holding.grow(10).is_err() {
                    return;
                }
                held.push(holding);
            }
        };
        let shares: Vec<_> = (0..3).map(|_| budget.share(100)).collect();
        for (share, left) in shares.iter().zip([100, 20, 10]) {
            fill(share, &mut held);
            assert_eq!(900 - budget.held(), left);
            let mut modest = budget.share(100).nothing();
            modest.grow(10).unwrap();
        }
        // Who runs alone may have all of it.
        held.clear();
        let mut alone = shares[0].nothing();
        alone.grow(800).unwrap();
        alone.grow(100).unwrap();
    }

    #[tokio::test]
    async fn however_many_wait_of_one_context_another_goes_first() {
        let budget = Budget::new(1_000).guests(900);
        let [greedy, modest, other] = [(); 3].map(|()| budget.share(100));
        let mut held: Vec<_> = (0..80).map(|_| greedy.nothing()).collect();
        for holding in &mut held {
            holding.grow(10).unwrap();
        }
        let mut rest = other.nothing();
        rest.grow(100).unwrap();
        let mut many = Vec::new();
        for _ in 0..50 {
            many.push(wait(&greedy, 10).await);
        }
        let few = [wait(&modest, 1).await, wait(&modest, 1).await];
        // The first that is given back is for whoever has nothing, though it came last.
        held.pop();
        for one in few {
            assert_eq!(one.await.unwrap().bytes(), 1);
        }
        drop(rest);
        settle().await;
        let begun = many.iter().filter(|one| one.is_finished()).count();
        assert_eq!(begun, 1, "as many as it may have");
        assert!(many[0].is_finished(), "the first that came");
        for one in many {
            one.abort();
            let _ = one.await;
        }
        drop(held);
        assert_eq!((budget.held(), greedy.held(), modest.held()), (0, 0, 0));
        assert_eq!(budget.queue.length(), 0);
    }

    #[tokio::test]
    async fn weights_are_proportions() {
        let budget = Budget::new(1_000).guests(400);
        let (heavy, light) = (budget.share(300), budget.share(100));
        let mut all = heavy.nothing();
        all.grow(400).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..60 {
            waiting.push(wait(&light, 10).await);
            waiting.push(wait(&heavy, 10).await);
        }
        drop(all);
        settle().await;
        // Three to one, and a little is left.
        let held = (heavy.held(), light.held());
        assert!(matches!(held, (270..=300, 90..=100)), "{held:?}");
        waiting.iter().for_each(JoinHandle::abort);
    }

    #[tokio::test]
    async fn nobody_overtakes_but_who_holds_something_and_takes_what_is_too_little() {
        let budget = Budget::new(1_000).guests(100);
        let (busy, large) = (budget.share(100), budget.share(100));
        let mut running = busy.nothing();
        running.grow(60).unwrap();
        let waiting = wait(&large, 50).await;
        // It would hold more than the one that waits, and has not begun.
        assert!(busy.nothing().grow(10).is_err());
        running.grow(20).unwrap();
        settle().await;
        assert!(!waiting.is_finished());
        // Who would hold less than the one that waits goes before it.
        let mut small = budget.share(100).nothing();
        small.grow(10).unwrap();
        drop(running);
        assert_eq!(waiting.await.unwrap().bytes(), 50);
    }

    #[tokio::test]
    async fn who_gives_up_is_in_nobodys_way() {
        let budget = Budget::new(2_000).guests(1_000);
        let (first, second) = (budget.share(100), budget.share(100));
        let mut held = second.nothing();
        held.grow(300).unwrap();
        let impatient = wait(&first, 800).await;
        let patient = wait(&second, 550).await;
        settle().await;
        assert!(!patient.is_finished());
        impatient.abort();
        let patient = patient.await.unwrap();
        assert_eq!(patient.bytes(), 550);
        let soon = Instant::now() + Duration::from_millis(10);
        assert!(first.nothing().grow_until(800, soon).await.is_err());
        assert!(first.nothing().grow_until(1_001, late()).await.is_err());
        assert_eq!(budget.queue.length(), 0);
    }
}
