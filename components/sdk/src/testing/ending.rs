//! What operations have come to, when all that follows from them is handled: what a conflict fuzzer compares.

use std::collections::BTreeMap;

use super::DeliveredEvent;
use super::simulation::{Simulated, Simulation};

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) answers: Vec<String>,
    /// The rows, events and timers of each context, and what it has given up.
    contexts: BTreeMap<String, Vec<String>>,
    /// Whether something was undone: then any context may have traces of it, by what it has read or followed meanwhile.
    undone: bool,
    broken: Option<String>,
}

impl Ending {
    pub(super) fn of(
        simulation: &Simulation,
        answers: Vec<String>,
        broken: Option<String>,
    ) -> Self {
        let contexts = simulation.contexts.iter();
        let mut contexts: BTreeMap<_, _> = contexts
            .map(|(name, context)| (name.clone(), rows(context)))
            .collect();
        for letter in &simulation.dead_letters {
            let kept = contexts.entry(letter.context.clone()).or_default();
            kept.push(format!(
                "the dead letter {} of {}",
                letter.kind, letter.subject
            ));
            kept.sort();
        }
        Self {
            answers,
            contexts,
            undone: simulation.calls.iter().any(|call| call.is_undone),
            broken,
        }
    }

    /// What it says of the first rule that does not hold.
    pub(super) fn broken_rule(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// What is other than it should be. Where something was undone only what must be so nevertheless is compared, unless `compare_undone`: others may have seen
    /// it, since sagas hide nothing.
    pub(super) fn differs(&self, right: &Self, compare_undone: bool) -> Option<String> {
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
fn rows(context: &Simulated) -> Vec<String> {
    let rows = context
        .state
        .iter()
        .map(|(key, value)| format!("{key} = {}", String::from_utf8_lossy(value)));
    let shown = |event: &DeliveredEvent, what: &str| {
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
