use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::delivery;
use super::drawn_numbers::DrawnNumbers;
use super::ending::Ending;
use super::interference::{Interference, Moment, Step};
use super::simulation::{Simulation, Twice, with};
use super::{Finding, Reply, TestApp, Tried};

/// What an operation's invocations are part of.
pub(crate) const OPERATION: &str = "operation";
/// What those are part of that come in between.
pub(crate) const INTERFERENCE: &str = "interference";

/// What is said where the same does not end alike in two apps that were made alike.
const OUTSIDE: &str = "the same once more, in another app, ends otherwise: it goes by what is kept outside of tables, such as a static, or by chance";

type Operation = Rc<dyn Fn(&TestApp) -> Reply>;
type Rule = Box<dyn Fn(&TestApp) -> Result<(), String>>;

/// Finds code that does not survive being run again: in routes, policies, timers, offered functions, undos and projections.
///
/// The host runs an invocation again when what it has read was changed meanwhile. Nothing of the first run is left, but the calls that it made: the second gets
/// the same answers, or, when it calls something else, they are undone. So a function must not remember anything outside of its tables, nor depend on how often
/// it runs.
///
/// Each operation is followed to its end: its own invocation, what that calls, what is undone of it, the events that come of it and are handled by whoever follows
/// them, and, with [`passing`](Self::passing), its timers. All of these invocations are run twice, and must end as if they had been run once. Then each other
/// operation, with its events, comes in between at each of their steps (before each call, and before each commit); that must end as if it had come before the
/// invocation that it disturbs, or after it. And whatever happens, the rules hold when all events are handled. Where something was undone on the way others may have
/// seen it, and have rightly done otherwise: then it is the rules that count (see [`Tried::judged_by_rules`]).
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
    passing: Duration,
}

/// What came of one order.
struct Ran {
    ending: Ending,
    /// How many steps the operation had, and what followed from it.
    steps: u64,
    /// What was run.
    invocations: Vec<String>,
    /// Where the other operation came in between.
    disturbed: Option<Step>,
    /// Whether the operation itself has done anything.
    is_anything_done: bool,
}

impl ConflictFuzzer {
    /// Runs in apps that are made by this function, always in the same way.
    pub fn new(app: impl Fn() -> TestApp + 'static) -> Self {
        Self {
            app: Box::new(app),
            operations: Vec::new(),
            rules: Vec::new(),
            passing: Duration::ZERO,
        }
    }

    /// With an operation: one request. Where it is something else that happens to the app, such as an event from outside that it
    /// [publishes](TestApp::publish), it answers nothing.
    #[must_use]
    pub fn operation<R: Into<Reply>>(
        mut self,
        name: &str,
        run: impl Fn(&TestApp) -> R + 'static,
    ) -> Self {
        let run = move |app: &TestApp| run(app).into();
        self.operations.push((name.into(), Rc::new(run)));
        self
    }

    /// After each operation the clock is moved by so much: the timers that are due by then fire, and what handles them is tried like all else. Without this none fires.
    #[must_use]
    pub fn passing(mut self, time: Duration) -> Self {
        self.passing = time;
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
            let finding = |between: Option<&str>, step, run_again, reason| Finding {
                operation: name.clone(),
                between: between.map(Into::into),
                step,
                run_again,
                reason,
            };
            let mut numbers = DrawnNumbers::default();
            let once = self.run(operation, None, None, &mut numbers);
            if !once.is_anything_done {
                let answers = once.ending.answers.join("; ");
                let reason = format!("starts no invocation, so there is nothing to try: {answers}");
                return Err(finding(None, 0, None, reason));
            }
            if let Some(broken) = once.ending.broken_rule() {
                let reason = format!("breaks a rule without any conflict: {broken}");
                return Err(finding(None, 0, None, reason));
            }
            let twice = self.run(operation, None, Some(Twice::All), &mut numbers.clone());
            // Nobody else is there who could have seen what is undone.
            if let Some(difference) = twice.ending.differs(&once.ending, true) {
                let again = self.run(operation, None, Some(Twice::All), &mut numbers.clone());
                let reason = format!("does not survive being run again: {difference}");
                return Err(match again.ending == twice.ending {
                    true => {
                        let run_again = self.found_alone(operation, &once, &numbers);
                        finding(None, 0, run_again, reason)
                    }
                    false => {
                        let reason = format!("{reason}; {OUTSIDE}");
                        finding(None, 0, only_one(&once.invocations), reason)
                    }
                });
            }
            for (between, other) in &self.operations {
                if let Some(broken) = self.broken_in_order(operation, other) {
                    return Err(finding(Some(between), 0, None, broken));
                }
                for step in 1..=twice.steps {
                    let (difference, disturbed) = self.disturb(operation, other, step, &mut tried);
                    if let Some(difference) = difference {
                        return Err(finding(Some(between), step, disturbed, difference));
                    }
                }
            }
        }
        Ok(tried)
    }

    /// The rule that two operations break which come one after the other: then it is not a conflict that breaks it.
    fn broken_in_order(&self, first: &Operation, second: &Operation) -> Option<String> {
        let after = Some((second, Moment::After(String::new())));
        let ran = self.run(first, after, None, &mut DrawnNumbers::default());
        ran.ending.broken_rule().map(ToOwned::to_owned)
    }

    /// Has the other operation come in between at a step. Tells what differs, and in what it came.
    fn disturb(
        &self,
        operation: &Operation,
        other: &Operation,
        step: u64,
        tried: &mut Tried,
    ) -> (Option<String>, Option<String>) {
        let mut numbers = DrawnNumbers::default();
        let at = Moment::Step(step);
        let mixed = self.run(operation, Some((other, at)), Some(Twice::All), &mut numbers);
        let (root, doing) = match mixed.disturbed {
            Some(step) => (step.root, Some(step.doing)),
            None => (String::new(), None),
        };
        let orders = [Moment::Before(root.clone()), Moment::After(root)];
        let orders =
            orders.map(|order| self.run(operation, Some((other, order)), None, &mut numbers));
        let differs = |compare_undone| {
            let [before, after] = [&orders[0], &orders[1]]
                .map(|order| mixed.ending.differs(&order.ending, compare_undone));
            // Either order will do; the first is what is told of.
            after.and(before)
        };
        let Some(difference) = differs(false) else {
            tried.interleavings += 1;
            tried.judged_by_rules += u64::from(differs(true).is_some());
            return (None, doing);
        };
        let at = Moment::Step(step);
        let mut numbers = DrawnNumbers::default();
        let again = self.run(operation, Some((other, at)), Some(Twice::All), &mut numbers);
        match again.ending == mixed.ending {
            true => (Some(difference), doing),
            // Whatever has run before may be to blame.
            false => (Some(format!("{difference}; {OUTSIDE}")), None),
        }
    }

    /// The first invocation that makes the difference, when nothing but that is run again.
    fn found_alone(
        &self,
        operation: &Operation,
        once: &Ran,
        numbers: &DrawnNumbers,
    ) -> Option<String> {
        let mut invocations = once.invocations.iter().enumerate();
        let found = invocations.find(|(number, _)| {
            let only = Some(Twice::Only(*number));
            let ran = self.run(operation, None, only, &mut numbers.clone());
            ran.ending.differs(&once.ending, true).is_some()
        });
        found.map(|(_, doing)| doing.clone())
    }

    /// Runs one order from the beginning.
    fn run(
        &self,
        operation: &Operation,
        other: Option<(&Operation, Moment)>,
        twice: Option<Twice>,
        numbers: &mut DrawnNumbers,
    ) -> Ran {
        with(|simulation| simulation.numbers_to_begin_with = std::mem::take(numbers));
        let app = Rc::new((self.app)());
        let answers = Rc::new(RefCell::new(BTreeMap::new()));
        let interference = other.map(|(other, at)| {
            let (app, other, answers) = (app.clone(), other.clone(), answers.clone());
            let run: Rc<dyn Fn()> = Rc::new(move || {
                let shown = answered(INTERFERENCE, || {
                    let reply = other(&app);
                    app.settle();
                    reply
                });
                answers.borrow_mut().insert(INTERFERENCE, shown);
            });
            Interference { at, run }
        });
        let published = with(|simulation| {
            simulation.calls.clear();
            simulation.steps = 0;
            simulation.invocations.clear();
            simulation.disturbed = None;
            simulation.twice = twice;
            simulation.interference = interference;
            simulation.scope = OPERATION;
            published(simulation)
        });
        let shown = answered(OPERATION, || operation(&app));
        answers.borrow_mut().insert(OPERATION, shown);
        let is_anything_done = with(|simulation| {
            !simulation.invocations.is_empty() || published < self::published(simulation)
        });
        let followed = catch_unwind(AssertUnwindSafe(|| {
            if !self.passing.is_zero() {
                app.advance(self.passing);
            }
            delivery::settle_all();
        }));
        let late = with(|simulation| {
            simulation.running.clear();
            simulation.scope = INTERFERENCE;
            simulation.interference.take()
        });
        // What it was to disturb has not come this time.
        if let Some(late) = late {
            (late.run)();
        }
        let (steps, invocations, disturbed) = with(|simulation| {
            simulation.twice = None;
            simulation.scope = "test";
            (
                simulation.steps,
                std::mem::take(&mut simulation.invocations),
                simulation.disturbed.take(),
            )
        });
        let broken = match followed {
            Err(panic) => Some(format!("what follows from it panics: {}", text(&*panic))),
            Ok(()) => {
                delivery::settle_all();
                self.broken_rule(&app)
            }
        };
        let answers = answers.borrow().values().cloned().collect();
        let ending = with(|simulation| {
            *numbers = std::mem::take(&mut simulation.numbers);
            Ending::of(simulation, answers, broken)
        });
        Ran {
            ending,
            steps,
            invocations,
            disturbed,
            is_anything_done,
        }
    }

    fn broken_rule(&self, app: &TestApp) -> Option<String> {
        self.rules.iter().find_map(|(name, holds)| {
            let reason = holds(app).err()?;
            Some(format!("\"{name}\" does not hold: {reason}"))
        })
    }
}

/// The invocation that there was, where there was no other.
fn only_one(invocations: &[String]) -> Option<String> {
    match invocations {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// How many events there are.
fn published(simulation: &Simulation) -> usize {
    let contexts = simulation.contexts.values();
    contexts.map(|context| context.journal.len()).sum()
}

/// What an operation answers, to be compared.
fn answered(scope: &str, operation: impl FnOnce() -> Reply) -> String {
    match catch_unwind(AssertUnwindSafe(operation)) {
        // Why it fails, it may have seen of an operation that is half done. It leaves nothing.
        Ok(reply) if scope == INTERFERENCE && reply.status >= 400 => format!("{scope}: fails"),
        Ok(reply) => format!("{scope}: {} {}", reply.status, reply.body),
        Err(panic) => format!("{scope}: panics: {}", text(&*panic)),
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text")
        .into()
}
