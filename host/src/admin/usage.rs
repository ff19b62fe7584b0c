//! What a context keeps, and how much more it may.

use super::view;
use crate::events::dead_letter;
use crate::invocation::{Context, quota};
use crate::journal::{self, Resource};
use crate::observe::metrics::{QUOTA_LIMIT, QUOTA_USED};

/// How much a context keeps of what it may keep only so much of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    /// What.
    resource: Resource,
    /// So much.
    used: u64,
    /// So much may be; none where there is no limit.
    limit: Option<u64>,
}

impl Used {
    /// What an operator should know when little is left.
    pub(super) fn warning(&self) -> Option<String> {
        let Self {
            resource,
            used,
            limit,
        } = self;
        let limit = limit.filter(|limit| *used >= limit - limit / 5)?;
        Some(format!(
            "it uses {used} of its quota of {limit} {resource} (quota.{resource}); when that is used up, what would add more is refused; remove some, or raise the quota"
        ))
    }
}

/// How much a context keeps. Reads the journal.
///
/// # Errors
///
/// When that cannot be read.
pub(super) fn used(context: &Context) -> Result<Vec<Used>, journal::Error> {
    let usage = context.ledger.usage(context.generation())?;
    let of = |resource| {
        let used = match resource {
            Resource::Bytes => usage.bytes,
            Resource::Keys => usage.keys,
            Resource::Timers => usage.timers,
            Resource::Sequences => context.ledger.sequence_count()?,
            Resource::DeadLetters => dead_letter::count(context)?,
            Resource::Commits => usage.commits,
        };
        let limit = quota::limit(context, resource);
        Ok(Used {
            resource,
            used,
            limit: (limit < u64::MAX).then_some(limit),
        })
    };
    Resource::ALL.into_iter().map(of).collect()
}

/// Takes the levels of a context, for Prometheus.
pub(super) fn take_levels(context: &Context) -> Result<(), journal::Error> {
    for Used {
        resource,
        used,
        limit,
    } in used(context)?
    {
        let labels = [
            ("context", context.name.to_string()),
            ("resource", resource.name().to_owned()),
        ];
        ::metrics::gauge!(QUOTA_USED, &labels).set(used as f64);
        if let Some(limit) = limit {
            ::metrics::gauge!(QUOTA_LIMIT, &labels).set(limit as f64);
        }
    }
    Ok(())
}

impl From<Used> for view::Used {
    fn from(used: Used) -> Self {
        Self {
            resource: used.resource.name().to_owned(),
            used: used.used,
            limit: used.limit,
        }
    }
}
