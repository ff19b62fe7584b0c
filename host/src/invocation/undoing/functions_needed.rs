//! What other contexts may still have undone in one: the functions for that count as used, whoever imports them now.

use std::collections::{BTreeMap, BTreeSet};

use super::compensation;
use crate::core::{ContextName, InvocationId, RunId};
use crate::invocation::calls_made;
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::invoker::Invoker;
use crate::invocation::record::{self, Compensation, Intent, StoredCall};
use crate::invocation::replay::Effect;
use crate::journal::{KeyRange, Ledger, Space};

/// How many records are read at a time.
const BATCH: usize = 256;

/// Who may still have something undone by one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeededBy {
    /// The contexts that called.
    pub callers: BTreeSet<ContextName>,
    /// How many calls that is.
    pub calls: u64,
}

/// The functions of a context, `<interface>#<function>`, that undo calls which are to be undone, or whose callers have not ended.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn of(invoker: &Invoker, callee: &Context) -> Result<BTreeMap<String, NeededBy>, Failure> {
    let mut pending: BTreeMap<String, NeededBy> = BTreeMap::new();
    let mut note = |undo: Option<String>, caller: &ContextName| {
        if let Some(undo) = undo {
            let pending = pending.entry(undo).or_default();
            pending.callers.insert(caller.clone());
            pending.calls += 1;
        }
    };
    // Also those that have left the app: they may be back.
    for (caller, ledger) in invoker.ledgers.callers() {
        let (mut calls, mut runs) = (Vec::new(), Vec::new());
        for page in compensation::pages(&ledger, KeyRange::all()) {
            for (key, value) in page? {
                // Of one that cannot be read nobody knows what would undo it: that is for an operator.
                let read = value.and_then(|value| record::read::<Compensation>(&key, &value));
                if let Ok(compensation) = read
                    && compensation.callee == callee.name
                {
                    match compensation.all_of {
                        Some(_) => runs.push(RunId::from(&*String::from_utf8_lossy(
                            compensation::run_of(&key),
                        ))),
                        None => calls.push(compensation.call),
                    }
                }
            }
        }
        for call in calls {
            match record::find::<StoredCall>(&callee.ledger, Space::Result, &call) {
                Ok(Some(stored)) => note(stored.undo, &caller),
                Ok(None) => {}
                // No function undoes what cannot be read: that is for an operator.
                Err(error) if error.is_of_one_value() => {}
                Err(error) => return Err(error.into()),
            }
        }
        each_intent(&ledger, |id, intent| {
            if intent.callees.contains(&callee.name) {
                runs.push(id.run(intent.run));
            }
        })?;
        for run in runs {
            for call in calls_made::committed_at(callee, &run)? {
                if let Effect::Committed { undo } = call.effect {
                    note(undo, &caller);
                }
            }
        }
    }
    Ok(pending)
}

fn each_intent(
    ledger: &Ledger,
    mut visit: impl FnMut(&InvocationId, &Intent),
) -> Result<(), Failure> {
    let pages = ledger.pages(Space::Intent, KeyRange::all(), BATCH);
    for page in pages.around_damage() {
        for (key, value) in page? {
            // Of one that cannot be read nobody knows what it has called: that is for an operator.
            let read = value.and_then(|value| record::read(&key, &value));
            if let Ok(intent) = read {
                visit(
                    &InvocationId::from(&*String::from_utf8_lossy(&key)),
                    &intent,
                );
            }
        }
    }
    Ok(())
}
