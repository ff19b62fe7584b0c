//! The slots of a context that is scaled: how many of its first invocations run at once, of which there may be more or fewer while it runs.
//!
//! What is taken away is never taken from an invocation that has it: it goes when that ends.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::load_meter::{Load, LoadMeter};

/// The slots of a context.
pub struct ContextSlots {
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    /// Told when somebody waits while there is no slot at all.
    wanted: Arc<Notify>,
}

struct State {
    slots: u32,
    /// So many go when they come free.
    leaving: u32,
    meter: LoadMeter,
}

/// A slot that an invocation has.
pub(super) struct ContextSlot {
    permit: Option<OwnedSemaphorePermit>,
    slots: Arc<ContextSlots>,
}

impl ContextSlots {
    /// So many to begin with.
    pub(super) fn new(slots: u32, wanted: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(slots as usize)),
            state: Mutex::new(State {
                slots,
                leaving: 0,
                meter: LoadMeter::new(Instant::now()),
            }),
            wanted,
        })
    }

    /// A slot, if one is free.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<ContextSlot> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        let mut state = self.state.lock();
        state.meter.pass(Instant::now());
        state.meter.running += 1;
        drop(state);
        Some(self.slot(permit))
    }

    /// A slot, however long it takes; in the order in which they are asked for.
    pub(super) async fn take(self: &Arc<Self>) -> Option<ContextSlot> {
        let waiting = Waiting::begin(self);
        // Nobody closes it.
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        drop(waiting);
        let mut state = self.state.lock();
        state.meter.pass(Instant::now());
        state.meter.running += 1;
        drop(state);
        Some(self.slot(permit))
    }

    fn slot(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> ContextSlot {
        ContextSlot {
            permit: Some(permit),
            slots: self.clone(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.state.lock().slots
    }

    /// How many are taken.
    pub fn running(&self) -> u32 {
        self.state.lock().meter.running
    }

    /// How many invocations wait for one.
    pub fn waiting(&self) -> u32 {
        self.state.lock().meter.waiting
    }

    /// What ran and waited since this was asked last.
    pub fn take_load(&self) -> Load {
        self.state.lock().meter.take(Instant::now())
    }

    /// Makes them as many. Those that are too many and taken go when they come free.
    pub fn resize(&self, slots: u32) {
        self.resize_within(&mut self.state.lock(), slots);
    }

    /// Leaves none, unless somebody has one or waits for one.
    pub fn close_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        let is_idle = state.meter.running == 0 && state.meter.waiting == 0;
        if is_idle {
            self.resize_within(&mut state, 0);
        }
        is_idle
    }

    fn resize_within(&self, state: &mut State, slots: u32) {
        match slots.checked_sub(state.slots) {
            Some(more) => {
                // Those that were to go stay.
                let staying = more.min(state.leaving);
                state.leaving -= staying;
                self.permits.add_permits((more - staying) as usize);
            }
            None => {
                let fewer = state.slots - slots;
                let free = self.permits.forget_permits(fewer as usize);
                state.leaving += fewer.saturating_sub(u32::try_from(free).unwrap_or(u32::MAX));
            }
        }
        state.slots = slots;
    }
}

impl Drop for ContextSlot {
    fn drop(&mut self) {
        let mut state = self.slots.state.lock();
        state.meter.pass(Instant::now());
        state.meter.running = state.meter.running.saturating_sub(1);
        let permit = self.permit.take();
        // Under the lock: between the two nobody else may take away or add.
        if state.leaving > 0 {
            state.leaving -= 1;
            permit.into_iter().for_each(OwnedSemaphorePermit::forget);
        } else {
            drop(permit);
        }
    }
}

/// Somebody who waits for a slot.
struct Waiting<'a>(&'a ContextSlots);

impl<'a> Waiting<'a> {
    fn begin(slots: &'a ContextSlots) -> Self {
        let mut state = slots.state.lock();
        state.meter.pass(Instant::now());
        state.meter.waiting += 1;
        let is_none = state.slots == 0;
        drop(state);
        if is_none {
            slots.wanted.notify_one();
        }
        Self(slots)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.meter.pass(Instant::now());
        state.meter.waiting = state.meter.waiting.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn slots(count: u32) -> Arc<ContextSlots> {
        ContextSlots::new(count, Arc::default())
    }

    #[tokio::test]
    async fn what_is_taken_away_goes_when_it_comes_free() {
        let slots = slots(3);
        let mut taken: Vec<_> = (0..3).map_while(|_| slots.try_take()).collect();
        assert_eq!(taken.len(), 3);
        slots.resize(1);
        assert_eq!((slots.count(), slots.running()), (1, 3));
        taken.pop();
        assert!(slots.try_take().is_none(), "it has gone");
        // One of those that were to go stays, and one is new.
        slots.resize(3);
        let more = slots.try_take();
        assert!(more.is_some() && slots.try_take().is_none());
        drop((taken, more));
        let again: Vec<_> = (0..4).map_while(|_| slots.try_take()).collect();
        assert_eq!(again.len(), 3);
    }

    #[tokio::test]
    async fn who_waits_where_there_is_none_is_told_of_and_gets_the_first() {
        let slots = slots(0);
        let taking = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take().await.is_some() }
        });
        slots.wanted.notified().await;
        assert_eq!(slots.waiting(), 1);
        assert!(!slots.close_if_idle(), "somebody waits");
        slots.resize(1);
        assert!(taking.await.unwrap());
        assert!(slots.close_if_idle());
        assert_eq!((slots.count(), slots.waiting(), slots.running()), (0, 0, 0));
        // Who gives up waiting is not counted any more.
        let waiting = tokio::time::timeout(Duration::from_millis(1), slots.take());
        assert!(waiting.await.is_err());
        assert!(slots.close_if_idle());
    }

    proptest! {
        /// Whatever is asked for: no more run than there were slots, and when all have ended there are as many as said last.
        #[test]
        fn there_are_never_more_than_were_given(steps in prop::collection::vec((0_u8..3, 0_u32..8), 1..60)) {
            let slots = slots(2);
            let mut taken = Vec::new();
            for (step, number) in steps {
                match step {
                    0 => slots.resize(number),
                    1 => {
                        let before = taken.len();
                        taken.extend(slots.try_take());
                        let is_within = taken.len() <= slots.count() as usize;
                        prop_assert!(taken.len() == before || is_within);
                    }
                    _ => drop(taken.pop()),
                }
                prop_assert_eq!(slots.running() as usize, taken.len());
            }
            taken.clear();
            let all: Vec<_> = std::iter::from_fn(|| slots.try_take()).collect();
            prop_assert_eq!(all.len() as u32, slots.count());
        }
    }
}
