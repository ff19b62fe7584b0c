//! A call from another context, as an invocation of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::component::Val;

use super::attempts::{self, Answer, Entry};
use super::compensation;
use super::continuity::Continuity;
use super::failure::Failure;
use super::identifier;
use super::intent;
use super::job::{Chain, Input, Job, Keep, Trigger, wall_clock};
use super::runs;
use crate::app::{Context, Host};
use crate::guest::Operation;
use crate::journal::{Cause, ReadSet};
use crate::observe::TraceContext;

/// One call.
pub struct Request {
    /// Its id: a repeat has the same, and gets the answer that was committed under it.
    pub id: String,
    /// What is called.
    pub operation: Arc<Operation>,
    /// With what.
    pub parameters: Vec<Val>,
    /// The same, encoded.
    pub encoded: Vec<u8>,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: String,
    /// The caller's invocation.
    pub causation_id: String,
    /// The caller's span.
    pub trace: TraceContext,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The contexts on the way here.
    pub chain: Chain,
    /// Whether it may have been made before, by a run of its caller that nobody has seen end.
    pub may_have_run: bool,
    /// Whether it comes from outside: after a crash nobody else would bring it again.
    pub from_outside: bool,
}

/// Runs a call, or answers what it answered when it committed before.
///
/// # Errors
///
/// When the guest gave no answer; then nothing was committed.
pub async fn call(
    host: &Arc<Host>,
    context: &Arc<Context>,
    request: Request,
) -> Result<Val, Failure> {
    let remaining = request.deadline.saturating_duration_since(Instant::now());
    if remaining == Duration::ZERO {
        return Err(Failure::Deadline {
            after: Duration::ZERO,
        });
    }
    let _place = context.admission.enter(remaining).await?;
    // Two that say the same from outside are one, also while it runs.
    let _in_progress = match request.from_outside {
        true => Some(context.keys.enter(&request.id).await?),
        false => None,
    };
    // A caller inside runs again as it ran before, and finds what its callee had begun. What comes from outside under one key may be refused, undone and
    // tried again: each try has an id of its own, so what was called and undone for an earlier one is not taken for done.
    let (id, earlier) = match request.from_outside {
        true => (identifier::random(), Earlier::none()),
        false => (
            request.id.clone(),
            Earlier::of(host, context, &request).await?,
        ),
    };
    let operation = request.operation.name();
    let job = Arc::new(Job {
        host: host.clone(),
        context: context.clone(),
        id,
        abandoned: earlier.abandoned,
        correlation_id: request.correlation_id,
        causation_id: request.causation_id,
        trace: request.trace.child(),
        cause: Cause::Call {
            function: operation.clone(),
        },
        trigger: match request.from_outside {
            true => Trigger::Intent(Input::Call),
            false => Trigger::Caller,
        },
        first_attempt: 1,
        deadline: request
            .deadline
            .min(Instant::now() + context.settings.limits.deadline),
        chain: request.chain,
        generation: None,
        version: None,
        continuity: earlier.continuity,
        reads: ReadSet::default(),
        writes: Vec::new(),
        durability: None,
        keep: Keep::Call {
            key: request.id,
            interface: request.operation.interface.clone(),
            function: request.operation.function.clone(),
            parameters: request.encoded,
        },
    });
    let done = attempts::run(
        &job,
        Entry::Call {
            operation,
            wanted: Some(request.operation),
            parameters: request.parameters,
        },
    )
    .await;
    match done {
        Ok(attempts::Done {
            answer: Answer::Call(answer),
            ..
        }) => Ok(answer),
        Ok(_) => Err(Failure::Trap {
            message: "a call was answered by another export".into(),
        }),
        Err(failure) => Err(failure),
    }
}

/// What earlier runs of a call have left behind.
struct Earlier {
    abandoned: u32,
    continuity: Arc<Continuity>,
}

impl Earlier {
    fn none() -> Self {
        Self {
            abandoned: 0,
            continuity: Continuity::new(wall_clock()),
        }
    }

    async fn of(
        host: &Arc<Host>,
        context: &Arc<Context>,
        request: &Request,
    ) -> Result<Self, Failure> {
        if request.may_have_run {
            // What a run that was cut short has handed to the committer, such as that it is abandoned, is decided from here on.
            let barrier = context.ledger.barrier().await;
            barrier.map_err(|error| Failure::of_commit(&context.name, error))?;
        }
        let abandoned = runs::abandoned(context, &request.id)?;
        if let Some(last) = abandoned.checked_sub(1) {
            // What undoes the last one must not undo what this one does.
            let last = identifier::of_run(&request.id, last);
            compensation::finish(host, context, &last, request.deadline).await?;
        }
        let continuity = match intent::find(context, &request.id)? {
            Some(intent) => Continuity::of(&intent),
            None => Continuity::new(wall_clock()),
        };
        if request.may_have_run {
            continuity.mark_recovered();
        }
        Ok(Self {
            abandoned,
            continuity,
        })
    }
}
