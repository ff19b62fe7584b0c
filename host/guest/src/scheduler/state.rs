//! The queue for the processors, without threads and clocks of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::ShareOptions;

/// How far a share that asked for nothing may be behind the others, in their time: it goes first for so long when it asks again.
const CREDIT: u64 = 5_000_000;
/// How much of what it may use a share can use at once.
const PERIOD: Duration = Duration::from_millis(100);

/// Slices that are longer than this on average are not computed where sockets would have to wait for them.
const LONG: Duration = Duration::from_micros(250);
/// How much of the average the last slice is: one of so many.
const RECENT: u32 = 4;

/// A place in the queue.
pub(super) type Ticket = u64;

/// Who asks for a processor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asking {
    /// Somebody who has no place yet.
    First,
    /// Somebody who has one, and was told to come.
    Again(Ticket),
    /// Somebody who has one, and has kept the time for its share.
    Rested(Ticket),
}

impl Asking {
    fn ticket(self) -> Option<Ticket> {
        match self {
            Self::First => None,
            Self::Again(ticket) | Self::Rested(ticket) => Some(ticket),
        }
    }
}

/// What comes of asking for a processor.
#[derive(Debug)]
pub(super) enum Answer {
    /// There is one.
    Go,
    /// The waker is woken when there may be one.
    Wait(Ticket),
    /// The share has used up what it may use until then. Who gets this keeps the time for all of the share, and asks again then; the others wait.
    Rest(Instant, Ticket),
}

pub(super) struct State {
    processors: usize,
    /// How many slices run.
    running: usize,
    /// How many were woken, and have not asked again yet.
    woken: usize,
    shares: BTreeMap<u64, Account>,
    /// The shares that somebody waits for, by what they have used; without those that rest.
    waiting: BTreeSet<(u64, u64)>,
    /// What the share had used whose slice began last: where a share begins that asked for nothing before.
    now: u64,
    added: u64,
    tickets: Ticket,
}

struct Account {
    weight: u64,
    /// Computing time by weight, in nanoseconds of a share of the default weight.
    used: u64,
    computed: Duration,
    /// How many of its slices run.
    running: usize,
    /// How long its slices were lately.
    slice: Duration,
    /// Who waits, in the order of their coming.
    waiters: BTreeMap<Ticket, Waker>,
    allowance: Option<Allowance>,
    /// Whether it has used up what it may use, and somebody keeps the time until there is some again. Nobody else of it is told to come before.
    rests: bool,
}

/// What a share may use, as a bucket that fills again.
struct Allowance {
    processors: f64,
    /// In seconds of computing; below zero when more was used than there was.
    left: f64,
    filled: Instant,
}

impl Allowance {
    fn most(&self) -> f64 {
        self.processors * PERIOD.as_secs_f64()
    }

    /// When there is something left, if there is nothing now.
    fn used_up_until(&mut self, now: Instant) -> Option<Instant> {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.left = (self.left + passed.as_secs_f64() * self.processors).min(self.most());
        // A little more than nothing, so that a slice is worth its while.
        let missing = self.most() / 100.0 - self.left;
        (missing > 0.0).then(|| now + Duration::from_secs_f64(missing / self.processors))
    }
}

impl State {
    pub(super) fn new(processors: usize) -> Self {
        Self {
            processors: processors.max(1),
            running: 0,
            woken: 0,
            shares: BTreeMap::new(),
            waiting: BTreeSet::new(),
            now: 0,
            added: 0,
            tickets: 0,
        }
    }

    pub(super) fn add(&mut self, options: ShareOptions, now: Instant) -> u64 {
        self.added += 1;
        let allowance = options.processors.map(|processors| {
            let mut allowance = Allowance {
                // Whatever the settings say, it moves.
                processors: processors.max(0.001),
                left: 0.0,
                filled: now,
            };
            allowance.left = allowance.most();
            allowance
        });
        let account = Account {
            weight: u64::from(options.weight.max(1)),
            used: self.now,
            computed: Duration::ZERO,
            running: 0,
            slice: Duration::ZERO,
            waiters: BTreeMap::new(),
            allowance,
            rests: false,
        };
        self.shares.insert(self.added, account);
        self.added
    }

    pub(super) fn remove(&mut self, share: u64) {
        // Whoever waits or computes holds the share: there is nobody.
        self.shares.remove(&share);
    }

    pub(super) fn computed(&self, share: u64) -> Duration {
        let account = self.shares.get(&share);
        account.map_or(Duration::ZERO, |account| account.computed)
    }

    /// Asks for a processor. Whoever else may go now is to be woken.
    pub(super) fn ask(
        &mut self,
        share: u64,
        asking: Asking,
        waker: &Waker,
        now: Instant,
    ) -> (Answer, Option<Waker>) {
        let Some(account) = self.shares.get_mut(&share) else {
            return (Answer::Go, None);
        };
        match asking {
            Asking::First => {}
            Asking::Again(ticket) => {
                if let Some(waiter) = account.waiters.get_mut(&ticket) {
                    waiter.clone_from(waker);
                    return (Answer::Wait(ticket), None);
                }
                self.woken -= 1;
            }
            Asking::Rested(_) => account.rests = false,
        }
        let ticket = asking.ticket();
        let mut new_ticket = || {
            self.tickets += 1;
            self.tickets
        };
        let until = account
            .allowance
            .as_mut()
            .and_then(|allowance| allowance.used_up_until(now));
        if let Some(until) = until {
            let ticket = ticket.unwrap_or_else(&mut new_ticket);
            self.waiting.remove(&(account.used, share));
            let answer = match std::mem::replace(&mut account.rests, true) {
                true => {
                    account.waiters.insert(ticket, waker.clone());
                    Answer::Wait(ticket)
                }
                false => Answer::Rest(until, ticket),
            };
            return (answer, self.next());
        }
        if !account.waiters.is_empty() && !self.waiting.contains(&(account.used, share)) {
            // It has rested: what it did not get meanwhile is not owed to it.
            account.used = account.used.max(self.now.saturating_sub(CREDIT));
            self.waiting.insert((account.used, share));
        }
        // Also one that computes: what it did not ask for while others did is not owed to it.
        if account.waiters.is_empty() {
            account.used = account.used.max(self.now.saturating_sub(CREDIT));
        }
        let is_first = match self.waiting.first() {
            None => true,
            // It was told to come, so it is the first of its share.
            Some((used, _)) if ticket.is_some() => account.used <= *used,
            Some((used, _)) => account.used < *used,
        };
        if is_first && self.running < self.processors {
            account.running += 1;
            self.running += 1;
            self.now = self.now.max(account.used);
            // After a rest there may be more processors than this one.
            return (Answer::Go, self.next());
        }
        let ticket = ticket.unwrap_or_else(new_ticket);
        account.waiters.insert(ticket, waker.clone());
        self.waiting.insert((account.used, share));
        let next = self.next();
        (Answer::Wait(ticket), next)
    }

    /// Asks for leave to compute within a slice that runs already: answers until when there is none.
    pub(super) fn ask_within(&mut self, share: u64, now: Instant) -> Option<Instant> {
        let allowance = self
            .shares
            .get_mut(&share)
            .and_then(|account| account.allowance.as_mut());
        allowance.and_then(|allowance| allowance.used_up_until(now))
    }

    /// Gives up keeping the time for a share.
    pub(super) fn leave_resting(&mut self, share: u64) -> Option<Waker> {
        let account = self.shares.get_mut(&share)?;
        account.rests = false;
        if !account.waiters.is_empty() {
            // Who is told to come next keeps it.
            self.waiting.insert((account.used, share));
        }
        self.next()
    }

    /// Gives up waiting.
    pub(super) fn leave(&mut self, share: u64, ticket: Ticket) -> Option<Waker> {
        let account = self.shares.get_mut(&share)?;
        if account.waiters.remove(&ticket).is_none() {
            self.woken -= 1;
        } else if account.waiters.is_empty() {
            self.waiting.remove(&(account.used, share));
        }
        self.next()
    }

    /// A share pays for so long a slice, and has computed for so long itself.
    pub(super) fn charge(&mut self, share: u64, paid: Duration, own: Duration) {
        let Some(account) = self.shares.get_mut(&share) else {
            return;
        };
        account.computed += own;
        if let Some(allowance) = &mut account.allowance {
            allowance.left -= own.as_secs_f64();
        }
        let paid = u64::try_from(paid.as_nanos()).unwrap_or(u64::MAX);
        let default = u64::from(ShareOptions::default().weight);
        let before = account.used;
        account.used = before.saturating_add(paid.saturating_mul(default) / account.weight);
        if self.waiting.remove(&(before, share)) {
            self.waiting.insert((account.used, share));
        }
    }

    /// Whether the slices of a share were long lately.
    pub(super) fn are_slices_long(&self, share: u64) -> bool {
        let account = self.shares.get(&share);
        account.is_some_and(|account| account.slice > LONG)
    }

    /// A slice of a share ended after so long. Whoever may go now is to be woken.
    pub(super) fn release(&mut self, share: u64, took: Duration) -> Option<Waker> {
        if let Some(account) = self.shares.get_mut(&share) {
            account.running -= 1;
            account.slice = account.slice - account.slice / RECENT + took / RECENT;
        }
        self.running -= 1;
        self.next()
    }

    #[cfg(test)]
    pub(super) fn used(&self, share: u64) -> u64 {
        self.shares[&share].used
    }

    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        (self.running, self.woken) == (0, 0) && self.waiting.is_empty()
    }

    /// Takes out of the queue who is to be told to come.
    fn next(&mut self) -> Option<Waker> {
        if self.running + self.woken >= self.processors {
            return None;
        }
        let (used, share) = *self.waiting.first()?;
        let account = self.shares.get_mut(&share)?;
        let (_, waker) = account.waiters.pop_first()?;
        if account.waiters.is_empty() {
            self.waiting.remove(&(used, share));
        }
        self.woken += 1;
        Some(waker)
    }
}
