//! Commits of the host itself, which belong to no story.

use super::read_set::ReadSet;
use super::record::{Cause, Ending, Header, Write};
use super::unit::Unit;
use crate::core::{InvocationId, wall_clock};

/// The header of a commit that belongs to no story.
pub(crate) fn bookkeeping(purpose: &str) -> Header {
    Header {
        invocation: InvocationId::random(),
        cause: Cause::Host {
            purpose: purpose.to_owned(),
        },
        ending: Ending::Committed,
        attempt: 1,
        correlation_id: None,
        causation_id: None,
        version: None,
        time: wall_clock(),
        status: None,
        by: None,
    }
}

impl Unit {
    /// Writes that belong to no story, and depend on nothing.
    pub(crate) fn bookkeeping(purpose: &str, began: u64, writes: Vec<Write>) -> Self {
        Self {
            began,
            reads: ReadSet::default(),
            header: bookkeeping(purpose),
            writes,
            events: Vec::new(),
        }
    }
}
