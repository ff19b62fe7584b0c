//! Where something else comes between what an operation does.

use std::rc::Rc;

use super::fuzzer::{INTERFERENCE, OPERATION};
use super::simulation::with;

/// What comes in between, once.
pub(crate) struct Interference {
    pub(crate) at: Moment,
    pub(crate) run: Rc<dyn Fn()>,
}

/// When it comes.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    /// At the step of this number.
    Step(u64),
    /// Before the invocation of this key begins, which is part of no other one.
    Before(String),
    /// When that has ended.
    After(String),
}

/// A step of an operation: a place in an invocation where others may commit.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The key of the invocation that it is in, in the end: of the one that is part of no other.
    pub(crate) root: String,
    /// What runs there.
    pub(crate) doing: String,
}

/// A place where something else may come between.
pub(crate) fn step() {
    let number = with(|simulation| {
        if simulation.scope != OPERATION {
            return None;
        }
        simulation.steps += 1;
        Some(simulation.steps)
    });
    let Some(number) = number else { return };
    come_between(|at| matches!(at, Moment::Step(step) if *step == number));
}

/// An invocation is to begin that is part of no other one.
pub(crate) fn begins(key: &str) {
    come_between(|at| matches!(at, Moment::Before(root) if root == key));
}

/// It has ended.
pub(crate) fn ended(key: &str) {
    come_between(|at| matches!(at, Moment::After(root) if root == key));
}

fn come_between(is_due: impl FnOnce(&Moment) -> bool) {
    let due = with(|simulation| {
        if simulation.scope != OPERATION {
            return None;
        }
        let due = simulation.interference.take_if(|next| is_due(&next.at))?;
        let running = std::mem::take(&mut simulation.running);
        if let (Some(root), Some(innermost)) = (running.first(), running.last()) {
            simulation.disturbed = Some(Step {
                root: root.key.clone(),
                doing: innermost.doing.clone(),
            });
        }
        simulation.scope = INTERFERENCE;
        Some((due.run, running))
    });
    if let Some((run, running)) = due {
        run();
        with(|simulation| {
            simulation.running = running;
            simulation.scope = OPERATION;
        });
    }
}
