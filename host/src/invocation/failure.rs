//! Why an invocation did not end with an answer of its guest.

use std::time::Duration;

use super::counter::InvalidCounter;
use super::publishable::Unpublishable;
use super::state_key::{InvalidKey, InvalidSequence};
use crate::core::memory::Exhausted;
use crate::core::{ContextName, counted, human_duration};
use crate::guest::Fault;
use crate::journal::{self, CommitError};

/// Why an invocation failed. Nothing of it was committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No version of the context serves.
    #[error("context {context} has no version that serves")]
    NotServing {
        /// The context.
        context: ContextName,
    },
    /// Something waited too long.
    #[error("context {context} has more work than it gets done; some of it waited too long")]
    Overloaded {
        /// The context.
        context: ContextName,
        /// When to try again.
        retry_after: Duration,
    },
    /// As much of a caller's work is under way and waits as may.
    #[error(
        "connection pool full: as much of {caller} waits for context {context} as circuit_breaker.max_pending_requests allows, or it waited too long"
    )]
    PoolExhausted {
        /// The context.
        context: ContextName,
        /// Who called.
        caller: ContextName,
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many errors in a row.
    #[error("circuit breaker open: context {context} has failed {caller} too often recently")]
    BreakerOpen {
        /// The context.
        context: ContextName,
        /// Who called.
        caller: ContextName,
        /// When it lets work through again.
        retry_after: Duration,
    },
    /// An operator wants it to fail, or the manifest does.
    #[error("fault injected: context {context} answers some with status {status} on purpose")]
    FaultInjected {
        /// The context.
        context: ContextName,
        /// The status that a request is answered with.
        status: u16,
    },
    /// It failed, after it was kept waiting on purpose.
    #[error("{0}")]
    Delayed(Box<Failure>),
    /// The context says that it cannot take work.
    #[error("context {context} says that it is not ready")]
    NotReady {
        /// The context.
        context: ContextName,
        /// When it is asked again.
        retry_after: Duration,
    },
    /// Its version is restarted, and that has not ended in time.
    #[error("context {context} is restarting; nothing was changed")]
    Restarting {
        /// The context.
        context: ContextName,
        /// When to try again.
        retry_after: Duration,
    },
    /// Its version fails again and again, and waits to be restarted.
    #[error("context {context} keeps failing and waits to be restarted (CrashLoopBackOff)")]
    CrashLoopBackOff {
        /// The context.
        context: ContextName,
        /// When it is restarted.
        retry_after: Duration,
    },
    /// It took too long.
    #[error("not done after {}", human_duration(*.after))]
    Deadline {
        /// How long it had.
        after: Duration,
    },
    /// The guest trapped.
    #[error("the guest trapped: {message}")]
    Trap {
        /// What the trap says.
        message: String,
    },
    /// The guest wanted more memory than it may have.
    #[error("the guest exceeded {limit} bytes of memory (limits.memory)")]
    OutOfMemory {
        /// What it may have, in bytes.
        limit: u64,
    },
    /// The guest called too deep.
    #[error("the guest's stack was exhausted")]
    StackExhausted,
    /// The guest handed more to the host at once than it may.
    #[error(
        "the guest handed more than {limit} bytes to the host at once; it may hand over eight times the largest of limits.response, limits.staged and limits.outbound, and limits.memory at most"
    )]
    HandedOverTooMuch {
        /// What it may, in bytes.
        limit: usize,
    },
    /// The guest staged more than it may.
    #[error("the guest staged more than {limit} bytes (limits.staged)")]
    StagedTooMuch {
        /// What it may stage, in bytes.
        limit: u64,
    },
    /// The guest would commit more than it may.
    #[error(
        "the guest would commit more than {limit} {what} (limits.commit.{what}); let it do less in one invocation"
    )]
    CommittedTooMany {
        /// `keys`, `events`, `timers` or `numbers`.
        what: &'static str,
        /// How many it may commit.
        limit: u32,
    },
    /// The guest set a timer farther ahead than it may.
    #[error(
        "the guest set a timer {} ahead; the most is {} (limits.commit.timer_delay)",
        human_duration(*.delay),
        human_duration(*.limit)
    )]
    TimerTooFar {
        /// How far.
        delay: Duration,
        /// How far it may be.
        limit: Duration,
    },
    /// The guest drew a number of a sequence that cannot be.
    #[error(transparent)]
    InvalidSequence(#[from] InvalidSequence),
    /// The context keeps as much as it may.
    #[error("{reason}")]
    QuotaExceeded {
        /// What of.
        what: journal::Resource,
        /// What the journal says.
        reason: String,
    },
    /// There is too little space left on the journal's volume.
    #[error("{reason}")]
    NoSpace {
        /// What the journal says.
        reason: String,
    },
    /// The guest asked for more of its state than it could hold.
    #[error(
        "a scan found {limit} bytes or more, which is more than the guest's memory (limits.memory); ask for fewer entries at a time"
    )]
    ScannedTooMuch {
        /// What memory the guest may have, in bytes.
        limit: u64,
    },
    /// The guest read more than it may.
    #[error(
        "the guest read more than {limit} {what} of its state (limits.read.{what}); let it read less in one invocation, a page at a time"
    )]
    ReadTooMuch {
        /// `keys` or `bytes`.
        what: &'static str,
        /// How many it may read.
        limit: u64,
    },
    /// The host holds as much for its invocations as it may.
    #[error("{reason}")]
    NoMemory {
        /// How much that is.
        reason: String,
    },
    /// The guest's answer is too big.
    #[error("the guest's response exceeds {limit} bytes (limits.response)")]
    ResponseTooLarge {
        /// What it may answer, in bytes.
        limit: u64,
    },
    /// The guest's answer is none that HTTP could carry.
    #[error("the guest's response is invalid: {reason}")]
    InvalidResponse {
        /// What is wrong.
        reason: String,
    },
    /// The guest used a key that state cannot have.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    /// The guest wrote into a table that it does not describe.
    #[error(
        "the guest wrote to the table {table}, which its description does not list; add it to the `tables` of the context"
    )]
    UndescribedTable {
        /// The table's name: its key up to a `/`.
        table: String,
    },
    /// The guest added to what is no counter, or more than one holds.
    #[error("{reason}")]
    InvalidCounter {
        /// What is wrong.
        reason: String,
    },
    /// The guest lacks what its description promises.
    #[error("the guest does not export {export}, which was to be called")]
    NotExported {
        /// The export.
        export: String,
    },
    /// The host had no room for another instance.
    #[error("{reason}")]
    NoInstance {
        /// What there was none of.
        reason: String,
    },
    /// The version is not in memory, and could not be brought back.
    #[error("the version is not in memory, and could not be loaded: {reason}")]
    NotLoaded {
        /// Why not.
        reason: String,
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The journal cannot be used.
    #[error("{reason}")]
    Journal {
        /// What the journal says.
        reason: String,
    },
    /// What it would commit is more than a commit holds.
    #[error("{reason}")]
    CommitTooLarge {
        /// What the journal says.
        reason: String,
    },
    /// The guest emitted an event that it does not describe.
    #[error("the guest emitted {kind}, which its description does not list")]
    UndescribedEvent {
        /// The event's kind.
        kind: String,
    },
    /// The guest emitted an event that nobody could publish.
    #[error("the guest emitted an event that cannot be published: {0}")]
    Unpublishable(#[from] Unpublishable),
    /// A call reached deeper than it may.
    #[error("calls nest deeper than {limit} contexts (limits.call_depth)")]
    CallDepth {
        /// How deep they may.
        limit: u32,
    },
    /// Others' commits kept getting in the way.
    #[error("conflicted with concurrent commits {} (limits.attempts)", counted(*.attempts, "time"))]
    Contended {
        /// How often it ran.
        attempts: u32,
    },
    /// What an earlier run called is not undone yet.
    #[error("context {context} is still undoing the calls of an earlier run of this invocation")]
    BeingUndone {
        /// The context.
        context: ContextName,
    },
    /// The `Idempotency-Key` belongs to another request.
    #[error("this Idempotency-Key was used for a different request")]
    KeyReused,
    /// The first request with this `Idempotency-Key` still runs.
    #[error("a request with this Idempotency-Key is still running")]
    KeyInProgress {
        /// When to try again.
        retry_after: Duration,
    },
    /// The version was taken out of service, and the invocation did not end in the time that it had to.
    #[error(
        "the version of context {context} that started this was replaced before it ended; nothing was changed"
    )]
    Evicted {
        /// The context.
        context: ContextName,
    },
    /// The version that serves by now does not describe the route.
    #[error("{method} {path} is no longer a route of the context")]
    NotDescribed {
        /// The method.
        method: String,
        /// The path as it was described.
        path: String,
    },
    /// The version that serves by now does not follow the event.
    #[error("{kind} of {source_name} is no longer followed")]
    NotFollowed {
        /// The context that published it.
        source_name: String,
        /// The event's kind.
        kind: String,
    },
    /// The callee does not offer what the caller was built for.
    #[error("context {context}: {reason}")]
    Incompatible {
        /// The callee.
        context: ContextName,
        /// The difference.
        reason: String,
    },
    /// Whether it has taken effect shows later.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// What its caller had read has changed, so the caller is to be run again.
    #[error("what its caller read has changed since")]
    CallerOutdated,
    /// The answers to a guest's calls are more than the guest could hold.
    #[error(
        "the answers to its calls take {limit} bytes or more, which is more than the guest's memory (limits.memory)"
    )]
    AnsweredTooMuch {
        /// What memory the guest may have, in bytes.
        limit: u64,
    },
    /// The host stops.
    #[error("the host is stopping")]
    Stopping,
}

/// How much is kept of what a guest says of its failure, in bytes: it is logged, and stored.
const LONGEST_REASON: usize = 2_000;

/// What a guest says, as much of it as is kept.
pub(super) fn clipped(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
    reason
}

impl Failure {
    /// What a guest's fault means for its invocation.
    pub(super) fn of_fault(fault: Fault) -> Self {
        match fault {
            Fault::Deadline { after } => Self::Deadline { after },
            Fault::Trap { message } => Self::Trap {
                message: clipped(message),
            },
            Fault::OutOfMemory { limit } => Self::OutOfMemory {
                limit: limit as u64,
            },
            Fault::HandedOverTooMuch { limit } => Self::HandedOverTooMuch { limit },
            Fault::StackExhausted => Self::StackExhausted,
            Fault::NoMemory => Self::NoMemory {
                reason: "the host has no memory left for the guest ([host] guests_memory)".into(),
            },
            Fault::Refused(refusal) => Self::Trap {
                message: clipped(refusal.to_string()),
            },
            Fault::InvalidAnswer(reason) => Self::InvalidResponse {
                reason: clipped(reason),
            },
            Fault::AnswerTooLong { limit } => Self::ResponseTooLarge { limit },
            Fault::NotExported(export) => Self::NotExported { export },
            Fault::NoInstance(reason) => Self::NoInstance { reason },
            Fault::NotLoaded {
                reason,
                retry_after,
            } => Self::NotLoaded {
                reason: clipped(reason),
                retry_after,
            },
        }
    }

    /// What it means that a context's unit of work did not become a commit.
    pub(super) fn of_commit(context: &ContextName, error: CommitError) -> Self {
        match error {
            CommitError::Busy => Self::Overloaded {
                context: context.to_owned(),
                retry_after: Duration::from_secs(1),
            },
            error => error.into(),
        }
    }

    /// What it means that what was handed over did not become a commit: it may be on disk, whatever the disk has said.
    pub(super) fn of_handed_over(context: &ContextName, error: CommitError) -> Self {
        match error {
            CommitError::Closed
            | CommitError::Journal(journal::Error::Stopped { .. } | journal::Error::Disk { .. }) => {
                Self::OutcomeUnknown
            }
            error => Self::of_commit(context, error),
        }
    }

    /// Whether the time that it had was up, while it ran or before it could begin.
    pub fn is_deadline(&self) -> bool {
        match self {
            Self::Deadline { .. } => true,
            Self::Delayed(failure) => failure.is_deadline(),
            _ => false,
        }
    }

    /// Whether a circuit breaker turned it away.
    pub fn is_rejection(&self) -> bool {
        matches!(self, Self::PoolExhausted { .. } | Self::BreakerOpen { .. })
    }

    /// Whether the host had no place for the guest, so that nothing is known of how it would have done.
    pub fn is_for_want_of_place(&self) -> bool {
        matches!(
            self,
            Self::NoInstance { .. } | Self::NoMemory { .. } | Self::NotLoaded { .. }
        )
    }

    /// Whether the context itself is to blame, rather than load, its callers or the host.
    pub fn is_fault_of_context(&self) -> bool {
        match self {
            Self::Deadline { .. }
            | Self::Trap { .. }
            | Self::OutOfMemory { .. }
            | Self::StackExhausted
            | Self::HandedOverTooMuch { .. }
            | Self::StagedTooMuch { .. }
            | Self::CommittedTooMany { .. }
            | Self::TimerTooFar { .. }
            | Self::InvalidSequence(_)
            | Self::ScannedTooMuch { .. }
            | Self::ReadTooMuch { .. }
            | Self::CommitTooLarge { .. }
            | Self::AnsweredTooMuch { .. }
            | Self::ResponseTooLarge { .. }
            | Self::InvalidResponse { .. }
            | Self::InvalidKey(_)
            | Self::NotExported { .. }
            | Self::UndescribedEvent { .. }
            | Self::Unpublishable(_)
            | Self::UndescribedTable { .. }
            | Self::InvalidCounter { .. }
            | Self::NotServing { .. } => true,
            // The time that it had was taken away on purpose.
            Self::Delayed(failure) => {
                !failure.is_deadline() && failure.is_fault_of_context()
            }
            Self::Overloaded { .. }
            | Self::PoolExhausted { .. }
            | Self::BreakerOpen { .. }
            | Self::FaultInjected { .. }
            | Self::NotReady { .. }
            | Self::Restarting { .. }
            | Self::CrashLoopBackOff { .. }
            | Self::NoInstance { .. }
            | Self::NotLoaded { .. }
            | Self::NoMemory { .. }
            // Another version would keep no less.
            | Self::QuotaExceeded { .. }
            | Self::NoSpace { .. }
            | Self::CallDepth { .. }
            | Self::Contended { .. }
            | Self::BeingUndone { .. }
            | Self::KeyReused
            | Self::KeyInProgress { .. }
            | Self::Journal { .. }
            | Self::Evicted { .. }
            | Self::NotDescribed { .. }
            | Self::NotFollowed { .. }
            | Self::Incompatible { .. }
            | Self::OutcomeUnknown
            | Self::CallerOutdated
            | Self::Stopping => false,
        }
    }
}

impl From<journal::Error> for Failure {
    fn from(error: journal::Error) -> Self {
        match error {
            journal::Error::Closed => Self::Stopping,
            journal::Error::QuotaExceeded { resource, .. } => Self::QuotaExceeded {
                what: resource,
                reason: error.to_string(),
            },
            journal::Error::NoSpace(shortage) => Self::NoSpace {
                reason: shortage.to_string(),
            },
            journal::Error::NotMerged { reason } => Self::InvalidCounter { reason },
            // Nothing is wrong with the journal, and nothing was committed.
            journal::Error::TooLarge { .. } | journal::Error::TooManyEvents { .. } => {
                Self::CommitTooLarge {
                    reason: error.to_string(),
                }
            }
            error => Self::Journal {
                reason: error.to_string(),
            },
        }
    }
}

impl From<InvalidCounter> for Failure {
    fn from(error: InvalidCounter) -> Self {
        Self::InvalidCounter {
            reason: error.to_string(),
        }
    }
}

impl From<Exhausted> for Failure {
    fn from(exhausted: Exhausted) -> Self {
        Self::NoMemory {
            reason: exhausted.to_string(),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Busy => Self::Overloaded {
                context: ContextName::of_host("journal"),
                retry_after: Duration::from_secs(1),
            },
            CommitError::Closed => Self::Stopping,
            CommitError::Journal(error) => error.into(),
            CommitError::Conflict { .. } => Self::Contended { attempts: 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_says_is_kept_up_to_a_length() {
        assert_eq!(clipped("short".into()), "short");
        let long = clipped("\u{20ac}".repeat(10_000));
        assert_eq!(long.len(), 1_998, "whole characters");
    }

    #[test]
    fn a_commit_that_is_too_large_is_the_fault_of_its_context() {
        let (bytes, limit) = (2, 1);
        let too_large = journal::Error::TooLarge { bytes, limit };
        let failure = Failure::from(CommitError::Journal(too_large));
        assert!(failure.is_fault_of_context(), "{failure:?}");
        let reason = "its disk failed".to_owned();
        let failure = Failure::from(CommitError::Journal(journal::Error::Disk { reason }));
        assert!(!failure.is_fault_of_context(), "{failure:?}");
        let (resource, limit) = (journal::Resource::Keys, 1);
        let full = journal::Error::QuotaExceeded { resource, limit };
        let failure = Failure::from(full);
        assert!(!failure.is_fault_of_context(), "{failure:?}");
        let (free, limit) = (1, 2);
        let short = journal::Error::NoSpace(journal::Shortage { free, limit });
        let failure = Failure::from(short);
        assert!(!failure.is_fault_of_context(), "{failure:?}");
    }
}
