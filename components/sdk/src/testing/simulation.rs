//! The contexts of a test, and the invocations that run in them: what a host does, in memory, on one thread, and the same each time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::calls::{Answered, Called, Player};
use super::delivery::WaitingEvent;
use super::drawn_numbers::DrawnNumbers;
use super::interference::{Interference, Step};
use super::invocation::{Invocation, Read, Staged};
use super::tested_context::TestedContext;
use super::{DeliveredEvent, Emitted};
use crate::invocation::Identity;

/// A context, and what it has committed.
#[derive(Default)]
pub(crate) struct Simulated {
    pub(crate) tested: Option<Rc<TestedContext>>,
    pub(crate) state: Rc<BTreeMap<String, Vec<u8>>>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) log: Vec<String>,
    /// What it has published, from the first event on.
    pub(crate) journal: Vec<DeliveredEvent>,
    /// The timers that have not fired, each with the time at which it does.
    pub(crate) timers: Vec<(u64, DeliveredEvent)>,
    /// What it has emitted since a test last asked.
    pub(crate) emitted: Vec<Emitted>,
    /// How far it has come in the journals that it follows.
    pub(crate) cursors: BTreeMap<String, usize>,
    /// The events that it could not handle yet, and those that wait behind them, in their order.
    pub(super) waiting: Vec<WaitingEvent>,
    /// The sources and subjects of the events that it handles just now.
    pub(super) handling: Vec<(String, String)>,
    /// Why calls to it get no answer; none where they do.
    pub(crate) outage: Option<Outage>,
    /// How many of its next invocations meet a conflict.
    pub(crate) conflicts: u32,
}

/// Why a context answers no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// It cannot be reached.
    Down,
    /// It does not end in time.
    Hanging,
}

/// Which invocations are run twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twice {
    All,
    /// The one of this number.
    Only(usize),
}

/// The contexts of the thread's test.
#[derive(Default)]
pub(crate) struct Simulation {
    pub(crate) contexts: BTreeMap<String, Simulated>,
    /// The context that is meant where no invocation runs.
    pub(crate) outside: String,
    /// The invocations that run, the innermost last.
    pub(crate) running: Vec<Invocation>,
    pub(crate) now: u64,
    /// Who is behind what comes from outside.
    pub(crate) signed_in: Option<Identity>,
    pub(crate) answers: BTreeMap<String, Rc<RefCell<dyn Player>>>,
    /// The calls that were answered, in their order.
    pub(crate) calls: Vec<Called>,
    /// What was drawn, and which runs ended.
    pub(super) numbers: DrawnNumbers,
    /// What the next [`TestApp`](super::TestApp) has drawn already: that of an order of operations which another one is compared with.
    pub(super) numbers_to_begin_with: DrawnNumbers,
    /// What the invocations that begin now are part of.
    pub(crate) scope: &'static str,
    pub(super) begun: BTreeMap<&'static str, u64>,
    /// How many ids were drawn by no invocation, of each of these.
    pub(super) ids: BTreeMap<&'static str, u64>,
    /// None where no invocation is run again but for a conflict.
    pub(crate) twice: Option<Twice>,
    pub(crate) interference: Option<Interference>,
    /// Where that came in between.
    pub(crate) disturbed: Option<Step>,
    /// How many steps of operations there were.
    pub(crate) steps: u64,
    /// What the invocations are that have begun, in their order.
    pub(crate) invocations: Vec<String>,
    /// The events that were given up.
    pub(crate) dead_letters: Vec<super::DeadLetter>,
}

thread_local!(static SIMULATION: RefCell<Simulation> = RefCell::default());

/// Uses the thread's simulation; no code of a context runs meanwhile.
pub(crate) fn with<T>(use_it: impl FnOnce(&mut Simulation) -> T) -> T {
    SIMULATION.with_borrow_mut(use_it)
}

/// 32 hexadecimal digits, the same for the same parts.
pub(crate) fn id_of(parts: &[&dyn std::fmt::Debug]) -> String {
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        format!("{parts:?}").hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(0), half(1))
}

impl Simulation {
    /// Nothing but one context.
    pub(crate) fn of(name: &str, context: Simulated) -> Self {
        Self {
            contexts: BTreeMap::from([(name.to_owned(), context)]),
            outside: name.into(),
            ..Self::default()
        }
    }

    /// The name of the context that runs, or is meant.
    pub(crate) fn name(&self) -> String {
        self.running
            .last()
            .map_or_else(|| self.outside.clone(), |running| running.context.clone())
    }

    /// The context that runs, or is meant.
    pub(crate) fn current(&mut self) -> &mut Simulated {
        let name = self.name();
        self.contexts.entry(name).or_default()
    }

    /// The key of an invocation that nothing has caused.
    pub(crate) fn next_key(&mut self) -> String {
        let begun = self.begun.entry(self.scope).or_default();
        *begun += 1;
        format!("{} {begun}", self.scope)
    }

    pub(crate) fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        match self.running.last_mut() {
            Some(running) => {
                running.reads.insert(Read::Key(key.into()));
                running.get(key)
            }
            None => self.current().state.get(key).cloned(),
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: Option<Vec<u8>>) {
        self.stage(key, Staged::Write(value));
    }

    /// Adds to a number, without a note of having read it.
    pub(crate) fn add(&mut self, key: &str, delta: i64) {
        let before = self
            .running
            .last()
            .and_then(|running| running.writes.get(key));
        let staged = match before {
            None => Staged::Addition(delta),
            Some(before) => before.and(delta),
        };
        self.stage(key, staged);
    }

    fn stage(&mut self, key: &str, staged: Staged) {
        let Some(running) = self.running.last_mut() else {
            return staged.apply(Rc::make_mut(&mut self.current().state), key);
        };
        let table = key.split('/').next().unwrap_or_default();
        assert!(
            staged.is_removal() || running.tables.iter().any(|known| known == table),
            "{table} is not one of the context's `tables`"
        );
        running.writes.insert(key.into(), staged);
    }

    /// The entries from `start` to before `end`; without an end when that is empty.
    pub(crate) fn range(&mut self, start: &str, end: &str) -> Vec<(String, Vec<u8>)> {
        match self.running.last_mut() {
            Some(running) => {
                running.reads.insert(Read::Range(start.into(), end.into()));
                running.range(start, end)
            }
            None => super::invocation::range(&self.current().state, start, end),
        }
    }

    pub(crate) fn draw(&mut self, sequence: &str) -> u64 {
        let name = self.name();
        let Some(running) = self.running.last_mut() else {
            return self.numbers.next(&name, sequence);
        };
        let place = running.drawn.entry(sequence.into()).or_default();
        *place += 1;
        let place = *place - 1;
        self.numbers
            .draw(&name, &running.run_key(), sequence, place)
    }

    pub(crate) fn new_id(&mut self) -> String {
        match self.running.last_mut() {
            Some(running) => {
                running.ids += 1;
                id_of(&[&running.run_key(), &running.ids])
            }
            None => {
                let scope = self.scope;
                let drawn = self.ids.entry(scope).or_default();
                *drawn += 1;
                id_of(&[&scope, drawn])
            }
        }
    }

    pub(crate) fn invocation_id(&self) -> String {
        self.running
            .last()
            .map_or_else(|| "test".into(), |running| id_of(&[&running.run_key()]))
    }

    pub(crate) fn correlation_id(&self) -> String {
        self.running
            .last()
            .map_or_else(|| "test".into(), |running| running.correlation.clone())
    }

    pub(crate) fn causation_id(&self) -> String {
        self.running
            .last()
            .map_or_else(String::new, |running| running.causation.clone())
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        match self.running.last() {
            Some(running) => running.identity.clone(),
            None => self.signed_in.clone(),
        }
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.running.last().map_or(1, |running| running.attempt)
    }

    /// Commits what an invocation has staged.
    pub(crate) fn commit(&mut self, invocation: Invocation) {
        let outside = std::mem::replace(&mut self.outside, invocation.context.clone());
        let running = std::mem::take(&mut self.running);
        let state = Rc::make_mut(&mut self.current().state);
        for (key, staged) in &invocation.writes {
            staged.apply(state, key);
        }
        for id in &invocation.cancelled {
            self.cancelled(id);
        }
        let causation = id_of(&[&invocation.run_key()]);
        self.publish(
            invocation.emitted,
            &invocation.correlation,
            &causation,
            invocation.identity.as_ref(),
        );
        self.running = running;
        self.outside = outside;
    }

    /// Whether an invocation meets a conflict: because it was asked for, or because what it has read is not so any more.
    pub(crate) fn conflicts(&mut self, invocation: &Invocation) -> bool {
        let is_meant = match self.twice {
            None => false,
            Some(Twice::All) => true,
            Some(Twice::Only(number)) => number == invocation.number,
        };
        let twice = is_meant && invocation.attempt == 1;
        let Some(context) = self.contexts.get_mut(&invocation.context) else {
            return twice;
        };
        if context.conflicts > 0 {
            context.conflicts -= 1;
            return true;
        }
        twice || !invocation.still_holds(&context.state)
    }

    /// The answer that the run has had at this place; an error when it has called something else there.
    pub(crate) fn answer_again(&mut self, called: &Called) -> Result<Option<Answered>, ()> {
        let Some(running) = self.running.last_mut() else {
            return Ok(None);
        };
        let Some(before) = running.calls.get(running.place) else {
            return Ok(None);
        };
        let before = &self.calls[*before];
        if (&before.interface, &before.name, &before.encoded)
            != (&called.interface, &called.name, &called.encoded)
        {
            return Err(());
        }
        running.place += 1;
        Ok(Some(before.answer.clone()))
    }

    /// Notes a call with its answer.
    pub(crate) fn answered(&mut self, called: Called) {
        if let Some(running) = self.running.last_mut() {
            running.calls.push(self.calls.len());
            running.place += 1;
        }
        self.calls.push(called);
    }
}
