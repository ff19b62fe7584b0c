//! What an invocation has left that began in an earlier process, or that an earlier delivery did not finish: which calls its present run has made.
//!
//! What committed is found where it was done, since a stored result has its caller's id in its own; what a callee has begun and not ended is found by its
//! intent; answers that did nothing are in the invocation's own intent. What was called at a context that is no longer part of the app cannot be found: it counts
//! as owed until that is back, whatever it is.

use std::collections::BTreeMap;

use super::context::Context;
use super::definition::Invocation;
use super::failure::Failure;
use super::invoker::Invoker;
use super::record::{self, Intent, StoredCall};
use super::replay::{Call, Effect};
use super::undoing::abandonment;
use crate::core::{CallId, ContextName, InvocationId, RunId};
use crate::guest::value;
use crate::journal::{self, KeyRange, Ledger, Space};

/// How many records are read at a time.
const BATCH: usize = 256;

/// Looks up what was left, if anything was; called before the first attempt and before an invocation is given up.
///
/// # Errors
///
/// When a journal cannot be read.
pub(super) async fn recover(invocation: &Invocation) -> Result<(), Failure> {
    invocation.resume_hold();
    let Some(left) = invocation.replay.take_left() else {
        return Ok(());
    };
    let MadeCalls { calls, gone } = match Box::pin(calls_of(invocation, &left)).await {
        Ok(made) => made,
        Err(failure) => {
            invocation.replay.put_back(left);
            return Err(failure);
        }
    };
    let is_whole = gone.is_empty() && calls.iter().map(|call| call.id.place()).eq(0..calls.len());
    invocation.replay.recover(calls, gone);
    match is_whole && !left.is_abandoned {
        true => {}
        // It was being given up when it was cut short, or not all of its calls can be found: those that can are undone.
        false => {
            if let Err(failure) = Box::pin(abandonment::begin_again(invocation)).await {
                invocation.replay.put_back(left);
                return Err(failure);
            }
        }
    }
    Ok(())
}

/// What can be found of the calls of a run.
struct MadeCalls {
    /// In their order.
    calls: Vec<Call>,
    /// Contexts that it may have called as well, and that are no longer part of the app.
    gone: Vec<ContextName>,
}

/// The calls of the run that an intent is of.
async fn calls_of(invocation: &Invocation, intent: &Intent) -> Result<MadeCalls, Failure> {
    let run = invocation.id.run(intent.run);
    let mut found = BTreeMap::new();
    let mut gone = Vec::new();
    for answer in &intent.answers {
        let call = Call {
            id: answer.call.clone(),
            callee: None,
            answer: decoded(&answer.answer),
            effect: Effect::None,
        };
        // Without its answer the run cannot be the one that it was.
        if call.answer.is_some() {
            found.insert(answer.call.place(), call);
        }
    }
    for callee in &intent.callees {
        let Some(callee) = invocation.invoker.contexts.get(callee) else {
            gone.push(callee.clone());
            continue;
        };
        for call in made_at(&callee, &run).await? {
            found.insert(call.id.place(), call);
        }
    }
    let calls = found.into_values().collect();
    Ok(MadeCalls { calls, gone })
}

/// The calls of a run that a context has begun or committed, one that it has begun again before one that it has committed.
///
/// # Errors
///
/// When the context's journal cannot be read.
pub(super) async fn made_at(callee: &Context, run: &RunId) -> Result<Vec<Call>, Failure> {
    // What was handed to the committer for somebody who is gone may be committed yet: wait until it is decided.
    let barrier = callee.ledger.barrier().await;
    barrier.map_err(|error| Failure::of_commit(&callee.name, error))?;
    let mut calls = begun_at(callee, run)?;
    calls.extend(committed_at(callee, run)?);
    Ok(calls)
}

/// Whether the run that an intent is of has made a call that nothing undoes: it can only be run again as it ran before.
///
/// # Errors
///
/// When a journal cannot be read.
pub(super) fn has_final_call(
    invoker: &Invoker,
    id: &InvocationId,
    intent: &Intent,
) -> Result<bool, Failure> {
    let run = id.run(intent.run);
    let callees = intent.callees.iter();
    for callee in callees.filter_map(|callee| invoker.contexts.get(callee)) {
        let mut calls = committed_at(&callee, &run)?.into_iter();
        if calls.any(|call| call.effect == Effect::Committed { undo: None }) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The calls of a run that a context has committed. Of one whose result cannot be read nobody knows what it has done; the others go on without it.
pub(super) fn committed_at(callee: &Context, run: &RunId) -> Result<Vec<Call>, Failure> {
    let mut calls = Vec::new();
    each_below(&callee.ledger, Space::Result, run, |id, value| {
        let stored = value.and_then(|value| record::read::<StoredCall>(id.as_bytes(), &value));
        let stored = stored.ok();
        let answer = stored.as_ref().and_then(|stored| decoded(&stored.answer));
        let effect = match (stored, &answer) {
            (Some(StoredCall { undo, .. }), Some(_)) => Effect::Committed { undo },
            _ => Effect::Unknown,
        };
        calls.push(Call {
            id,
            callee: Some(callee.name.clone()),
            answer,
            effect,
        });
    })?;
    Ok(calls)
}

/// The calls of a run that a context has begun and not ended.
fn begun_at(callee: &Context, run: &RunId) -> Result<Vec<Call>, Failure> {
    let mut calls = Vec::new();
    each_below(&callee.ledger, Space::Intent, run, |id, _| {
        calls.push(Call {
            id,
            callee: Some(callee.name.clone()),
            answer: None,
            effect: Effect::Unknown,
        });
    })?;
    Ok(calls)
}

/// Visits what is kept under the calls that a run has made itself; not under those further down.
fn each_below(
    ledger: &Ledger,
    space: Space,
    run: &RunId,
    mut visit: impl FnMut(CallId, Result<Vec<u8>, journal::Error>),
) -> Result<(), journal::Error> {
    let below = KeyRange::prefix(format!("{run}/"));
    for page in ledger.pages(space, below, BATCH).around_damage() {
        for (key, value) in page? {
            let id = CallId::from(&*String::from_utf8_lossy(&key));
            if id.is_made_by(run) {
                visit(id, value);
            }
        }
    }
    Ok(())
}

fn decoded(answer: &[u8]) -> Option<wasmtime::component::Val> {
    value::decode(answer).ok()?.into_iter().next()
}
