//! Abandoned runs of a call: its caller brings it again under the same id, and what it called before is undone by then.

use super::context::Context;
use super::definition::{Invocation, Trigger};
use super::failure::Failure;
use super::record::{self, AbandonedRuns};
use crate::core::{InvocationId, wall_clock};
use crate::journal::{Space, Write};

/// Where it is kept how many runs there were; not below any invocation, where its calls are looked for.
fn key(invocation: &InvocationId) -> String {
    format!("abandoned:{invocation}")
}

/// How many runs of an invocation were abandoned after they had called.
pub(super) fn abandoned(context: &Context, invocation: &InvocationId) -> Result<u32, Failure> {
    let stored: Option<AbandonedRuns> =
        record::find(&context.ledger, Space::Result, &key(invocation))?;
    Ok(stored.map_or(0, |stored| stored.count))
}

/// The write that counts this run, if its caller may bring another. It is part of the commit that puts its calls on record to be undone.
pub(super) fn one_more(invocation: &Invocation) -> Result<Option<Write>, Failure> {
    if !matches!(invocation.trigger, Trigger::Caller) {
        return Ok(None);
    }
    let runs = AbandonedRuns {
        time: wall_clock(),
        caller: invocation.caller.clone(),
        count: invocation.replay.run().saturating_add(1),
    };
    Ok(Some(record::write(
        Space::Result,
        &key(&invocation.id),
        &runs,
    )?))
}
