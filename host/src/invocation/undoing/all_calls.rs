//! Undoing whatever a run has called at a callee. When the run ended the callee was not part of the app, so nobody could find its calls; when the callee is back, its
//! journal tells them, and each gets a record of its own.

use std::sync::Arc;

use super::attempt;
use super::compensation;
use super::one_call;
use super::pauses::Refusal;
use crate::core::{RunId, wall_clock};
use crate::invocation::calls_made;
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::invoker::Invoker;
use crate::invocation::record::{self, Compensation};
use crate::invocation::replay::{Call, Effect};
use crate::journal::{Space, Write};

/// How many calls one commit records.
const STEP: usize = 1_000;

/// The calls of a run at its callee that are to be undone.
pub(super) async fn find(
    invoker: &Arc<Invoker>,
    compensation: &Compensation,
    run: &RunId,
) -> Result<Vec<Call>, Refusal> {
    let callee = one_call::callee(invoker, compensation)?;
    let mut calls = calls_made::made_at(&callee, run).await?;
    calls.retain(|call| match &call.effect {
        Effect::Committed { undo } => undo.is_some(),
        Effect::Unknown => true,
        Effect::None => false,
    });
    Ok(calls)
}

/// Records each call in the place of a record of all of them, which goes with the last.
pub(super) async fn replace(
    context: &Context,
    key: &[u8],
    compensation: &Compensation,
    run: &RunId,
    calls: Vec<Call>,
) -> Result<(), Failure> {
    let removal = record::removal(Space::Compensation, &String::from_utf8_lossy(key));
    let mut writes = Vec::new();
    for call in calls {
        if writes.len() == STEP {
            commit(context, key, compensation, std::mem::take(&mut writes)).await?;
        }
        let place = compensation::key(run, call.id.place());
        let one = Compensation {
            call: call.id,
            failures: 0,
            due: wall_clock(),
            stuck: None,
            all_of: None,
            ..compensation.clone()
        };
        writes.push(record::write(Space::Compensation, &place, &one)?);
    }
    writes.push(removal);
    commit(context, key, compensation, writes).await
}

async fn commit(
    context: &Context,
    key: &[u8],
    compensation: &Compensation,
    writes: Vec<Write>,
) -> Result<(), Failure> {
    let began = context.ledger.applied();
    let unit = attempt::unit(Some(compensation), "calls to undo", began, key, writes);
    let committed = context.ledger.commit(unit).await;
    committed.map_err(|error| Failure::of_commit(&context.name, error))?;
    Ok(())
}
