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

/// As many places as the pooling allocator has room for instances.
#[derive(Clone)]
pub(super) struct InstancePlaces(Arc<Mutex<State>>);

struct State {
    /// How many places each depth has taken.
    taken: [u32; DEPTHS],
    /// How many places each depth and those before it may take together.
    limits: [u32; DEPTHS],
    /// Who shares the places.
    shares: Vec<ShareState>,
    /// How many places are kept for shares that have not taken all that is reserved for them.
    kept: u32,
    /// Who waits: the deepest first, and of equal depth those of a share in the order that they came.
    waiting: BTreeMap<Order, oneshot::Sender<InstancePlace>>,
    arrivals: u64,
}

#[derive(Clone, Copy)]
struct ShareState {
    /// So many places for first calls are kept for it.
    reserved: u32,
    /// How many it has for first calls.
    first: u32,
    /// How many it has.
    taken: u32,
}

/// Where somebody who waits stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    /// The depths above it: fewer for who is deeper.
    above: usize,
    share: usize,
    arrival: u64,
}

impl Order {
    fn depth(self) -> usize {
        DEPTHS - self.above
    }
}

/// A share of the instances: what is reserved for it others cannot take, and of what they wait for together, whoever has least is given first.
pub struct InstanceShare {
    places: InstancePlaces,
    number: usize,
}

impl InstanceShare {
    /// A place for a call at a depth, from 0, until the deadline.
    pub(super) async fn take(&self, depth: u32, deadline: Instant) -> Option<InstancePlace> {
        let depth = (depth as usize).min(DEPTHS - 1);
        let (order, given) = {
            let mut state = self.places.0.lock();
            if state.may_take(depth, self.number) {
                state.take(depth, self.number);
                return Some(self.places.place(depth, self.number));
            }
            state.arrivals += 1;
            let order = Order {
                above: DEPTHS - depth,
                share: self.number,
                arrival: state.arrivals,
            };
            let (give, given) = oneshot::channel();
            state.waiting.insert(order, give);
            (order, given)
        };
        let waiting = Waiting {
            places: &self.places,
            order,
        };
        let given = Box::pin(tokio::time::timeout_at(deadline, given)).await;
        drop(waiting);
        given.ok()?.ok()
    }
}

/// A place; free again when it is dropped.
pub(super) struct InstancePlace {
    places: InstancePlaces,
    depth: usize,
    share: usize,
}

/// How many of so many instances first calls may have together: the others are for what they call.
#[must_use]
pub fn first_calls(instances: u32) -> u32 {
    limit(instances, 0)
}

/// How many of so many instances a depth and those before it may take together. A first call may take all but a quarter, one below it all but an eighth, and
/// so on; each depth has at least one more than that before it.
fn limit(count: u32, depth: usize) -> u32 {
    let kept = (count >> (depth + 2)).max(u32::try_from(DEPTHS - 1 - depth).unwrap_or(0));
    let kept = if depth + 1 == DEPTHS { 0 } else { kept };
    count.saturating_sub(kept).max(1)
}

impl InstancePlaces {
    pub(super) fn new(count: u32) -> Self {
        let limits = std::array::from_fn(|depth| limit(count, depth));
        Self(Arc::new(Mutex::new(State {
            taken: [0; DEPTHS],
            limits,
            shares: Vec::new(),
            kept: 0,
            waiting: BTreeMap::new(),
            arrivals: 0,
        })))
    }

    /// A share for as long as there are places. Of those for first calls, `reserved` are kept for it; one is left for whoever has nothing reserved.
    pub(super) fn share(&self, reserved: u32) -> Arc<InstanceShare> {
        let mut state = self.0.lock();
        let [first, ..] = state.limits;
        let all: u32 = state.shares.iter().map(|share| share.reserved).sum();
        let reserved = reserved.min(first.saturating_sub(1).saturating_sub(all));
        state.shares.push(ShareState {
            reserved,
            first: 0,
            taken: 0,
        });
        state.kept += reserved;
        Arc::new(InstanceShare {
            places: self.clone(),
            number: state.shares.len() - 1,
        })
    }

    /// Gives what is free to those that wait.
    fn give_on(&self) {
        loop {
            let mut state = self.0.lock();
            let Some((order, give)) = state.next() else {
                return;
            };
            state.take(order.depth(), order.share);
            drop(state);
            // Whoever does not wait any more leaves it at once.
            let _ = give.send(self.place(order.depth(), order.share));
        }
    }

    fn place(&self, depth: usize, share: usize) -> InstancePlace {
        InstancePlace {
            places: self.clone(),
            depth,
            share,
        }
    }
}

impl State {
    fn may_take(&self, depth: usize, share: usize) -> bool {
        // What is kept counts as taken. So whoever it is kept for always may: it only moves from the one to the other.
        let is_kept = depth == 0
            && self
                .shares
                .get(share)
                .is_some_and(|share| share.first < share.reserved);
        let mut taken = match is_kept {
            true => self.kept.saturating_sub(1),
            false => self.kept,
        };
        let places = self.taken.iter().zip(&self.limits).enumerate();
        for (at, (here, limit)) in places {
            taken += here;
            if at >= depth && taken >= *limit {
                return false;
            }
        }
        true
    }

    fn take(&mut self, depth: usize, share: usize) {
        if let Some(taken) = self.taken.get_mut(depth) {
            *taken += 1;
        }
        if let Some(share) = self.shares.get_mut(share) {
            share.taken += 1;
            if depth == 0 {
                if share.first < share.reserved {
                    self.kept = self.kept.saturating_sub(1);
                }
                share.first += 1;
            }
        }
    }

    /// Keeps nothing any more for a share that is gone.
    fn give_up(&mut self, share: usize) {
        if let Some(share) = self.shares.get_mut(share) {
            let kept = share.reserved.saturating_sub(share.first);
            share.reserved = 0;
            self.kept = self.kept.saturating_sub(kept);
        }
    }

    fn leave(&mut self, depth: usize, share: usize) {
        if let Some(taken) = self.taken.get_mut(depth) {
            *taken = taken.saturating_sub(1);
        }
        if let Some(share) = self.shares.get_mut(share) {
            share.taken = share.taken.saturating_sub(1);
            if depth == 0 {
                share.first = share.first.saturating_sub(1);
                if share.first < share.reserved {
                    self.kept += 1;
                }
            }
        }
    }

    /// Whoever is next, if a place is free for it.
    fn next(&mut self) -> Option<(Order, oneshot::Sender<InstancePlace>)> {
        // The first of each share at each depth: one that may not go on must not keep back another that may.
        let mut from = Order {
            above: 0,
            share: 0,
            arrival: 0,
        };
        let mut best: Option<(u32, Order)> = None;
        while let Some((&order, _)) = self.waiting.range(from..).next() {
            if best.is_some_and(|(_, best)| best.above < order.above) {
                break;
            }
            let taken = self.shares.get(order.share).map_or(0, |share| share.taken);
            let is_better =
                best.is_none_or(|(least, best)| (taken, order.arrival) < (least, best.arrival));
            if is_better && self.may_take(order.depth(), order.share) {
                best = Some((taken, order));
            }
            from = Order {
                share: order.share + 1,
                arrival: 0,
                ..order
            };
        }
        let (_, order) = best?;
        Some((order, self.waiting.remove(&order)?))
    }
}

impl Drop for InstancePlace {
    fn drop(&mut self) {
        self.places.0.lock().leave(self.depth, self.share);
        self.places.give_on();
    }
}

impl Drop for InstanceShare {
    fn drop(&mut self) {
        self.places.0.lock().give_up(self.number);
        self.places.give_on();
    }
}

/// A wait that ends when it is dropped.
struct Waiting<'a> {
    places: &'a InstancePlaces,
    order: Order,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.places.0.lock().waiting.remove(&self.order);
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
        let places = InstancePlaces::new(64).share(0);
        let mut taken = Vec::new();
        while let Some(place) = places.take(0, soon()).await {
            taken.push(place);
        }
        assert_eq!(taken.len(), 48);
        for depth in 1..DEPTHS as u32 {
            let place = places.take(depth, soon()).await;
            assert!(place.is_some(), "a place at depth {depth}");
            taken.extend(place);
        }
    }

    #[tokio::test]
    async fn who_waits_gets_what_comes_free_deepest_first() {
        let places = InstancePlaces::new(1).share(0);
        let first = places.take(0, soon()).await.unwrap();
        assert!(places.take(0, soon()).await.is_none(), "there is only one");
        let wait = |depth| {
            let places = places.clone();
            tokio::spawn(async move { places.take(depth, late()).await.map(|_| Instant::now()) })
        };
        let shallow = wait(0);
        tokio::task::yield_now().await;
        let deep = wait(3);
        while places.places.0.lock().waiting.len() < 2 {
            tokio::task::yield_now().await;
        }
        drop(first);
        let (shallow, deep) = (
            shallow.await.unwrap().unwrap(),
            deep.await.unwrap().unwrap(),
        );
        assert!(deep <= shallow);
        let state = places.places.0.lock();
        assert!(state.waiting.is_empty());
        assert_eq!(state.taken, [0; DEPTHS]);
    }

    #[tokio::test]
    async fn a_place_that_nobody_waits_for_any_more_is_not_lost() {
        let places = InstancePlaces::new(1).share(0);
        let first = places.take(0, soon()).await.unwrap();
        assert!(places.take(2, soon()).await.is_none());
        drop(first);
        assert!(places.take(0, soon()).await.is_some());
    }

    #[tokio::test]
    async fn what_is_reserved_is_there_whatever_others_take() {
        let places = InstancePlaces::new(64);
        let (flood, calm) = (places.share(0), places.share(5));
        let mut taken = Vec::new();
        for depth in [0, 3] {
            while let Some(place) = flood.take(depth, soon()).await {
                taken.push(place);
            }
        }
        let mut kept = Vec::new();
        for _ in 0..5 {
            let place = calm.take(0, soon()).await;
            kept.push(place.expect("it is kept for it"));
        }
        assert!(
            calm.take(0, soon()).await.is_none(),
            "beyond it all are equal"
        );
        // What it gives back is kept for it again.
        kept.clear();
        assert!(flood.take(0, soon()).await.is_none());
        assert!(calm.take(0, soon()).await.is_some());
        drop(taken);
        let state = places.0.lock();
        assert_eq!((state.kept, state.taken), (5, [0; DEPTHS]));
    }

    #[tokio::test]
    async fn who_has_least_is_given_first() {
        let places = InstancePlaces::new(64);
        let (many, few) = (places.share(0), places.share(0));
        let mut taken = Vec::new();
        while let Some(place) = many.take(0, soon()).await {
            taken.push(place);
        }
        let wait = |share: &Arc<InstanceShare>| {
            let share = share.clone();
            tokio::spawn(async move { share.take(0, late()).await })
        };
        let first = wait(&many);
        while places.0.lock().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        let second = wait(&few);
        while places.0.lock().waiting.len() < 2 {
            tokio::task::yield_now().await;
        }
        taken.pop();
        let given = second.await.unwrap();
        assert!(given.is_some() && !first.is_finished());
        drop(given);
        assert!(first.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn something_is_left_for_who_has_nothing_reserved() {
        let places = InstancePlaces::new(64);
        let (_first, _second) = (places.share(40), places.share(40));
        let rest = places.share(0);
        let taken = rest.take(0, soon()).await;
        assert!(taken.is_some());
        assert!(rest.take(0, soon()).await.is_none());
    }
}
