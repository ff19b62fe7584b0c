//! Intents: before its first call an invocation writes down what it is about to do, so that a crash cannot leave it half done.

use super::context::Context;
use super::definition::{Input, Invocation, Trigger};
use super::failure::Failure;
use super::quota;
use super::record::{self, Intent, StoredInput, StoredParameters, StoredRequest};
use crate::core::message::Request;
use crate::core::{ContextName, InvocationId};
use crate::journal::{self, Ledger, Space, Unit, Write};

/// Makes sure that what the invocation needs to be run again, or to be undone, is in the journal; called before each call that it makes.
pub(super) async fn store_before_call(invocation: &Invocation) -> Result<(), Failure> {
    let Some(unstored) = invocation.replay.unstored() else {
        return Ok(());
    };
    if !invocation.invoker.safeguards.intents {
        return Ok(());
    }
    let intent = Intent {
        now: unstored.now,
        draws: unstored.draws.clone(),
        run: unstored.run,
        answers: unstored.answers.clone(),
        ..blank(invocation)
    };
    let writes = vec![record::write(Space::Intent, &invocation.id, &intent)?];
    let mut unit = Unit::bookkeeping("intent", invocation.context.ledger.applied(), writes);
    unit.header.invocation.clone_from(&invocation.id);
    unit.header.correlation_id = Some(invocation.correlation_id.clone());
    unit.header
        .causation_id
        .clone_from(&invocation.causation_id);
    let ledger = &invocation.context.ledger;
    // Others are about to hear of the numbers that it drew.
    ledger.secure_sequences(&invocation.replay.highest_draws())?;
    let generation = invocation
        .generation
        .unwrap_or_else(|| invocation.context.generation());
    let quota = quota::of(invocation, generation);
    // What is not handed over is not committed, and its client is told so.
    ledger.check()?;
    let committed = ledger.commit_within(unit, None, quota).await;
    committed.map_err(|error| Failure::of_handed_over(&invocation.context.name, error))?;
    invocation.replay.mark_stored(&unstored);
    Ok(())
}

/// The write of the intent of an invocation's next run, if it has an intent.
pub(super) fn of_next_run(invocation: &Invocation, run: u32) -> Result<Option<Write>, Failure> {
    if !invocation.replay.has_intent() {
        return Ok(None);
    }
    let intent = Intent {
        now: invocation.replay.time(),
        run,
        ..blank(invocation)
    };
    Ok(Some(record::write(Space::Intent, &invocation.id, &intent)?))
}

/// The write that says in an invocation's intent, if it has one, that its present run is given up.
pub(super) fn marked_abandoned(invocation: &Invocation) -> Result<Option<Write>, Failure> {
    let Some(intent) = find(&invocation.context, &invocation.id)? else {
        return Ok(None);
    };
    let intent = Intent {
        is_abandoned: true,
        ..intent
    };
    Ok(Some(record::write(Space::Intent, &invocation.id, &intent)?))
}

fn blank(invocation: &Invocation) -> Intent {
    Intent {
        correlation_id: invocation.correlation_id.clone(),
        causation_id: invocation.causation_id.clone(),
        caller: invocation.caller.clone(),
        now: 0,
        draws: Vec::new(),
        run: 0,
        callees: callees(invocation),
        answers: Vec::new(),
        is_abandoned: false,
        input: input(invocation),
        identity: invocation.identity.clone(),
        raw_query: match &invocation.trigger {
            Trigger::Intent(Input::Request(request, _)) => request.raw_query.clone(),
            _ => None,
        },
    }
}

/// What an earlier run of an invocation has left behind, if anything.
pub(super) fn find(context: &Context, id: &InvocationId) -> Result<Option<Intent>, Failure> {
    Ok(record::find(&context.ledger, Space::Intent, id)?)
}

/// Whether an invocation has begun to call others, and has not ended.
pub(super) fn exists(ledger: &Ledger, id: &InvocationId) -> Result<bool, journal::Error> {
    match ledger.get(Space::Intent, id.as_bytes()) {
        Ok(found) => Ok(found.is_some()),
        // It is there, whatever it says.
        Err(error) if error.is_of_one_value() => Ok(true),
        Err(error) => Err(error),
    }
}

/// The contexts that the versions of a context may call, as they are linked now.
fn callees(invocation: &Invocation) -> Vec<ContextName> {
    let wiring = invocation.invoker.wiring();
    let serving = invocation.context.serving();
    let mut callees: Vec<_> = serving
        .versions()
        .chain(&invocation.version)
        .flat_map(|version| version.guest.uses().keys())
        .filter_map(|interface| wiring.links.offering(interface))
        .cloned()
        .collect();
    callees.extend(invocation.replay.callees());
    callees.sort_unstable();
    callees.dedup();
    callees
}

/// What would bring the invocation again, if nobody else does.
fn input(invocation: &Invocation) -> Option<StoredInput> {
    match &invocation.trigger {
        Trigger::Intent(Input::Request(request, key)) => Some(StoredInput::Request(
            StoredRequest::new(request, key.clone()),
        )),
        Trigger::Intent(Input::Call(call)) => Some(StoredInput::Call(StoredParameters {
            interface: call.interface.clone(),
            function: call.function.clone(),
            parameters: call.parameters.clone(),
            key: call.key.clone(),
        })),
        Trigger::Caller | Trigger::Follower | Trigger::Nobody => None,
    }
}

impl StoredRequest {
    fn new(request: &Request, idempotency_key: Option<String>) -> Self {
        Self {
            method: request.method.clone(),
            route: request.route.clone(),
            path: request.path.clone(),
            parameters: request.parameters.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: request.body.to_vec(),
            idempotency_key,
        }
    }
}

impl StoredRequest {
    /// The request; `raw_query` is kept beside it.
    pub(super) fn into_request(self, raw_query: Option<String>) -> Request {
        let stored = self;
        Request {
            raw_query,
            method: stored.method,
            route: stored.route,
            path: stored.path,
            parameters: stored.parameters,
            query: stored.query,
            headers: stored.headers,
            body: stored.body.into(),
        }
    }
}
