use core::fmt;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::delivery;
use super::drawn_numbers::DrawnNumbers;
use super::simulation::{Interference, with};
use super::{Reply, TestApp};

/// What an operation's invocations are part of.
pub(crate) const OPERATION: &str = "operation";
/// What those are part of that come in between.
pub(crate) const INTERFERENCE: &str = "interference";

type Operation = Rc<dyn Fn(&TestApp) -> Reply>;
type Rule = Box<dyn Fn(&TestApp) -> Result<(), String>>;

/// Finds code that does not survive being run again.
///
/// The host runs an invocation again when what it has read was changed meanwhile. Nothing of the first run is left, but the calls that it made: the second gets
/// the same answers, or, when it calls something else, they are undone. So a function must not remember anything outside of its tables, nor depend on how often
/// it runs.
///
/// Each operation is run twice, and must end as if it had been run once. Then it is run with each other operation in between, at each of its steps (before each
/// call, and before each commit); both together must end as if one had come after the other. And whatever happens, the rules hold when all events are handled.
/// Where something was undone on the way others may have seen it, and have rightly done otherwise: then it is the rules that count (see
/// [`Tried::judged_by_rules`]).
///
/// ```text
/// ConflictFuzzer::new(|| app_with_a_room())
///     .operation("book", |app| app.post("/reservations", json!({"roomId": 1})))
///     .operation("cancel", |app| app.patch("/reservations/1", json!({"status": "reqCancel"})))
///     .always("a room has one reservation", |app| one_each(app))
///     .check()
///     .unwrap();
/// ```
///
/// Random numbers and the order of a `HashMap` are not under its control: code that depends on them is found only when they differ.
pub struct ConflictFuzzer {
    app: Box<dyn Fn() -> TestApp>,
    operations: Vec<(String, Operation)>,
    rules: Vec<(String, Rule)>,
}

/// What a [`ConflictFuzzer`] has tried.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// How many orders of two operations, one in the middle of the other.
    pub interleavings: u64,
    /// How many of these end as neither order of the two does, and are let pass, since something was undone on the way: others may have seen that, and have
    /// rightly done otherwise. Only the rules say what these must come to.
    pub judged_by_rules: u64,
}

/// Code that does not survive a re-run, and how that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The operation.
    pub operation: String,
    /// What came in between; none when it was only run twice.
    pub between: Option<String>,
    /// At which of its steps.
    pub step: u64,
    /// What differs, or which rule is broken; that it has no step to try.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            between,
            step,
            reason,
        } = self;
        match between {
            None => write!(f, "`{operation}` {reason}"),
            Some(between) => write!(
                f,
                "`{operation}` with `{between}` in between, at step {step}, ends as neither order of the two does: {reason}"
            ),
        }
    }
}

impl core::error::Error for Finding {}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    answers: Vec<String>,
    /// The rows, events and timers of each context.
    contexts: BTreeMap<String, Vec<String>>,
    /// Whether something was undone: then any context may have traces of it, by what it has read or followed meanwhile.
    undone: bool,
    broken: Option<String>,
}

/// How the operations of a comparison are run.
#[derive(Clone, Copy)]
enum Order {
    Alone { twice: bool },
    Between(u64),
    First,
    Last,
}

impl ConflictFuzzer {
    /// Runs in apps that are made by this function, always in the same way.
    pub fn new(app: impl Fn() -> TestApp + 'static) -> Self {
        Self {
            app: Box::new(app),
            operations: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// With an operation: one request.
    #[must_use]
    pub fn operation(mut self, name: &str, run: impl Fn(&TestApp) -> Reply + 'static) -> Self {
        self.operations.push((name.into(), Rc::new(run)));
        self
    }

    /// With a rule that holds whenever all events are handled.
    #[must_use]
    pub fn always(
        mut self,
        name: &str,
        holds: impl Fn(&TestApp) -> Result<(), String> + 'static,
    ) -> Self {
        self.rules.push((name.into(), Box::new(holds)));
        self
    }

    /// Tries all of it.
    ///
    /// # Errors
    /// The first that does not end as it should.
    pub fn check(&self) -> Result<Tried, Finding> {
        let mut tried = Tried::default();
        for (name, operation) in &self.operations {
            let finding = |between: Option<&str>, step, reason| Finding {
                operation: name.clone(),
                between: between.map(Into::into),
                step,
                reason,
            };
            let mut numbers = DrawnNumbers::default();
            let (once, _) = self.run(operation, None, Order::Alone { twice: false }, &mut numbers);
            let (twice, steps) =
                self.run(operation, None, Order::Alone { twice: true }, &mut numbers);
            if steps == 0 {
                let answers = once.answers.join("; ");
                let reason = format!("starts no invocation, so there is nothing to try: {answers}");
                return Err(finding(None, 0, reason));
            }
            // Nobody else is there who could have seen what is undone.
            if let Some(difference) = twice.differs(&once, true) {
                let reason = format!("does not survive being run again: {difference}");
                return Err(finding(None, 0, reason));
            }
            for (between, other) in &self.operations {
                for step in 1..=steps {
                    let mut numbers = DrawnNumbers::default();
                    let other = Some(other);
                    let (mixed, _) = self.run(operation, other, Order::Between(step), &mut numbers);
                    let (first, _) = self.run(operation, other, Order::First, &mut numbers);
                    let (last, _) = self.run(operation, other, Order::Last, &mut numbers);
                    let differs = |compare_undone| {
                        let [first, last] =
                            [&first, &last].map(|order| mixed.differs(order, compare_undone));
                        // Either order will do; the first is what is told of.
                        last.and(first)
                    };
                    if let Some(difference) = differs(false) {
                        return Err(finding(Some(between), step, difference));
                    }
                    tried.interleavings += 1;
                    tried.judged_by_rules += u64::from(differs(true).is_some());
                }
            }
        }
        Ok(tried)
    }

    /// Runs one order from the beginning. Tells how many steps the operation had, too.
    fn run(
        &self,
        operation: &Operation,
        other: Option<&Operation>,
        order: Order,
        numbers: &mut DrawnNumbers,
    ) -> (End, u64) {
        with(|simulation| simulation.numbers_to_begin_with = std::mem::take(numbers));
        let app = Rc::new((self.app)());
        with(|simulation| simulation.calls.clear());
        let answers = Rc::new(std::cell::RefCell::new(BTreeMap::new()));
        let perform = |scope: &'static str, operation: Operation| {
            let (app, answers) = (app.clone(), answers.clone());
            move || {
                with(|simulation| simulation.scope = scope);
                let reply = catch_unwind(AssertUnwindSafe(|| operation(&app)));
                let shown = match reply {
                    // Why it fails, it may have seen of an operation that is half done. It leaves nothing.
                    Ok(reply) if scope == INTERFERENCE && reply.status >= 400 => {
                        format!("{scope}: fails")
                    }
                    Ok(reply) => format!("{scope}: {} {}", reply.status, reply.body),
                    Err(panic) => format!("{scope}: panics: {}", text(&*panic)),
                };
                answers.borrow_mut().insert(scope, shown);
            }
        };
        let of_the_operation = perform(OPERATION, operation.clone());
        let of_the_other = other.map(|other| perform(INTERFERENCE, other.clone()));
        if let (Order::Last, Some(other)) = (order, &of_the_other) {
            other();
        }
        with(|simulation| {
            simulation.steps = 0;
            simulation.run_twice =
                matches!(order, Order::Alone { twice: true } | Order::Between(_));
            simulation.interference = None;
        });
        if let (Order::Between(at), Some(other)) = (order, &of_the_other) {
            let run: Rc<dyn Fn()> = Rc::new(other.clone());
            with(|simulation| simulation.interference = Some(Interference { at, run }));
        }
        of_the_operation();
        let steps = with(|simulation| {
            simulation.scope = "test";
            simulation.steps
        });
        if let (Order::First, Some(other)) = (order, &of_the_other) {
            other();
        }
        with(|simulation| simulation.scope = "test");
        delivery::settle_all();
        let broken = self.rules.iter().find_map(|(name, holds)| {
            holds(&app)
                .err()
                .map(|reason| format!("\"{name}\" does not hold: {reason}"))
        });
        let end = with(|simulation| {
            *numbers = std::mem::take(&mut simulation.numbers);
            End {
                answers: answers.borrow().values().cloned().collect(),
                contexts: simulation
                    .contexts
                    .iter()
                    .map(|(name, context)| (name.clone(), rows(context)))
                    .collect(),
                undone: simulation.calls.iter().any(|call| call.is_undone),
                broken,
            }
        });
        (end, steps)
    }
}

impl End {
    /// What is other than it should be. Where something was undone only what must be so nevertheless is compared, unless `compare_undone`: others may have seen
    /// it, since sagas hide nothing.
    fn differs(&self, right: &Self, compare_undone: bool) -> Option<String> {
        if let Some(broken) = &self.broken {
            return Some(broken.clone());
        }
        if self.undone && !compare_undone {
            return None;
        }
        if self.answers != right.answers {
            return Some(format!(
                "it answers {}, and should {}",
                self.answers.join("; "),
                right.answers.join("; ")
            ));
        }
        if right.undone && !compare_undone {
            return None;
        }
        self.contexts.iter().find_map(|(name, rows)| {
            let expected = right.contexts.get(name)?;
            let more = rows.iter().find(|row| !expected.contains(row));
            let less = expected.iter().find(|row| !rows.contains(row));
            match (more, less) {
                (None, None) if rows.len() == expected.len() => None,
                (None, None) => Some(format!(
                    "{name} has the same rows and events more or less often: {rows:?}"
                )),
                (Some(more), None) => Some(format!("{name} has {more}, and should not")),
                (None, Some(less)) => Some(format!("{name} lacks {less}")),
                (Some(more), Some(less)) => {
                    Some(format!("{name} has {more}, and should have {less}"))
                }
            }
        })
    }
}

/// What a context has kept and published, in an order that does not depend on who was first.
fn rows(context: &super::simulation::Simulated) -> Vec<String> {
    let rows = context
        .state
        .iter()
        .map(|(key, value)| format!("{key} = {}", String::from_utf8_lossy(value)));
    let shown = |event: &super::DeliveredEvent, what: &str| {
        format!(
            "{what} {} of {}: {}",
            event.kind,
            event.subject,
            String::from_utf8_lossy(&event.data)
        )
    };
    let events = context
        .journal
        .iter()
        .map(|event| shown(event, "the event"));
    let timers = context
        .timers
        .iter()
        .map(|(due, event)| shown(event, &format!("at {due} the timer")));
    let mut all: Vec<String> = rows.chain(events).chain(timers).collect();
    all.sort();
    all
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text")
        .into()
}
