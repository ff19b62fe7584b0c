//! Calls between contexts: answered by closures of the test, or by the other context.

use core::marker::PhantomData;

use serde_json::Value;

use super::interference;
use super::invocation::{self, Beginning, invoke};
use super::simulation::{Outage, id_of, with};
use crate::invocation::Identity;
use crate::record::{decode, encode};
use crate::{Fault, Record};

/// What a call came to: the encoded result, or the encoded error.
pub type Answered = Result<Vec<u8>, Vec<u8>>;

/// A function that a context offers, as [`context!`](crate::context) tells it to tests.
#[derive(Clone, Copy)]
pub struct Offered {
    /// The interface, with its version.
    pub interface: &'static str,
    /// The function's name in WIT.
    pub name: &'static str,
    /// How many parameters it takes.
    pub parameters: usize,
    /// Runs it.
    pub run: fn(&[Vec<u8>]) -> Answered,
}

/// A context whose functions can be called in a [`TestApp`](super::TestApp); implemented by [`context!`](crate::context).
pub trait Offers {
    /// The functions.
    const FUNCTIONS: &'static [Offered];
}

/// Names a function that takes `P`, a tuple, and returns `R`: `calls::rooms::HOLD`.
pub struct Function<P, R> {
    interface: &'static str,
    name: &'static str,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Function<P, R> {
    /// By the interface with its version, and the name in WIT.
    pub const fn new(interface: &'static str, name: &'static str) -> Self {
        Self {
            interface,
            name,
            types: PhantomData,
        }
    }
}

/// A function's name: `calls::rooms::HOLD`, which knows its types, or a text such as `"stay:room/rooms#hold"`, with the version or without it.
pub trait Named<P, R> {
    /// The name as a text.
    fn named(&self) -> String;
}

impl<P, R> Named<P, R> for Function<P, R> {
    fn named(&self) -> String {
        format!("{}#{}", self.interface, self.name)
    }
}

impl<P, R> Named<P, R> for &str {
    fn named(&self) -> String {
        (*self).into()
    }
}

/// A function or closure that can answer a call: it takes up to eight records, and returns a `Result` of two.
pub trait Answers<P, R> {
    /// Answers; panics when the arguments are of other types.
    fn answer(&mut self, arguments: &[Vec<u8>]) -> Answered;
}

macro_rules! answers {
    ($count:literal $($parameter:ident $place:literal)*) => {
        impl<F: FnMut($($parameter),*) -> Result<T, E>, $($parameter: Record,)* T: Record, E: Record> Answers<($($parameter,)*), Result<T, E>> for F {
            fn answer(&mut self, arguments: &[Vec<u8>]) -> Answered {
                assert!(
                    arguments.len() == $count,
                    "the call has {} arguments, and its answer in the test takes {}", arguments.len(), $count
                );
                match self($(taken::<$parameter>(&arguments[$place], $place)),*) {
                    Ok(result) => Ok(argument(&result)),
                    Err(error) => Err(argument(&error)),
                }
            }
        }
    };
}

answers!(0);
answers!(1 A 0);
answers!(2 A 0 B 1);
answers!(3 A 0 B 1 C 2);
answers!(4 A 0 B 1 C 2 D 3);
answers!(5 A 0 B 1 C 2 D 3 G 4);
answers!(6 A 0 B 1 C 2 D 3 G 4 H 5);
answers!(7 A 0 B 1 C 2 D 3 G 4 H 5 I 6);
answers!(8 A 0 B 1 C 2 D 3 G 4 H 5 I 6 J 7);

fn taken<T: Record>(encoded: &[u8], place: usize) -> T {
    match decode(encoded) {
        Ok(value) => value,
        Err(fault) => panic!(
            "parameter {} of the call is {}, and its answer in the test takes something else: {fault}",
            place + 1,
            String::from_utf8_lossy(encoded)
        ),
    }
}

/// Something that a call passes on.
pub trait Argument {
    /// Encodes it.
    fn encoded(&self) -> Vec<u8>;
}

impl<T: Record> Argument for T {
    fn encoded(&self) -> Vec<u8> {
        match encode(self) {
            Ok(encoded) => encoded,
            Err(fault) => panic!("a value cannot be passed on in a test: {fault}"),
        }
    }
}

impl Argument for str {
    fn encoded(&self) -> Vec<u8> {
        self.to_owned().encoded()
    }
}

impl<T: Record + Clone> Argument for [T] {
    fn encoded(&self) -> Vec<u8> {
        self.to_vec().encoded()
    }
}

/// Encodes something that a call passes on.
pub fn argument<T: Argument + ?Sized>(value: &T) -> Vec<u8> {
    value.encoded()
}

/// Runs a function that a context offers.
pub fn play<P, R>(mut function: impl Answers<P, R>, arguments: &[Vec<u8>]) -> Answered {
    function.answer(arguments)
}

/// What a call returns.
pub trait Returned {
    /// From its answer.
    fn returned(answer: &Answered, function: &str) -> Self;

    /// Whether it can be that.
    fn can_be(answer: &Answered) -> bool;
}

impl<T: Record, E: Record> Returned for Result<T, E> {
    fn returned(answer: &Answered, function: &str) -> Self {
        match read(answer) {
            Ok(returned) => returned,
            Err(fault) => panic!("the answer to {function} is not what that returns: {fault}"),
        }
    }

    fn can_be(answer: &Answered) -> bool {
        read::<T, E>(answer).is_ok()
    }
}

fn read<T: Record, E: Record>(answer: &Answered) -> Result<Result<T, E>, Fault> {
    match answer {
        Ok(result) => decode(result).map(Ok),
        Err(error) => decode(error).map(Err),
    }
}

/// Answers the calls of a function.
pub(crate) trait Player {
    fn answer(&mut self, arguments: &[Vec<u8>]) -> Answered;
}

/// A closure of the test.
pub(crate) struct Closure<F, P, R> {
    closure: F,
    types: PhantomData<fn(P) -> R>,
}

impl<F, P, R> Closure<F, P, R> {
    pub(crate) fn new(closure: F) -> Self {
        Self {
            closure,
            types: PhantomData,
        }
    }
}

impl<F: Answers<P, R>, P, R> Player for Closure<F, P, R> {
    fn answer(&mut self, arguments: &[Vec<u8>]) -> Answered {
        self.closure.answer(arguments)
    }
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) interface: String,
    pub(crate) name: String,
    pub(crate) encoded: Vec<Vec<u8>>,
    pub(crate) answer: Answered,
    /// The context that it was made in; none when the test has answered it.
    pub(crate) callee: Option<String>,
    pub(crate) has_effect: bool,
    pub(crate) is_undone: bool,
    /// What its invocation is known by.
    key: String,
    /// Who is behind it.
    identity: Option<Identity>,
}

/// A call that was made, as a test sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function, without its interface's version: `stay:room/rooms#hold`.
    pub function: String,
    /// What it was called with.
    pub arguments: Vec<Value>,
    /// What it returned.
    pub answer: Result<Value, Value>,
    /// Whether it was undone, since its invocation did not commit.
    pub undone: bool,
}

impl Called {
    pub(crate) fn shown(&self) -> Call {
        let value = |encoded: &Vec<u8>| serde_json::from_slice(encoded).unwrap_or_default();
        Call {
            function: format!("{}#{}", without_version(&self.interface), self.name),
            arguments: self.encoded.iter().map(value).collect(),
            answer: self.answer.as_ref().map(value).map_err(value),
            undone: self.is_undone,
        }
    }

    fn text(&self) -> String {
        let arguments: Vec<_> = self
            .encoded
            .iter()
            .map(|encoded| String::from_utf8_lossy(encoded))
            .collect();
        format!(
            "{}#{}({})",
            without_version(&self.interface),
            self.name,
            arguments.join(", ")
        )
    }
}

fn without_version(interface: &str) -> &str {
    interface
        .split_once('@')
        .map_or(interface, |(name, _)| name)
}

/// Calls a function of another context, as the bindings do where there is no host.
pub fn ask<R: Returned>(interface: &str, name: &str, arguments: Vec<Vec<u8>>) -> R {
    let mut called = Called {
        interface: interface.into(),
        name: name.into(),
        encoded: arguments,
        answer: Ok(Vec::new()),
        callee: None,
        has_effect: true,
        is_undone: false,
        key: String::new(),
        identity: with(|simulation| simulation.identity()),
    };
    let answer = match with(|simulation| simulation.answer_again(&called)) {
        Ok(Some(answer)) => answer,
        Err(()) => invocation::diverge(),
        Ok(None) => {
            interference::step();
            make(&mut called, R::can_be);
            let answer = called.answer.clone();
            with(|simulation| simulation.answered(called));
            answer
        }
    };
    R::returned(&answer, name)
}

/// The host's answer where a context gives none; `can_be` says what its function can answer.
fn unanswered(context: &str, outage: Outage, can_be: fn(&Answered) -> bool) -> Answered {
    let error = |case: &str, reason: &str| {
        let error = serde_json::json!({case: format!("{context} {reason} in this test")});
        Err(error.to_string().into_bytes())
    };
    let (is_told, reason) = match outage {
        Outage::Down => (false, "is down"),
        Outage::Hanging => (true, "does not end in time"),
    };
    let told = error("DeadlineExceeded", reason);
    match is_told && can_be(&told) {
        true => told,
        false => error("Unavailable", reason),
    }
}

/// Has the call answered.
fn make(called: &mut Called, can_be: fn(&Answered) -> bool) {
    let (interface, name) = (called.interface.clone(), called.name.clone());
    let function = format!("{}#{name}", without_version(&interface));
    let arranged = with(|simulation| {
        let answers = &simulation.answers;
        answers
            .get(&format!("{interface}#{name}"))
            .or_else(|| answers.get(&function))
            .cloned()
    });
    if let Some(player) = arranged {
        called.answer = player.borrow_mut().answer(&called.encoded);
        return;
    }
    let offering = with(|simulation| {
        simulation.contexts.iter().find_map(|(context, simulated)| {
            let offered = simulated.tested.as_ref()?.function(&interface, &name)?;
            Some((context.clone(), *offered, simulated.outage))
        })
    });
    let Some((context, offered, outage)) = offering else {
        panic!(
            "{} was called, and nothing was arranged for it: \
             `test.answer(\"{function}\", |...| ...)` says what it answers, or `TestApp` has the context that offers it",
            called.text()
        );
    };
    if let Some(outage) = outage {
        called.answer = unanswered(&context, outage, can_be);
        return;
    }
    let what = format!("the function `{function}`");
    let (key, beginning) = with(|simulation| match simulation.running.last() {
        Some(running) => {
            let key = format!("{} / call {}", running.run_key(), running.place);
            let correlation = Some(running.correlation.clone());
            let causation = id_of(&[&running.run_key()]);
            (
                key.clone(),
                Beginning {
                    key: Some(key),
                    correlation,
                    causation,
                    identity: running.identity.clone(),
                    ..Beginning::of(&context, &what)
                },
            )
        }
        None => (
            String::from("test"),
            Beginning {
                identity: simulation.signed_in.clone(),
                ..Beginning::of(&context, &what)
            },
        ),
    });
    let arguments = called.encoded.clone();
    let (answer, changed) = invoke(beginning, || (offered.run)(&arguments), Result::is_ok);
    called.answer = answer;
    called.callee = Some(context);
    called.has_effect = changed;
    called.key = key;
}

/// Undoes calls, the last one first.
pub(crate) fn undo(calls: &[usize]) {
    for &place in calls.iter().rev() {
        let called = with(|simulation| simulation.calls[place].clone());
        let Ok(result) = &called.answer else { continue };
        if !called.has_effect || called.is_undone {
            continue;
        }
        let undo = with(|simulation| match &called.callee {
            Some(callee) => {
                let tested = simulation.contexts.get(callee)?.tested.as_ref()?;
                Some((
                    callee.clone(),
                    *tested.undo(&called.interface, &called.name)?,
                ))
            }
            None => None,
        });
        if called.callee.is_some() && undo.is_none() {
            // It stands: its context names nothing that undoes it.
            continue;
        }
        with(|simulation| simulation.calls[place].is_undone = true);
        let Some((context, undo)) = undo else {
            continue;
        };
        let mut arguments = called.encoded.clone();
        if undo.parameters == arguments.len() + 1 {
            arguments.push(result.clone());
        }
        let beginning = Beginning {
            key: Some(format!("{} / undo", called.key)),
            identity: called.identity.clone(),
            ..Beginning::of(&context, &format!("the undo `{}`", undo.name))
        };
        let (answer, _) = invoke(beginning, || (undo.run)(&arguments), Result::is_ok);
        if let Err(error) = answer {
            panic!(
                "{} could not be undone: {} answered {}, and the host would ask again until it answers `ok`",
                called.text(),
                undo.name,
                String::from_utf8_lossy(&error)
            );
        }
    }
}
