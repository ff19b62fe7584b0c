//! What the commits of an invocation are held to.

use metrics::counter;

use super::context::Context;
use super::definition::Invocation;
use super::failure::Failure;
use crate::journal::{Quota, Resource};
use crate::observe::metrics::QUOTA_REFUSALS;

/// What a context may keep of each kind; the most that there can be where it has no limit.
pub fn limit(context: &Context, resource: Resource) -> u64 {
    let quota = &context.settings.quota;
    match resource {
        Resource::Bytes => quota.bytes.unwrap_or(u64::MAX),
        Resource::Keys => quota.keys.get().into(),
        Resource::Timers => quota.timers.get().into(),
        Resource::Sequences => quota.sequences.get().into(),
        Resource::DeadLetters => quota.dead_letters.get().into(),
        Resource::Commits => quota.commits.map_or(u64::MAX, u64::from),
    }
}

/// What a commit is held to of an invocation that works on a generation of the state; none where it undoes something: that is owed to others.
pub(super) fn of(invocation: &Invocation, generation: u32) -> Option<Quota> {
    if invocation.id.is_of_undo() {
        return None;
    }
    let limit = |resource| limit(&invocation.context, resource);
    Some(Quota {
        generation,
        bytes: limit(Resource::Bytes),
        keys: limit(Resource::Keys),
        timers: limit(Resource::Timers),
        commits: limit(Resource::Commits),
    })
}

/// Counts an invocation that ended because its context keeps as much as it may, or the volume holds no more.
pub(super) fn note(context: &Context, failure: &Failure) {
    let resource = match failure {
        Failure::QuotaExceeded { what, .. } => what.name(),
        Failure::NoSpace { .. } => "disk",
        _ => return,
    };
    counter!(QUOTA_REFUSALS, "context" => &context.name, "resource" => resource).increment(1);
}
