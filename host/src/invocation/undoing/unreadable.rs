//! Calls that are to be undone, but whose records cannot be read: nobody knows which calls they are. They wait for an operator.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::compensation;
use crate::core::wall_clock;
use crate::invocation::context::Context;
use crate::journal;

/// How many are remembered; what is beyond is listed, and neither counted nor spoken of.
const MOST: usize = 1_024;

/// Those of a context that somebody has come across, with when that was.
#[derive(Default)]
pub(super) struct UnreadableUndos(Mutex<HashMap<Vec<u8>, u64>>);

/// Notes that a record cannot be read. Answers since when that is known, in milliseconds since the Unix epoch.
pub(super) fn note(context: &Context, key: &[u8], error: &journal::Error) -> u64 {
    let now = wall_clock();
    {
        let mut known = context.compensations.unreadable.0.lock();
        if let Some(since) = known.get(key) {
            return *since;
        }
        if known.len() >= MOST {
            return now;
        }
        known.insert(key.to_vec(), now);
    }
    let caller = compensation::caller_of(key);
    tracing::error!(
        context = context.name.as_str(),
        caller = caller.as_str(),
        %error,
        "what is on record of a call that is to be undone cannot be read: drop it with `innkeeper dead-letters`, or restore a backup"
    );
    context.metrics.compensations_stuck.increment(1);
    now
}

/// One is not there any more.
pub(super) fn forget(context: &Context, key: &[u8]) {
    context.compensations.unreadable.0.lock().remove(key);
}
