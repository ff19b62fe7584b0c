//! What an invocation is, before its first attempt.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::continuity::Continuity;
use super::identifier;
use super::message::Request;
use super::turns::Stripes;
use crate::app::{Context, Host};
use crate::journal::{Cause, Durability, ReadSet, Write};
use crate::observe::TraceContext;
use crate::rollout::Version;

/// The contexts on the way from the root to a call, each with the turn it holds.
pub type Chain = Arc<[(String, Stripes)]>;

/// One invocation: the same over all its attempts.
pub(super) struct Job {
    pub host: Arc<Host>,
    pub context: Arc<Context>,
    pub id: String,
    /// How many runs under its id were abandoned, and their calls put on record to be undone.
    pub abandoned: u32,
    pub correlation_id: String,
    pub causation_id: String,
    pub trace: TraceContext,
    pub cause: Cause,
    /// What brings it again after a crash.
    pub trigger: Trigger,
    /// The number of its first attempt.
    pub first_attempt: u32,
    /// When its caller stops waiting.
    pub deadline: Instant,
    pub chain: Chain,
    /// The generation of the state it works on, when not the serving one.
    pub generation: Option<u32>,
    /// The version that runs it, when not the one that serves.
    pub version: Option<Arc<Version>>,
    pub continuity: Arc<Continuity>,
    /// What goes into its commit besides what the guest stages.
    pub reads: ReadSet,
    pub writes: Vec<Write>,
    pub durability: Option<Durability>,
    /// Where its answer is kept for a repeat.
    pub keep: Keep,
}

/// What brings an invocation again after a crash.
pub(super) enum Trigger {
    /// Its own intent: nobody else knows of it.
    Intent(Input),
    /// Its caller, which is run again.
    Caller,
    /// The event's follower, which has not moved its cursor.
    Follower,
    /// Nobody: it never commits, and so it may not call.
    Nobody,
}

/// What an invocation that nobody else would bring again is about.
pub(super) enum Input {
    /// A web request, perhaps with an `Idempotency-Key`.
    Request(Arc<Request>, Option<String>),
    /// A call from outside: what `keep` holds.
    Call,
}

/// Where an invocation's answer is kept for a repeat.
pub(super) enum Keep {
    Nowhere,
    /// Under this key, with what was called.
    Call {
        key: String,
        interface: String,
        function: String,
        parameters: Vec<u8>,
    },
    /// Under an `Idempotency-Key`.
    Response {
        key: String,
        fingerprint: String,
    },
}

impl Job {
    /// What the ids of its calls begin with.
    pub(super) fn run(&self) -> String {
        identifier::of_run(&self.id, self.abandoned)
    }

    /// How long it may still take.
    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Now, in milliseconds since the Unix epoch.
pub fn wall_clock() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
