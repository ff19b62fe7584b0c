//! Who waits for a budget, and whose turn it is.
//!
//! Who begins waits in the queue of its context, in the order of coming; who was called goes before who was not. Of the contexts that wait, the one goes first that would hold least, by its weight: so
//! however many of one context wait, or however much it holds, another one gets what it needs as soon as there is so much. Nobody overtakes it in small pieces,
//! but for those who hold something already: they give it back only when they have what they need besides, and take only what is too little for who is first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::share::{Holding, MemoryShare};

/// Who waits for a budget, or for a part of it.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    /// How many wait, so that nobody has to look whether somebody does.
    length: AtomicUsize,
    queues: Mutex<Queues>,
    /// How many shares there have been.
    shares: AtomicU64,
}

#[derive(Debug, Default)]
struct Queues {
    of_shares: BTreeMap<u64, Queue>,
    tickets: u64,
}

/// Who waits of one context.
#[derive(Debug)]
struct Queue {
    share: Arc<MemoryShare>,
    waiters: BTreeMap<Place, Waiter>,
}

/// Who goes before whom in the queue of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It holds something that others wait for.
    Holds,
    /// It begins, and its caller holds something.
    IsCalled,
    Begins,
}

/// Where somebody stands in the queue of its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: Rank,
    ticket: u64,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    /// What it holds already.
    own: u64,
    granted: oneshot::Sender<Holding>,
}

/// Somebody who waits; nobody does any more when this is dropped.
pub(super) struct Waiting<'a> {
    share: &'a MemoryShare,
    place: Place,
    /// Where it comes that is waited for.
    pub granted: oneshot::Receiver<Holding>,
}

impl WaitQueue {
    /// The number of a new share.
    pub fn number(&self) -> u64 {
        self.shares.fetch_add(1, Ordering::Relaxed)
    }

    /// How many wait.
    #[cfg(test)]
    pub fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether somebody of a share may begin with so many bytes though others wait.
    pub fn lets_begin(&self, share: &MemoryShare, bytes: u64, rank: Rank) -> bool {
        if self.length.load(Ordering::Relaxed) == 0 {
            return true;
        }
        let queues = self.queues.lock();
        let own = queues.of_shares.get(&share.number);
        let before = own.and_then(|queue| queue.waiters.first_key_value());
        if before.is_some_and(|(place, _)| place.rank <= rank) {
            return false;
        }
        let first = queues.first(|_, _| true);
        first.is_none_or(|(_, waiter, queue)| share.with(bytes) < queue.share.with(waiter.bytes))
    }

    /// Has somebody who holds `own` bytes wait for so many more.
    pub fn wait<'a>(
        &self,
        share: &'a Arc<MemoryShare>,
        bytes: u64,
        own: u64,
        rank: Rank,
    ) -> Waiting<'a> {
        let (granting, granted) = oneshot::channel();
        let mut queues = self.queues.lock();
        queues.tickets += 1;
        let place = Place {
            rank,
            ticket: queues.tickets,
        };
        let queue = queues.of_shares.entry(share.number);
        let queue = queue.or_insert_with(|| Queue {
            share: share.clone(),
            waiters: BTreeMap::new(),
        });
        let waiter = Waiter {
            bytes,
            own,
            granted: granting,
        };
        queue.waiters.insert(place, waiter);
        self.length.fetch_add(1, Ordering::Relaxed);
        drop(queues);
        // What was given back in between was offered to nobody.
        self.serve();
        Waiting {
            share,
            place,
            granted,
        }
    }

    /// Gives what there is to those whose turn it is.
    pub fn serve(&self) {
        // Who begins to wait looks for bytes after it says so, who gives back looks for waiters after that: one of them sees the other.
        fence(Ordering::SeqCst);
        if self.length.load(Ordering::Relaxed) == 0 {
            return;
        }
        // They give it back when this does not look any more.
        let mut unwanted = Vec::new();
        let mut queues = self.queues.lock();
        let mut lacking = BTreeSet::new();
        loop {
            // What is too little for who is first is for those who hold something, and for nobody else.
            let may_go = |share: u64, place: &Place| {
                lacking.is_empty() || !(place.rank != Rank::Holds || lacking.contains(&share))
            };
            let Some((place, waiter, queue)) = queues.first(may_go) else {
                break;
            };
            let share = queue.share.clone();
            match share.take(waiter.bytes, waiter.own) {
                Ok(granted) => {
                    let waiter = self.remove(&mut queues, &share, place);
                    let sent = match waiter {
                        Some(waiter) => waiter.granted.send(granted),
                        None => Err(granted),
                    };
                    unwanted.extend(sent.err());
                }
                Err(_) => {
                    lacking.insert(share.number);
                }
            }
        }
        drop(queues);
        drop(unwanted);
    }

    fn remove(&self, queues: &mut Queues, share: &MemoryShare, place: Place) -> Option<Waiter> {
        let queue = queues.of_shares.get_mut(&share.number)?;
        let waiter = queue.waiters.remove(&place)?;
        if queue.waiters.is_empty() {
            queues.of_shares.remove(&share.number);
        }
        self.length.fetch_sub(1, Ordering::Relaxed);
        Some(waiter)
    }
}

impl Queues {
    /// Who goes first of those who may: of each context its first, and of these the one whose context would hold least.
    fn first(&self, may_go: impl Fn(u64, &Place) -> bool) -> Option<(Place, &Waiter, &Queue)> {
        let heads = self.of_shares.iter().filter_map(|(share, queue)| {
            let (place, waiter) = queue.waiters.first_key_value()?;
            may_go(*share, place).then_some((*place, waiter, queue))
        });
        heads.min_by_key(|(place, waiter, queue)| (queue.share.with(waiter.bytes), place.ticket))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let queue = &self.share.budget.queue;
        let left = queue.remove(&mut queue.queues.lock(), self.share, self.place);
        if left.is_some() {
            // It may have been in the way of others.
            queue.serve();
        }
    }
}
