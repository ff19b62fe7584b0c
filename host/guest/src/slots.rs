//! The places for live instances: a bound that makes callers wait instead of failing.
//!
//! A guest that calls another keeps its place while it waits for the answer. If those could take every place, nobody could answer them. So places are given
//! by the depth of the call: what is called deeper may take places that what is called less deep may not, and the deepest always finds one.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// So many depths are told apart; what is deeper counts as the last.
const DEPTHS: usize = 16;

/// As many places as the pooling allocator has slots.
#[derive(Clone)]
pub(super) struct Slots(Arc<Mutex<State>>);

struct State {
    /// How many places each depth has taken.
    taken: [u32; DEPTHS],
    /// How many places each depth and those before it may take together.
    limits: [u32; DEPTHS],
    /// Who waits: the deepest first, and then whoever came first.
    waiting: BTreeMap<(usize, u64), oneshot::Sender<Slot>>,
    arrivals: u64,
}

/// A place; free again when it is dropped.
pub(super) struct Slot {
    slots: Slots,
    depth: usize,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        // A first call may take all but a quarter, one below it all but an eighth, and so on; each depth has at least one more than that before it.
        let limits = std::array::from_fn(|depth| {
            let kept = (count >> (depth + 2)).max(u32::try_from(DEPTHS - 1 - depth).unwrap_or(0));
            let kept = if depth + 1 == DEPTHS { 0 } else { kept };
            count.saturating_sub(kept).max(1)
        });
        Self(Arc::new(Mutex::new(State {
            taken: [0; DEPTHS],
            limits,
            waiting: BTreeMap::new(),
            arrivals: 0,
        })))
    }

    /// A place for a call at a depth, from 0, until the deadline.
    pub(super) async fn take(&self, depth: u32, deadline: Instant) -> Option<Slot> {
        let depth = (depth as usize).min(DEPTHS - 1);
        let (key, given) = {
            let mut state = self.0.lock();
            if state.may_take(depth) {
                state.take(depth);
                return Some(self.slot(depth));
            }
            state.arrivals += 1;
            let key = (DEPTHS - depth, state.arrivals);
            let (give, given) = oneshot::channel();
            state.waiting.insert(key, give);
            (key, given)
        };
        let waiting = Waiting { slots: self, key };
        let given = Box::pin(tokio::time::timeout_at(deadline, given)).await;
        drop(waiting);
        given.ok()?.ok()
    }

    fn slot(&self, depth: usize) -> Slot {
        Slot {
            slots: self.clone(),
            depth,
        }
    }
}

impl State {
    fn may_take(&self, depth: usize) -> bool {
        let mut taken = 0;
        let places = self.taken.iter().zip(&self.limits).enumerate();
        for (at, (here, limit)) in places {
            taken += here;
            if at >= depth && taken >= *limit {
                return false;
            }
        }
        true
    }

    fn take(&mut self, depth: usize) {
        if let Some(taken) = self.taken.get_mut(depth) {
            *taken += 1;
        }
    }

    fn leave(&mut self, depth: usize) {
        if let Some(taken) = self.taken.get_mut(depth) {
            *taken = taken.saturating_sub(1);
        }
    }

    /// Whoever is next, if a place is free for it.
    fn next(&mut self) -> Option<(usize, oneshot::Sender<Slot>)> {
        // The first of each depth: one that may not go on must not keep back another that may.
        let mut from = 0;
        while let Some((&(order, arrival), _)) = self.waiting.range((from, 0)..).next() {
            let depth = DEPTHS - order;
            if self.may_take(depth) {
                let give = self.waiting.remove(&(order, arrival))?;
                return Some((depth, give));
            }
            from = order + 1;
        }
        None
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.0.lock().leave(self.depth);
        loop {
            let mut state = self.slots.0.lock();
            let Some((depth, give)) = state.next() else {
                return;
            };
            state.take(depth);
            drop(state);
            // Whoever does not wait any more leaves it at once.
            let _ = give.send(self.slots.slot(depth));
        }
    }
}

/// A wait that ends when it is dropped.
struct Waiting<'a> {
    slots: &'a Slots,
    key: (usize, u64),
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.slots.0.lock().waiting.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn the_deeper_finds_a_place_when_the_others_have_taken_theirs() {
        let slots = Slots::new(64);
        let mut taken = Vec::new();
        while let Some(slot) = slots.take(0, soon()).await {
            taken.push(slot);
        }
        assert_eq!(taken.len(), 48);
        for depth in 1..DEPTHS as u32 {
            let slot = slots.take(depth, soon()).await;
            assert!(slot.is_some(), "a place at depth {depth}");
            taken.extend(slot);
        }
    }

    #[tokio::test]
    async fn who_waits_gets_what_comes_free_deepest_first() {
        let slots = Slots::new(1);
        let first = slots.take(0, soon()).await.unwrap();
        assert!(slots.take(0, soon()).await.is_none(), "there is only one");
        let wait = |depth| {
            let slots = slots.clone();
            tokio::spawn(async move { slots.take(depth, late()).await.map(|_| Instant::now()) })
        };
        let shallow = wait(0);
        tokio::task::yield_now().await;
        let deep = wait(3);
        while slots.0.lock().waiting.len() < 2 {
            tokio::task::yield_now().await;
        }
        drop(first);
        let (shallow, deep) = (
            shallow.await.unwrap().unwrap(),
            deep.await.unwrap().unwrap(),
        );
        assert!(deep <= shallow);
        let state = slots.0.lock();
        assert!(state.waiting.is_empty());
        assert_eq!(state.taken, [0; DEPTHS]);
    }

    #[tokio::test]
    async fn a_place_that_nobody_waits_for_any_more_is_not_lost() {
        let slots = Slots::new(1);
        let first = slots.take(0, soon()).await.unwrap();
        assert!(slots.take(2, soon()).await.is_none());
        drop(first);
        assert!(slots.take(0, soon()).await.is_some());
    }
}
