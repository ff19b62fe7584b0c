//! One invocation: what it reads, stages and calls, and how it ends.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use super::Emitted;
use super::calls;
use super::interference;
use super::simulation::{Simulation, with};
use crate::invocation::Identity;
use crate::record;

/// How often an invocation is run before it is given up: as often as the host does by default (`limits.attempts`).
const INVOCATION_ATTEMPTS: u32 = 32;

/// An invocation that runs.
pub(crate) struct Invocation {
    pub(crate) context: String,
    /// What it is known by: its ids come from that.
    pub(crate) key: String,
    /// What it is, for people.
    pub(crate) doing: String,
    /// Its place among the invocations that have begun, from 0.
    pub(crate) number: usize,
    run: u32,
    pub(crate) attempt: u32,
    pub(crate) correlation: String,
    pub(crate) causation: String,
    /// Who is behind it.
    pub(crate) identity: Option<Identity>,
    /// The tables that it may write to.
    pub(crate) tables: Rc<[String]>,
    /// The state as it was when the attempt began.
    base: Rc<BTreeMap<String, Vec<u8>>>,
    pub(crate) writes: BTreeMap<String, Staged>,
    pub(crate) reads: BTreeSet<Read>,
    /// What it has emitted, and the data as it was given.
    pub(crate) emitted: Vec<(Emitted, Vec<u8>)>,
    pub(crate) cancelled: Vec<String>,
    /// How many numbers it has drawn of each sequence.
    pub(crate) drawn: BTreeMap<String, usize>,
    pub(crate) ids: u64,
    /// The calls of the run, by their places in the simulation's list.
    pub(crate) calls: Vec<usize>,
    /// Which of them comes next.
    pub(crate) place: usize,
}

/// What is staged for a key.
#[derive(Clone)]
pub(crate) enum Staged {
    /// A value, or with `None` the removal.
    Write(Option<Vec<u8>>),
    /// So much is added to the number that is there when it is committed.
    Addition(i64),
}

impl Staged {
    /// With an addition to it.
    pub(crate) fn and(&self, delta: i64) -> Self {
        match self {
            Self::Addition(before) => Self::Addition(sum(*before, delta)),
            Self::Write(value) => Self::Write(Some(added(value.as_deref(), delta))),
        }
    }

    pub(crate) fn is_removal(&self) -> bool {
        matches!(self, Self::Write(None))
    }

    /// What it makes of the value that is there.
    fn over(&self, below: Option<&[u8]>) -> Option<Vec<u8>> {
        match self {
            Self::Write(value) => value.clone(),
            Self::Addition(delta) => Some(added(below, *delta)),
        }
    }

    pub(crate) fn apply(&self, state: &mut BTreeMap<String, Vec<u8>>, key: &str) {
        match self.over(state.get(key).map(Vec::as_slice)) {
            Some(value) => drop(state.insert(key.into(), value)),
            None => drop(state.remove(key)),
        }
    }
}

fn added(before: Option<&[u8]>, delta: i64) -> Vec<u8> {
    let before = before.map_or(Ok(0), record::decode::<i64>);
    let before = before.unwrap_or_else(|fault| panic!("what is added to is no i64: {fault}"));
    let encoded = record::encode(&sum(before, delta));
    encoded.unwrap_or_else(|fault| unreachable!("a number can be stored: {fault}"))
}

fn sum(before: i64, delta: i64) -> i64 {
    let sum = before.checked_add(delta);
    sum.unwrap_or_else(|| panic!("the sum of {before} and {delta} is no i64"))
}

/// Something that was read.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    Key(String),
    Range(String, String),
}

/// The attempt has called something else than the one before it: the run ends, and what it has called is undone.
struct Diverged;

/// Who begins an invocation, and in which context.
pub(crate) struct Beginning {
    pub(crate) context: String,
    /// What it is, for people: "the route `GET /rooms` of room".
    pub(crate) doing: String,
    /// None where nothing has caused it.
    pub(crate) key: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) causation: String,
    /// Who is behind it.
    pub(crate) identity: Option<Identity>,
}

impl Beginning {
    /// An invocation that somebody begins from outside: whoever has signed in.
    pub(crate) fn from_outside(context: &str, what: &str) -> Self {
        Self {
            identity: with(|simulation| simulation.signed_in.clone()),
            ..Self::of(context, what)
        }
    }

    /// An invocation that nothing has caused.
    pub(crate) fn of(context: &str, what: &str) -> Self {
        Self {
            context: context.into(),
            doing: format!("{what} of {context}"),
            key: None,
            correlation: None,
            causation: String::new(),
            identity: None,
        }
    }
}

/// Runs an invocation to its end. What it staged is committed when it ended well; else what it has called is undone. Tells whether it has changed anything, too.
pub(crate) fn invoke<T>(
    beginning: Beginning,
    run: impl FnMut() -> T,
    well: impl Fn(&T) -> bool,
) -> (T, bool) {
    let key = beginning.key.clone();
    let key = key.unwrap_or_else(|| with(Simulation::next_key));
    if with(|simulation| !simulation.running.is_empty()) {
        return run_to_its_end(beginning, key, run, well);
    }
    interference::begins(&key);
    let ended = run_to_its_end(beginning, key.clone(), run, well);
    interference::ended(&key);
    ended
}

fn run_to_its_end<T>(
    beginning: Beginning,
    key: String,
    mut run: impl FnMut() -> T,
    well: impl Fn(&T) -> bool,
) -> (T, bool) {
    let Beginning {
        context,
        doing,
        key: _,
        correlation,
        causation,
        identity,
    } = beginning;
    let correlation = correlation.unwrap_or_else(|| key.clone());
    let place = with(|simulation| {
        simulation.invocations.push(doing.clone());
        simulation.invocations.len() - 1
    });
    let mut number = with(|simulation| simulation.numbers.runs.get(&key).copied().unwrap_or(1));
    let (mut calls, mut attempt) = (Vec::new(), 0);
    loop {
        attempt += 1;
        assert!(
            attempt <= INVOCATION_ATTEMPTS,
            "an invocation of {context} was run {INVOCATION_ATTEMPTS} times, and met a conflict each time"
        );
        with(|simulation| {
            let simulated = simulation.contexts.entry(context.clone()).or_default();
            let invocation = Invocation {
                context: context.clone(),
                key: key.clone(),
                doing: doing.clone(),
                number: place,
                run: number,
                attempt,
                correlation: correlation.clone(),
                causation: causation.clone(),
                identity: identity.clone(),
                tables: simulated
                    .tested
                    .as_ref()
                    .map(|tested| tested.tables.clone())
                    .unwrap_or_default(),
                base: simulated.state.clone(),
                writes: BTreeMap::new(),
                reads: BTreeSet::new(),
                emitted: Vec::new(),
                cancelled: Vec::new(),
                drawn: BTreeMap::new(),
                ids: 0,
                calls: std::mem::take(&mut calls),
                place: 0,
            };
            simulation.running.push(invocation);
        });
        let end = catch_unwind(AssertUnwindSafe(&mut run));
        if end.is_ok() {
            interference::step();
        }
        let Some(invocation) = with(|simulation| simulation.running.pop()) else {
            unreachable!("what was pushed is there");
        };
        let value = match end {
            Ok(value) if invocation.place == invocation.calls.len() => value,
            Err(panic) if !is_divergence(&*panic) => resume_unwind(panic),
            // It has called something else, or less.
            _ => {
                calls::undo(&invocation.calls);
                number += 1;
                with(|simulation| simulation.numbers.runs.insert(key.clone(), number));
                continue;
            }
        };
        if with(|simulation| simulation.conflicts(&invocation)) {
            calls = invocation.calls;
            continue;
        }
        if !well(&value) {
            calls::undo(&invocation.calls);
            return (value, false);
        }
        let changed = !invocation.writes.is_empty()
            || !invocation.emitted.is_empty()
            || !invocation.cancelled.is_empty()
            || with(|simulation| {
                invocation
                    .calls
                    .iter()
                    .any(|call| simulation.calls[*call].has_effect)
            });
        with(|simulation| simulation.commit(invocation));
        return (value, changed);
    }
}

/// Ends the attempt: it does not make the calls of the one before it.
pub(crate) fn diverge() -> ! {
    resume_unwind(Box::new(Diverged))
}

fn is_divergence(panic: &(dyn Any + Send)) -> bool {
    panic.is::<Diverged>()
}

impl Invocation {
    /// What ids and numbers come from: another run has others.
    pub(crate) fn run_key(&self) -> String {
        format!("{} run {}", self.key, self.run)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let below = self.base.get(key);
        match self.writes.get(key) {
            Some(staged) => staged.over(below.map(Vec::as_slice)),
            None => below.cloned(),
        }
    }

    pub(crate) fn range(&self, start: &str, end: &str) -> Vec<(String, Vec<u8>)> {
        let mut found: BTreeMap<_, _> = range(&self.base, start, end).into_iter().collect();
        for (key, staged) in &self.writes {
            if key.as_str() >= start && (end.is_empty() || key.as_str() < end) {
                staged.apply(&mut found, key);
            }
        }
        found.into_iter().collect()
    }

    /// Cancels a timer of its own, or one that is set.
    pub(crate) fn cancel(&mut self, id: &str, is_set: bool) -> bool {
        let before = self.emitted.len();
        self.emitted
            .retain(|(event, _)| event.id != id || event.delay_ms.is_none());
        if self.emitted.len() < before {
            return true;
        }
        let cancels = is_set && !self.cancelled.iter().any(|cancelled| cancelled == id);
        if cancels {
            self.cancelled.push(id.into());
        }
        cancels
    }

    /// Whether what it has read is still so.
    pub(crate) fn still_holds(&self, state: &BTreeMap<String, Vec<u8>>) -> bool {
        self.reads.iter().all(|read| match read {
            Read::Key(key) => self.base.get(key) == state.get(key),
            Read::Range(start, end) => range(&self.base, start, end) == range(state, start, end),
        })
    }
}

/// The entries from `start` to before `end`.
pub(crate) fn range(
    state: &BTreeMap<String, Vec<u8>>,
    start: &str,
    end: &str,
) -> Vec<(String, Vec<u8>)> {
    if !end.is_empty() && end <= start {
        return Vec::new();
    }
    let end = match end {
        "" => Bound::Unbounded,
        end => Bound::Excluded(end),
    };
    state
        .range::<str, _>((Bound::Included(start), end))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
