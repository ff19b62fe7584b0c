//! Undoing one call, where it was made.

use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::component::Val;

use super::all_calls;
use super::attempt::Try;
use super::pauses::{Obstacle, Refusal};
use crate::core::{CallId, ContextName, RunId};
use crate::guest::{Operation, value};
use crate::invocation::call;
use crate::invocation::context::Context;
use crate::invocation::definition::CallStack;
use crate::invocation::failure::Failure;
use crate::invocation::intent;
use crate::invocation::invoker::Invoker;
use crate::invocation::record::{self, Compensation, StoredCall};
use crate::invocation::replay::Call;
use crate::invocation::resumption;
use crate::invocation::spans;
use crate::journal::{self, Space};
use crate::observe::telemetry;

/// What came of undoing a call.
pub(super) enum Undone {
    /// It is undone.
    Now,
    /// It has not done anything that could be undone.
    NothingToDo,
    /// These calls are to be undone instead, each by itself.
    Calls(RunId, Vec<Call>),
}

/// Undoes a call, whether it has ended or not. Does it once, however often it is asked to.
pub(super) async fn undo(
    invoker: &Arc<Invoker>,
    context: &Context,
    compensation: &Compensation,
    which: Try,
) -> Result<Undone, Refusal> {
    if let Some(run) = &compensation.all_of {
        let calls = all_calls::find(invoker, compensation, run).await?;
        return Ok(Undone::Calls(run.clone(), calls));
    }
    let callee = callee(invoker, compensation)?;
    let stored = match find(&callee, &compensation.call)? {
        Some(stored) => Some(stored),
        None => {
            // What was handed to the committer for a caller that is gone may be committed yet: wait until it is decided.
            let barrier = callee.ledger.barrier().await;
            barrier.map_err(|error| Failure::of_commit(&callee.name, error))?;
            find(&callee, &compensation.call)?
        }
    };
    match stored {
        Some(stored) => {
            undo_stored(
                invoker,
                &callee,
                compensation,
                &stored,
                &context.name,
                which,
            )
            .await
        }
        None => match intent::find(&callee, &compensation.call.invocation())? {
            // It was cut short: what it called is for its own context to undo.
            Some(intent) => {
                let id = compensation.call.invocation();
                resumption::abandon(invoker, &callee, id, intent).await?;
                Ok(Undone::Now)
            }
            None => Ok(Undone::NothingToDo),
        },
    }
}

/// The context where a call was made that is to be undone.
pub(super) fn callee(
    invoker: &Invoker,
    compensation: &Compensation,
) -> Result<Arc<Context>, Refusal> {
    let name = &compensation.callee;
    invoker.contexts.get(name).ok_or_else(|| {
        Refusal::new(
            Obstacle::Closed,
            format!("context {name} is no longer part of the app; put it back"),
        )
    })
}

/// The texts and numbers that a call was given and has answered; none when that is not kept any more.
pub(super) fn texts(callee: &Context, call: &CallId) -> Result<Option<Vec<String>>, Failure> {
    let Some(stored) = find(callee, call)? else {
        return Ok(None);
    };
    let (Ok(parameters), Ok(answer)) = (
        value::decode(&stored.parameters),
        value::decode(&stored.answer),
    ) else {
        return Ok(None);
    };
    let mut texts = Vec::new();
    for value in parameters.iter().chain(&answer) {
        value::each_text(value, &mut |text| texts.push(text));
    }
    Ok(Some(texts))
}

fn find(callee: &Context, call: &CallId) -> Result<Option<StoredCall>, journal::Error> {
    record::find(&callee.ledger, Space::Result, call)
}

async fn undo_stored(
    invoker: &Arc<Invoker>,
    callee: &Arc<Context>,
    compensation: &Compensation,
    stored: &StoredCall,
    caller: &ContextName,
    which: Try,
) -> Result<Undone, Refusal> {
    let Some(undo) = &stored.undo else {
        return Ok(Undone::NothingToDo);
    };
    let version = callee.version().ok_or_else(|| Failure::NotServing {
        context: callee.name.clone(),
    })?;
    let operation = undo.split_once('#').and_then(|(interface, function)| {
        let offered = version.guest.offers().get(interface)?;
        offered.operations.get(function).cloned()
    });
    let operation = operation.ok_or_else(|| {
        Refusal::new(
            Obstacle::Run,
            format!(
                "context {} no longer offers {undo}; deploy a version that does",
                callee.name
            ),
        )
    })?;
    let parameters = parameters(&operation, stored)?;
    let encoded = value::encode(&parameters);
    let request = call::Request {
        id: compensation.call.undo(),
        operation,
        encoded: encoded.map_err(unreadable)?,
        parameters,
        correlation_id: compensation.correlation_id.clone(),
        causation_id: Some((&compensation.causation_id).into()),
        trace: telemetry::of_story(&compensation.correlation_id),
        identity: compensation.identity.clone(),
        deadline: Instant::now() + callee.settings.limits.deadline,
        call_stack: CallStack::default(),
        may_have_run: which == Try::Again,
        consent: None,
        caller: call::Caller::Context(caller.clone()),
    };
    let (began, trace) = (std::time::Instant::now(), request.trace.clone());
    let answered = call::call(invoker, callee, None, request).await;
    let reason = match &answered {
        Ok(answered) if value::is_err(&answered.answer) => Some("it was refused".to_owned()),
        Ok(_) => None,
        Err(failure) => Some(failure.to_string()),
    };
    let correlation_id = &compensation.correlation_id;
    spans::undo(&trace, undo, correlation_id, reason, began.elapsed());
    let answered = answered?;
    match value::is_err(&answered.answer) {
        true => Err(Refusal::new(
            Obstacle::Refused,
            format!("{undo} answered {:?}", answered.answer),
        )),
        false => Ok(Undone::Now),
    }
}

/// What an undo is called with: the parameters of the call, and its result where the undo takes that, too.
fn parameters(operation: &Operation, stored: &StoredCall) -> Result<Vec<Val>, Refusal> {
    let mut parameters = value::decode(&stored.parameters).map_err(unreadable)?;
    if operation.parameters.len() == parameters.len() + 1 {
        let answer = value::decode(&stored.answer).map_err(unreadable)?;
        if let Some(Val::Result(Ok(Some(result)))) = answer.into_iter().next() {
            parameters.push(*result);
        }
    }
    Ok(parameters)
}

fn unreadable(error: value::ValueError) -> Refusal {
    Refusal::new(Obstacle::Unreadable, error.to_string())
}
