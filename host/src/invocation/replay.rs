//! What stays the same over all attempts of one invocation: its time, the numbers that it drew, and the answers to its calls.
//!
//! A *run* is what the guest is made to believe that happens once. Each attempt of a run that makes the same calls gets the same answers, whatever they
//! were. An attempt that would go another way ends the run: everything that it called is undone, and the next run calls afresh. So what commits is
//! always one whole run, never a mix of two.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::component::Val;

use super::record::{Intent, StoredAnswer};
use crate::core::{CallId, ContextName};
use crate::guest::value;

/// What one call of a run has done where it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: an error, or an answer that changed nothing.
    None,
    /// It committed; this function undoes it, if any does.
    Committed {
        /// `<interface>#<function>`.
        undo: Option<String>,
    },
    /// Nobody here knows.
    Unknown,
}

/// One call of a run.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub id: CallId,
    /// The context that it went to; none when no context offers the interface.
    pub callee: Option<ContextName>,
    /// The answer; none as long as there is none.
    pub answer: Option<Val>,
    pub effect: Effect,
}

/// What a call of the present attempt comes to.
pub(super) enum Place {
    /// It was made before, and answered so.
    Answered(Val),
    /// It is to be made, perhaps again.
    Open {
        /// Whether it was made before, by somebody who has not lived to hear the answer.
        may_have_run: bool,
    },
    /// Another call was made at this place.
    Diverged,
}

/// What an intent must hold before the next call.
pub(super) struct Unstored {
    pub now: u64,
    pub draws: Vec<(String, u64)>,
    pub run: u32,
    pub answers: Vec<StoredAnswer>,
    mark: Stored,
}

/// How much of a run the stored intent holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stored {
    draws: usize,
    answers: usize,
}

/// The inputs that an invocation was given so far. Shared by its attempts.
#[derive(Debug)]
pub(super) struct Replay(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    now: u64,
    draws: Drawn,
    run: u32,
    calls: Vec<Call>,
    /// How many of the calls did nothing.
    passing: usize,
    /// About how many bytes the answers take.
    size: usize,
    stored: Option<Stored>,
    /// What an earlier process, or an earlier delivery, has left; looked up before the first attempt.
    left: Option<Intent>,
    /// Contexts that the present run may have called, and that are no longer part of the app: whatever it called there is not among the calls.
    gone: Vec<ContextName>,
}

impl Replay {
    /// The first time that this invocation is seen; `run` of its runs were abandoned before.
    pub(super) fn new(now: u64, run: u32) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            now,
            draws: Drawn::default(),
            run,
            calls: Vec::new(),
            passing: 0,
            size: 0,
            stored: None,
            left: None,
            gone: Vec::new(),
        })))
    }

    /// An invocation that ran before and left an intent.
    pub(super) fn of(intent: Intent) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            now: intent.now,
            draws: Drawn::of(&intent.draws),
            run: intent.run,
            calls: Vec::new(),
            passing: 0,
            size: 0,
            stored: Some(Stored {
                draws: intent.draws.len(),
                answers: intent.answers.len(),
            }),
            left: Some(intent),
            gone: Vec::new(),
        })))
    }

    /// What was left by somebody who is gone, once: whoever takes it says with [`Replay::recover`] which calls it made.
    pub(super) fn take_left(&self) -> Option<Intent> {
        self.0.lock().left.take()
    }

    /// Puts back what could not be looked up.
    pub(super) fn put_back(&self, left: Intent) {
        self.0.lock().left = Some(left);
    }

    /// The calls that the present run has made before, in their order, and the contexts that it may have called besides. Calls at the end which did nothing are
    /// not remembered: the guest may ask again.
    pub(super) fn recover(&self, mut calls: Vec<Call>, gone: Vec<ContextName>) {
        let mut inner = self.0.lock();
        inner.gone = gone;
        while calls.last().is_some_and(|call| call.effect == Effect::None) {
            calls.pop();
            // The stored intent has an answer that may become another.
            if let Some(stored) = &mut inner.stored {
                stored.answers = usize::MAX;
            }
        }
        inner.passing = calls
            .iter()
            .filter(|call| call.effect == Effect::None)
            .count();
        inner.calls = calls;
    }

    /// The number of the present run.
    pub(super) fn run(&self) -> u32 {
        self.0.lock().run
    }

    /// The invocation's time, as the guest sees it.
    pub(super) fn time(&self) -> u64 {
        self.0.lock().now
    }

    /// The `count`th number of a sequence, if an earlier attempt has drawn it.
    pub(super) fn drawn(&self, name: &str, count: usize) -> Option<u64> {
        let inner = self.0.lock();
        inner.draws.numbers.get(name)?.get(count).copied()
    }

    /// How many numbers were drawn of all sequences.
    pub(super) fn draw_count(&self) -> usize {
        self.0.lock().draws.count
    }

    /// The highest number that was drawn of each sequence.
    pub(super) fn highest_draws(&self) -> Vec<(String, u64)> {
        let inner = self.0.lock();
        // They are drawn in ascending order.
        let highest =
            |(name, numbers): (&String, &Vec<u64>)| Some((name.clone(), *numbers.last()?));
        inner.draws.numbers.iter().filter_map(highest).collect()
    }

    /// Remembers a number that was drawn.
    pub(super) fn remember_draw(&self, name: String, number: u64) {
        self.0.lock().draws.note(name, number);
    }

    /// What becomes of the call at a place.
    pub(super) fn place(&self, place: usize, id: &CallId) -> Place {
        let inner = self.0.lock();
        match inner.calls.get(place) {
            None => Place::Open {
                may_have_run: false,
            },
            Some(call) if call.id != *id => Place::Diverged,
            Some(call) => match &call.answer {
                Some(answer) => Place::Answered(answer.clone()),
                None => Place::Open { may_have_run: true },
            },
        }
    }

    /// A call goes out, and may do something from now on.
    pub(super) fn begin_call(&self, place: usize, id: &CallId, callee: Option<ContextName>) {
        let mut inner = self.0.lock();
        let call = Call {
            id: id.clone(),
            callee,
            answer: None,
            effect: Effect::Unknown,
        };
        match inner.calls.get_mut(place) {
            Some(known) => *known = call,
            None => inner.calls.push(call),
        }
    }

    /// A call was answered. Answers about how many bytes all answers take by now.
    pub(super) fn end_call(&self, place: usize, answer: Val, effect: Effect) -> usize {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        if let Some(call) = inner.calls.get_mut(place) {
            inner.size += value::size(&answer);
            inner.passing += usize::from(effect == Effect::None);
            call.answer = Some(answer);
            call.effect = effect;
        }
        inner.size
    }

    /// Whether the present run has made other calls than the first `count`: then an attempt that made just those has gone another way.
    pub(super) fn has_more_calls(&self, count: usize) -> bool {
        self.0.lock().calls.len() > count
    }

    /// Whether any call was made that may have done something.
    pub(super) fn has_called(&self) -> bool {
        let inner = self.0.lock();
        inner.calls.iter().any(|call| call.effect != Effect::None)
    }

    /// The calls of the present run that are to be undone when it does not commit, in their order.
    pub(super) fn undoable(&self) -> Vec<Call> {
        self.calls(|effect| match effect {
            Effect::Committed { undo } => undo.is_some(),
            Effect::Unknown => true,
            Effect::None => false,
        })
    }

    /// The calls of which nobody knows whether they did anything: the guest was told that they did not.
    pub(super) fn uncertain(&self) -> Vec<Call> {
        self.calls(|effect| *effect == Effect::Unknown)
    }

    /// The contexts where the present run may have called what cannot be found.
    pub(super) fn gone(&self) -> Vec<ContextName> {
        self.0.lock().gone.clone()
    }

    /// The contexts that the present run has called.
    pub(super) fn callees(&self) -> Vec<ContextName> {
        let inner = self.0.lock();
        inner
            .calls
            .iter()
            .filter_map(|call| call.callee.clone())
            .collect()
    }

    fn calls(&self, which: impl Fn(&Effect) -> bool) -> Vec<Call> {
        let inner = self.0.lock();
        let calls = inner.calls.iter().filter(|call| which(&call.effect));
        calls.cloned().collect()
    }

    /// Whether an answer that did nothing is followed by a call that did something, so that trying again could only fail again: the guest would be given
    /// the same answer. False when a call cannot be undone, since it must not be made twice.
    pub(super) fn is_bound_to_repeat(&self) -> bool {
        let inner = self.0.lock();
        let final_ = |call: &Call| call.effect == Effect::Committed { undo: None };
        let last = inner
            .calls
            .iter()
            .rposition(|call| call.effect != Effect::None);
        let before = inner.calls.iter().take(last.unwrap_or_default());
        let mut passing = before.filter(|call| call.effect == Effect::None);
        passing.next().is_some() && !inner.calls.iter().any(final_)
    }

    /// The present run is over, and all that it called is recorded to be undone. The next one has made no calls yet, and draws numbers of its own: what was undone
    /// may go by the former. `is_stored` says whether an intent says so.
    pub(super) fn begin_run(&self, run: u32, is_stored: bool) {
        let mut inner = self.0.lock();
        inner.run = run;
        inner.calls.clear();
        inner.gone.clear();
        inner.draws = Drawn::default();
        (inner.passing, inner.size) = (0, 0);
        inner.stored = is_stored.then_some(Stored {
            draws: 0,
            answers: 0,
        });
    }

    /// What an intent must hold before the next call: `None` when what is stored will do.
    pub(super) fn unstored(&self) -> Option<Unstored> {
        let inner = self.0.lock();
        let mark = Stored {
            draws: inner.draws.count,
            answers: inner.passing,
        };
        if inner.stored == Some(mark) {
            return None;
        }
        let answers = inner
            .calls
            .iter()
            .filter(|call| call.effect == Effect::None)
            .filter_map(|call| {
                let answer = std::slice::from_ref(call.answer.as_ref()?);
                Some(StoredAnswer {
                    call: call.id.clone(),
                    // What a guest has been given was made of plain data.
                    answer: value::encode(answer).ok()?,
                })
            })
            .collect();
        Some(Unstored {
            now: inner.now,
            draws: inner.draws.list(),
            run: inner.run,
            answers,
            mark,
        })
    }

    /// An intent with that is in the journal.
    pub(super) fn mark_stored(&self, unstored: &Unstored) {
        self.0.lock().stored = Some(unstored.mark);
    }

    /// Whether an intent is in the journal.
    pub(super) fn has_intent(&self) -> bool {
        self.0.lock().stored.is_some()
    }
}

/// The numbers that a run has drawn, by sequence, in their order.
#[derive(Debug, Default)]
struct Drawn {
    numbers: BTreeMap<String, Vec<u64>>,
    count: usize,
}

impl Drawn {
    fn of(draws: &[(String, u64)]) -> Self {
        let mut drawn = Self::default();
        for (name, number) in draws {
            drawn.note(name.clone(), *number);
        }
        drawn
    }

    fn note(&mut self, name: String, number: u64) {
        let numbers = self.numbers.entry(name).or_default();
        debug_assert!(
            numbers.last().is_none_or(|last| *last < number),
            "numbers of a sequence are drawn in ascending order"
        );
        numbers.push(number);
        self.count += 1;
    }

    /// As an intent keeps them.
    fn list(&self) -> Vec<(String, u64)> {
        let of_name = |(name, numbers): (&String, &Vec<u64>)| {
            let name = name.clone();
            let numbers = numbers.clone().into_iter();
            numbers.map(move |number| (name.clone(), number))
        };
        self.numbers.iter().flat_map(of_name).collect()
    }
}

/// How many numbers of each sequence one attempt has drawn.
#[derive(Debug, Default)]
pub(super) struct Draws {
    counts: HashMap<String, usize>,
    bytes: usize,
}

impl Draws {
    /// The place of the next draw from `name`.
    pub(super) fn next(&mut self, name: &str) -> usize {
        const NUMBER: usize = 16;
        self.bytes += NUMBER;
        match self.counts.get_mut(name) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.bytes += name.len();
                self.counts.insert(name.to_owned(), 0);
                0
            }
        }
    }

    /// About how many bytes it takes to remember them for all attempts.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(replay: &Replay, place: usize, id: &str, effect: Effect) {
        let id = CallId::from(id);
        assert!(matches!(replay.place(place, &id), Place::Open { .. }));
        replay.begin_call(place, &id, Some("room".into()));
        replay.end_call(place, Val::U64(place as u64), effect);
    }

    fn committed() -> Effect {
        Effect::Committed {
            undo: Some("a:b/c#undo".into()),
        }
    }

    #[test]
    fn the_same_calls_get_the_same_answers() {
        let replay = Replay::new(1, 0);
        called(&replay, 0, "take", committed());
        called(&replay, 1, "ask", Effect::None);
        assert!(matches!(
            replay.place(0, &"take".into()),
            Place::Answered(Val::U64(0))
        ));
        assert!(matches!(
            replay.place(1, &"ask".into()),
            Place::Answered(Val::U64(1))
        ));
        assert!(matches!(replay.place(1, &"give".into()), Place::Diverged));
        assert!(replay.has_more_calls(1));
        assert!(!replay.has_more_calls(2));
    }

    #[test]
    fn a_run_is_undone_as_far_as_it_did_something() {
        let replay = Replay::new(1, 0);
        called(&replay, 0, "ask", Effect::None);
        called(&replay, 1, "take", committed());
        called(&replay, 2, "tell", Effect::Committed { undo: None });
        replay.begin_call(3, &"lost".into(), Some("room".into()));
        let undoable = replay.undoable().into_iter().map(|call| call.id);
        assert!(undoable.eq(["take", "lost"].map(CallId::from)));
        replay.begin_run(1, true);
        assert!(replay.undoable().is_empty());
        assert_eq!(replay.run(), 1);
    }

    #[test]
    fn answers_at_the_end_that_did_nothing_may_be_asked_for_again() {
        let replay = Replay::new(1, 0);
        let call = |id: &str, effect| Call {
            id: id.into(),
            callee: None,
            answer: Some(Val::Bool(true)),
            effect,
        };
        let calls = vec![
            call("ask", Effect::None),
            call("take", committed()),
            call("ask again", Effect::None),
        ];
        replay.recover(calls, Vec::new());
        assert!(replay.has_more_calls(1));
        assert!(!replay.has_more_calls(2));
    }

    #[test]
    fn an_answer_that_is_asked_for_again_is_stored_again() {
        let call = |id: &str, effect| Call {
            id: id.into(),
            callee: None,
            answer: Some(Val::Bool(true)),
            effect,
        };
        let replay = Replay::new(1, 0);
        replay.mark_stored(&replay.unstored().unwrap());
        called(&replay, 0, "ask", Effect::None);
        replay.mark_stored(&replay.unstored().unwrap());
        replay.recover(vec![call("ask", Effect::None)], Vec::new());
        called(&replay, 0, "ask", Effect::None);
        assert!(replay.unstored().is_some(), "it may be another answer");
    }

    #[test]
    fn what_would_only_repeat_begins_afresh() {
        let replay = Replay::new(1, 0);
        called(&replay, 0, "take", committed());
        called(&replay, 1, "ask", Effect::None);
        assert!(!replay.is_bound_to_repeat(), "the last one is asked again");
        called(&replay, 2, "give", committed());
        assert!(replay.is_bound_to_repeat());
        called(&replay, 3, "tell", Effect::Committed { undo: None });
        assert!(!replay.is_bound_to_repeat(), "it must not be told twice");
    }

    #[test]
    fn numbers_are_found_by_their_sequence_and_place() {
        let replay = Replay::new(1, 0);
        for (name, number) in [("rooms", 4), ("beds", 1), ("rooms", 7)] {
            replay.remember_draw(name.into(), number);
        }
        assert_eq!(replay.drawn("rooms", 1), Some(7));
        assert_eq!(replay.drawn("beds", 0), Some(1));
        assert_eq!(replay.drawn("beds", 1), None);
        assert_eq!(replay.drawn("nobody", 0), None);
        assert_eq!(replay.draw_count(), 3);
        let highest = [("beds".to_owned(), 1), ("rooms".to_owned(), 7)];
        assert_eq!(replay.highest_draws(), highest);
        let kept = replay.unstored().unwrap().draws;
        assert_eq!(Drawn::of(&kept).list(), kept);
    }

    #[test]
    fn an_intent_is_stored_again_when_there_is_more_to_remember() {
        let replay = Replay::new(1, 0);
        let unstored = replay.unstored().expect("nothing is stored");
        replay.mark_stored(&unstored);
        called(&replay, 0, "take", committed());
        assert!(replay.unstored().is_none(), "its callee remembers it");
        called(&replay, 1, "ask", Effect::None);
        let unstored = replay.unstored().expect("nobody remembers the answer");
        assert_eq!(unstored.answers.len(), 1);
        replay.mark_stored(&unstored);
        replay.remember_draw("rooms".into(), 1);
        assert!(replay.unstored().is_some());
    }
}
