//! What an invocation is, before its first attempt.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::admission::Permit;
use super::circuit_breaker::{Breaker, Connection};
use super::commit_hold::{Consent, Hold};
use super::context::Context;
use super::failure::Failure;
use super::idempotency;
use super::invoker::Invoker;
use super::key_locks::LockSet;
use super::replay::Replay;
use super::stored_call_result::CallKey;
use crate::core::message::Request;
use crate::core::{
    CausationId, ContextName, CorrelationId, InvocationId, RunId, TraceContext, VerifiedIdentity,
    wall_clock,
};
use crate::journal::{Cause, Durability, ReadSet, Write};
use crate::outbound::Conversation;
use crate::versions::Version;

/// A callee is given up on at most so long before its caller.
const LONGEST_MARGIN: Duration = Duration::from_secs(1);

/// One invocation on the way from the root to a call.
#[derive(Clone)]
pub struct Link {
    /// Its context.
    context: ContextName,
    /// The locks that it has there.
    locks: LockSet,
    /// What it holds of the commits there.
    hold: Arc<Hold>,
}

impl Link {
    fn keeps_others_waiting(&self) -> bool {
        self.hold.is_held() || !self.locks.is_empty()
    }
}

/// The invocations on the way from the root to a call.
pub type CallStack = Arc<[Link]>;

/// One invocation: the same over all its attempts.
pub(super) struct Invocation {
    pub invoker: Arc<Invoker>,
    pub context: Arc<Context>,
    pub id: InvocationId,
    pub correlation_id: CorrelationId,
    pub causation_id: Option<CausationId>,
    pub trace: TraceContext,
    /// Who is behind it; what it calls, tells and sets off is theirs, too.
    pub identity: Option<VerifiedIdentity>,
    pub cause: Cause,
    /// What brings it again after a crash.
    pub trigger: Trigger,
    /// The context whose invocation made it, when it is a call from inside.
    pub caller: Option<ContextName>,
    /// How its caller agrees to a commit that nothing undoes.
    pub consent: Option<Consent>,
    /// The number of its first attempt.
    pub first_attempt: u32,
    /// How long it had, over waiting, attempts and commit.
    pub budget: Duration,
    /// When that is over.
    pub deadline: Instant,
    pub call_stack: CallStack,
    /// The generation of the state it works on, when not the serving one.
    pub generation: Option<u32>,
    /// The version that runs it, when not the one that serves.
    pub version: Option<Arc<Version>>,
    pub replay: Arc<Replay>,
    /// What goes into its commit besides what the guest stages.
    pub reads: ReadSet,
    pub writes: Vec<Write>,
    pub durability: Option<Durability>,
    /// Its place among what its context runs at once.
    pub place: Place,
    /// What it came through; none when nobody waits for it who could be turned away.
    pub breaker: Option<Arc<Breaker>>,
    /// Whether it was kept waiting on purpose.
    pub delayed: bool,
    /// What it has of its caller's connection pool.
    pub connection: Connection,
    /// What it holds of its context's commits.
    pub hold: Arc<Hold>,
    /// The title of the version that it was routed to last, to be told.
    pub routed_to: Mutex<Option<Arc<str>>>,
    /// What it has asked outside, and heard.
    pub conversation: OnceLock<Arc<Conversation>>,
}

/// The least that is to be known of an invocation.
pub(super) struct Beginning {
    pub invoker: Arc<Invoker>,
    pub context: Arc<Context>,
    pub id: InvocationId,
    pub correlation_id: CorrelationId,
    pub causation_id: Option<CausationId>,
    pub trace: TraceContext,
    pub identity: Option<VerifiedIdentity>,
    pub cause: Cause,
    pub trigger: Trigger,
    /// When it must have ended.
    pub deadline: Instant,
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
    /// A call from outside.
    Call(Arc<CallKey>),
}

/// A place among what a context runs at once; left while it waits for locks.
#[derive(Default)]
pub(super) struct Place(Mutex<Option<Permit>>);

impl Place {
    /// One that was taken before.
    pub(super) fn taken(place: Option<Permit>) -> Self {
        Self(Mutex::new(place))
    }

    /// Leaves it to somebody else.
    pub(super) fn leave(&self) {
        self.0.lock().take();
    }
}

impl Invocation {
    /// An invocation of which nothing else is known: it was not seen before, and its answer is not stored.
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning {
            invoker,
            context,
            id,
            correlation_id,
            causation_id,
            trace,
            identity,
            cause,
            trigger,
            deadline,
        } = beginning;
        Self {
            invoker,
            context,
            id,
            correlation_id,
            causation_id,
            trace,
            identity,
            cause,
            trigger,
            caller: None,
            consent: None,
            first_attempt: 1,
            budget: deadline.saturating_duration_since(Instant::now()),
            deadline,
            call_stack: CallStack::default(),
            generation: None,
            version: None,
            replay: Replay::new(wall_clock(), 0),
            reads: ReadSet::default(),
            writes: Vec::new(),
            durability: None,
            place: Place::default(),
            breaker: None,
            delayed: false,
            connection: Connection::default(),
            hold: Arc::default(),
            routed_to: Mutex::default(),
            conversation: OnceLock::new(),
        }
    }

    /// It was routed to a version.
    pub(super) fn note_route(&self, version: &Version) {
        *self.routed_to.lock() = Some(version.title.clone());
    }

    /// The title of the version that it was routed to last; none when it never came to one.
    pub(super) fn routed_to(&self) -> Option<Arc<str>> {
        self.routed_to.lock().clone()
    }

    /// What it has asked outside, over all its attempts. A request that its sender may repeat has the same keys outside when it is repeated.
    pub(super) fn conversation(&self) -> &Arc<Conversation> {
        self.conversation.get_or_init(|| {
            let origin = match &self.trigger {
                Trigger::Intent(Input::Request(_, Some(key))) => {
                    idempotency::known_by(key, self.identity.as_ref())
                }
                _ => self.id.to_string(),
            };
            let origin = format!("{}/{origin}", self.context.name);
            let memory = self.invoker.memory.nothing();
            Conversation::new(origin, memory, self.context.settings.limits.memory)
        })
    }

    /// Whether any of its attempts has asked outside.
    pub(super) fn has_asked_outside(&self) -> bool {
        self.conversation.get().is_some()
    }

    /// Its present run.
    pub(super) fn run(&self) -> RunId {
        self.id.run(self.replay.run())
    }

    /// How many invocations wait for it.
    pub(super) fn depth(&self) -> u32 {
        u32::try_from(self.call_stack.len()).unwrap_or(u32::MAX)
    }

    /// When what it calls must have ended: early enough for the guest to hear that it has not, and to do something about it.
    pub(super) fn deadline_of_callee(&self) -> Instant {
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        self.deadline - (remaining / 10).min(LONGEST_MARGIN)
    }

    /// What what it calls knows of it; `locks` is what it has of its context's keys.
    pub(super) fn link(&self, locks: LockSet) -> Link {
        Link {
            context: self.context.name.clone(),
            locks,
            hold: self.hold.clone(),
        }
    }

    /// The turns that those who wait for it have in its context.
    pub(super) fn held_by_callers(&self) -> LockSet {
        let here = self.call_stack.iter();
        here.filter(|link| link.context == self.context.name)
            .fold(LockSet::default(), |held, link| held.and(link.locks))
    }

    /// Whether it may commit although the commits of its context are held: it, or somebody in its context who waits for it, holds them.
    pub(super) fn is_of_holder(&self) -> bool {
        let mut waiting = self.call_stack.iter();
        self.hold.is_held()
            || waiting.any(|link| link.context == self.context.name && link.hold.is_held())
    }

    /// Whether it keeps others from committing, or somebody who waits for it keeps others waiting: then it must not wait for them.
    pub(super) fn may_not_wait(&self) -> bool {
        let mut waiting = self.call_stack.iter();
        self.hold.is_held() || waiting.any(Link::keeps_others_waiting)
    }

    /// Whether a failure is the fault of the version that ran it.
    pub(super) fn blames_version(&self, failure: &Failure) -> bool {
        // The time that it had may have been taken away on purpose.
        let is_for_lack_of_time = self.delayed && matches!(failure, Failure::Deadline { .. });
        failure.is_fault_of_context() && !is_for_lack_of_time
    }

    /// Takes a place among what its context runs at once.
    pub(super) async fn take_place(&self) -> Result<(), Failure> {
        let place = self.context.admission.enter(self.depth(), self.deadline);
        let place = place.await?;
        *self.place.0.lock() = Some(place);
        Ok(())
    }
}
