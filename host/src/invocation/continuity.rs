//! What stays the same over all attempts of one invocation.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::record::Intent;

/// The inputs that an invocation was given so far, and whether it has reached out to others.
///
/// Shared by the attempts: a re-run gets the same time and the same sequence numbers, and so makes the same calls.
#[derive(Debug, Default)]
pub(super) struct Continuity(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    now: u64,
    draws: Vec<(String, u64)>,
    /// Whether the guest has seen an input that a later process could not give it again by itself.
    observed: bool,
    /// How many draws the stored intent holds; `None` when none is stored.
    stored_draws: Option<usize>,
    called: bool,
    /// Whether an earlier attempt, here or before a crash, may have made calls that the present one does not make.
    recovered: bool,
    uncertain: bool,
}

impl Continuity {
    /// The first time that this invocation is seen.
    pub(super) fn new(now: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            now,
            ..Inner::default()
        })))
    }

    /// An invocation that ran before and left an intent.
    pub(super) fn of(intent: &Intent) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            now: intent.now,
            draws: intent.draws.clone(),
            observed: true,
            stored_draws: Some(intent.draws.len()),
            called: true,
            recovered: true,
            uncertain: false,
        })))
    }

    /// Says that there was an earlier attempt whose calls nobody here remembers.
    pub(super) fn mark_recovered(&self) {
        self.0.lock().recovered = true;
    }

    /// Whether there was an earlier attempt whose calls nobody here remembers, and that nobody here has seen end.
    pub(super) fn is_recovered(&self) -> bool {
        self.0.lock().recovered
    }

    /// Says that a call ended without anyone knowing whether it committed.
    pub(super) fn mark_uncertain(&self) {
        self.0.lock().uncertain = true;
    }

    /// The invocation's time, as the guest sees it.
    pub(super) fn observe_time(&self) -> u64 {
        let mut inner = self.0.lock();
        inner.observed = true;
        inner.now
    }

    /// The `count`th number of a sequence, if an earlier attempt has drawn it.
    pub(super) fn drawn(&self, name: &str, count: usize) -> Option<u64> {
        let inner = self.0.lock();
        inner
            .draws
            .iter()
            .filter(|(drawn, _)| drawn == name)
            .nth(count)
            .map(|(_, number)| *number)
    }

    /// Remembers a number that was drawn.
    pub(super) fn remember_draw(&self, name: String, number: u64) {
        let mut inner = self.0.lock();
        inner.observed = true;
        inner.draws.push((name, number));
    }

    /// What an intent must hold before the next call: `None` when what is stored, or nothing, will do.
    /// `durable` says that the trigger comes again by itself, so that only what the guest observed would be lost.
    pub(super) fn unstored(&self, durable: bool) -> Option<(u64, Vec<(String, u64)>)> {
        let inner = self.0.lock();
        let needed = match inner.stored_draws {
            Some(stored) => inner.draws.len() > stored,
            None => !durable || inner.observed,
        };
        needed.then(|| (inner.now, inner.draws.clone()))
    }

    /// An intent with that many draws is in the journal.
    pub(super) fn mark_stored(&self, draws: usize) {
        self.0.lock().stored_draws = Some(draws);
    }

    /// Whether an intent is in the journal.
    pub(super) fn has_intent(&self) -> bool {
        self.0.lock().stored_draws.is_some()
    }

    /// A call goes out.
    pub(super) fn mark_called(&self) {
        self.0.lock().called = true;
    }

    /// Whether any attempt made a call, as far as is known.
    pub(super) fn may_have_called(&self) -> bool {
        let inner = self.0.lock();
        inner.called || inner.recovered
    }

    /// Whether calls may have been committed that the attempt which now commits did not make.
    pub(super) fn may_have_orphans(&self, attempt: u32) -> bool {
        let inner = self.0.lock();
        inner.recovered || inner.uncertain || (inner.called && attempt > 1)
    }
}

/// How many numbers of each sequence one attempt has drawn.
#[derive(Debug, Default)]
pub(super) struct Draws(HashMap<String, usize>);

impl Draws {
    /// The place of the next draw from `name`.
    pub(super) fn next(&mut self, name: &str) -> usize {
        match self.0.get_mut(name) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.0.insert(name.to_owned(), 0);
                0
            }
        }
    }
}
