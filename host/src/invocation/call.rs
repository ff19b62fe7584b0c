//! A call from another context, as an invocation of its own.

use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::component::Val;

use super::attempts;
use super::circuit_breaker::{Breaker, Connection, Entered};
use super::commit_hold::Consent;
use super::context::Context;
use super::definition::{Beginning, CallStack, Input, Invocation, Place, Trigger};
use super::entry::{Answer, Entry, number_of};
use super::failure::{Failure, clipped};
use super::intent;
use super::invoker::Invoker;
use super::known_good::{LARGEST, Sample};
use super::replay::{Effect, Replay};
use super::runs;
use super::stored_call_result::{CallKey, CommitDetails, Found};
use super::unit::UnitOfWork;
use crate::core::{
    CallId, CausationId, ContextName, CorrelationId, InvocationId, TraceContext, VerifiedIdentity,
    wall_clock,
};
use crate::guest::{Ended, Execution, Operation, value};
use crate::journal::{self, Cause, Ledger, Write};
use crate::manifest::RampKey;
use crate::versions::Version;

/// One call.
pub struct Request {
    /// Its id: a repeat has the same, and gets the answer that was committed under it.
    pub id: CallId,
    /// What is called.
    pub operation: Arc<Operation>,
    /// With what.
    pub parameters: Vec<Val>,
    /// The same, encoded.
    pub encoded: Vec<u8>,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// The caller's invocation; none when it comes from outside.
    pub causation_id: Option<CausationId>,
    /// The caller's span.
    pub trace: TraceContext,
    /// Who is behind it.
    pub identity: Option<VerifiedIdentity>,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The invocations on the way here.
    pub call_stack: CallStack,
    /// Whether it may have been made before, by a run of its caller that nobody has seen end.
    pub may_have_run: bool,
    /// Who makes it.
    pub caller: Caller,
    /// How its caller agrees to a commit that nothing undoes; none when it need not be asked.
    pub consent: Option<Consent>,
}

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An invocation of this context, or the undoing of one of its calls.
    Context(ContextName),
    /// Somebody outside: after a crash nobody else would bring it again.
    Outside,
}

/// How a call was answered.
pub struct Answered {
    /// The answer.
    pub answer: Val,
    /// What it has done.
    pub(super) effect: Effect,
    /// Whether it is the host's answer, since the callee gave none.
    pub(super) is_failure: bool,
}

impl Answered {
    /// The host's answer for what cannot be reached; nothing was done.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self {
            answer: value::unavailable(reason),
            effect: Effect::None,
            is_failure: true,
        }
    }

    /// The host's answer for a call of a function that failed.
    pub fn failed(failure: &Failure, operation: &Operation) -> Self {
        let is_certain = !matches!(
            failure,
            Failure::Journal { .. } | Failure::Stopping | Failure::OutcomeUnknown
        );
        Self {
            answer: match failure.is_deadline() {
                true => operation.deadline_exceeded(failure.to_string()),
                false => value::unavailable(failure.to_string()),
            },
            effect: match is_certain {
                true => Effect::None,
                false => Effect::Unknown,
            },
            is_failure: true,
        }
    }
}

/// Runs a call, or answers what it answered when it committed before.
///
/// # Errors
///
/// When the guest gave no answer; then nothing was committed, unless the failure says that this is not known.
pub(super) async fn call(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    breaker: Option<&Arc<Breaker>>,
    request: Request,
) -> Result<Answered, Failure> {
    let limit = context.settings.limits.deadline;
    let deadline = request.deadline.min(Instant::now() + limit);
    if deadline <= Instant::now() {
        return Err(Failure::Deadline { after: limit });
    }
    context.availability.admit(&context.name, deadline).await?;
    // Two that say the same from outside are one, also while it runs. A repeat waits without taking anything that others need.
    let _in_progress = match request.caller {
        Caller::Outside => Some(context.keys.enter(&request.id, deadline).await?),
        Caller::Context(_) => None,
    };
    let depth = u32::try_from(request.call_stack.len()).unwrap_or(u32::MAX);
    let Entered { place, connection } = match breaker {
        Some(breaker) => breaker.enter(context, depth, deadline).await?,
        // It undoes something: it is neither turned away nor made to fail, for it would only be asked again.
        None => Entered {
            place: context.admission.enter(depth, deadline).await?,
            connection: Connection::default(),
        },
    };
    let delayed = match breaker {
        Some(_) => {
            context
                .faults
                .inject(context, &connection, deadline)
                .await?
        }
        None => false,
    };
    // A caller inside runs again as it ran before, and finds what its callee had begun. What comes from outside under one key may be refused, undone and
    // tried again: each try has an id of its own, so what was called and undone for an earlier one is not taken for done.
    let key = Arc::new(CallKey {
        key: request.id,
        interface: request.operation.interface.clone(),
        function: request.operation.function.clone(),
        parameters: request.encoded,
    });
    let (id, trigger, caller, replay) = match request.caller {
        Caller::Outside => (
            InvocationId::random(),
            Trigger::Intent(Input::Call(key.clone())),
            None,
            Replay::new(wall_clock(), 0),
        ),
        Caller::Context(caller) => {
            let id = key.key.invocation();
            let replay = earlier(context, &id, request.may_have_run).await?;
            (id, Trigger::Caller, Some(caller), replay)
        }
    };
    let operation = request.operation.name();
    let invocation = Arc::new(Invocation {
        caller,
        consent: request.consent,
        call_stack: request.call_stack,
        replay,
        place: Place::taken(Some(place)),
        breaker: breaker.cloned(),
        delayed,
        connection,
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id,
            correlation_id: request.correlation_id,
            causation_id: request.causation_id,
            trace: request.trace.child(),
            identity: request.identity,
            cause: Cause::Call {
                function: operation.clone(),
            },
            trigger,
            deadline,
        })
    });
    let entry = CallEntry {
        operation,
        wanted: Some(request.operation),
        parameters: request.parameters,
        key,
    };
    let done = attempts::run(&invocation, entry).await?;
    Ok(Answered {
        effect: done.effect(),
        answer: done.answer,
        is_failure: false,
    })
}

/// A call on its way into a guest.
pub(super) struct CallEntry {
    /// `<interface>#<function>`
    pub operation: String,
    /// The function as the caller knows it; none when it is run again after a crash.
    pub wanted: Option<Arc<Operation>>,
    pub parameters: Vec<Val>,
    /// Where its result is kept.
    pub key: Arc<CallKey>,
}

impl Entry for CallEntry {
    type Answer = Val;

    fn affinity(&self, _key: &RampKey, correlation_id: &CorrelationId) -> String {
        // As a request's path does, and an event's subject, the first parameter names what it is about.
        let subject = self.parameters.first().and_then(value::as_text);
        subject.unwrap_or_else(|| correlation_id.to_string())
    }

    fn suits(&self, version: &Version, context: &ContextName) -> Result<(), Failure> {
        let Some(wanted) = &self.wanted else {
            return Ok(());
        };
        version
            .serves(wanted)
            .map_err(|reason| Failure::Incompatible {
                context: context.clone(),
                reason,
            })
    }

    fn kind(&self) -> u64 {
        number_of(&[self.operation.as_bytes()])
    }

    fn fingerprint(&self) -> u64 {
        number_of(&[self.operation.as_bytes(), &self.key.parameters])
    }

    fn sample(&self) -> Option<Sample> {
        (self.key.parameters.len() <= LARGEST).then(|| {
            Sample::Call(Self {
                operation: self.operation.clone(),
                wanted: self.wanted.clone(),
                parameters: self.parameters.clone(),
                key: self.key.clone(),
            })
        })
    }

    async fn enter(
        &self,
        version: &Version,
        execution: Execution<UnitOfWork>,
    ) -> Ended<Val, UnitOfWork> {
        let parameters = self.parameters.clone();
        version
            .guest
            .call(execution, &self.operation, parameters)
            .await
    }

    fn find_stored(&self, ledger: &Ledger) -> Result<Option<Found<Val>>, Failure> {
        self.key.find(ledger)
    }

    fn store(
        &self,
        answer: &Val,
        details: CommitDetails<'_>,
    ) -> Result<Option<Write>, journal::Error> {
        self.key.write(answer, details).map(Some)
    }
}

impl Answer for Val {
    fn is_success(&self) -> bool {
        !value::is_err(self)
    }

    fn is_error(&self) -> bool {
        false
    }

    fn reason(&self) -> String {
        clipped(format!("answered {self:?}"))
    }
}

/// What earlier runs of a call have left behind.
async fn earlier(
    context: &Context,
    id: &InvocationId,
    may_have_run: bool,
) -> Result<Arc<Replay>, Failure> {
    if may_have_run {
        // What a run that was cut short has handed to the committer, such as that it is abandoned, is decided from here on.
        let barrier = context.ledger.barrier().await;
        barrier.map_err(|error| Failure::of_commit(&context.name, error))?;
        if let Some(intent) = intent::find(context, id)? {
            return Ok(Replay::of(intent));
        }
    }
    Ok(Replay::new(wall_clock(), runs::abandoned(context, id)?))
}
