//! Stored results are kept for a time after nobody can ask for them any more. One is still needed while its caller can be run again, or what it did can be
//! undone: as long as the caller has not ended, which its intent says, and as long as a compensation names it, however long that takes,
//! and also where the caller's context is not part of the app meanwhile.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::failure::Failure;
use super::intent;
use super::invoker::Invoker;
use super::record::{self, AbandonedRuns, Intent, StoredCall};
use super::resumption;
use super::undoing::compensation;
use crate::core::CallId;
use crate::journal::{
    self, CommitError, Durability, Found, KeyRange, Ledger, ReadSet, Space, Unit, Write, next_key,
};

/// What the keys of results begin with that are not those of calls.
const ABANDONED_RUNS: &str = "abandoned:";
const RESPONSES: &str = "key:";

/// What all stored results begin with.
#[derive(Serialize, Deserialize)]
struct Stored {
    time: u64,
}

/// Removes the results stored before a time that nobody needs any more, among the first `limit` from `start` on. Answers where the next ones are; `None` after
/// the last.
///
/// # Errors
///
/// When a journal cannot be read or written; a conflict means that one of them was stored anew meanwhile, and nothing was removed.
pub async fn forget_results(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    start: Vec<u8>,
    before: u64,
    limit: usize,
) -> Result<Option<Vec<u8>>, CommitError> {
    let began = context.ledger.applied();
    let (found, next) = page(&context.ledger, Space::Result, start, limit).await?;
    let mut reads = ReadSet::default();
    let mut writes = Vec::new();
    for (key, value) in found {
        if is_forgotten(invoker, &key, value, before)? {
            reads.note_key(Space::Result, &key);
            writes.push(Write {
                space: Space::Result,
                key,
                value: None,
            });
        }
    }
    if !writes.is_empty() {
        let unit = Unit {
            reads,
            ..Unit::bookkeeping("retention", began, writes)
        };
        let ledger = &context.ledger;
        ledger.commit_as(unit, Durability::Relaxed).await?;
    }
    Ok(next)
}

/// Gives up, among the first `limit` from `start` on, calls that began before a time and whose caller is gone: its context does not know of it. What
/// they called is undone. Answers where the next ones are; `None` after the last.
///
/// # Errors
///
/// When a journal cannot be read or written.
pub async fn end_forsaken(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    start: Vec<u8>,
    before: u64,
    limit: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let (found, next) = page(&context.ledger, Space::Intent, start, limit).await?;
    for (key, value) in found {
        let Ok(intent) = value.and_then(|value| record::read::<Intent>(&key, &value)) else {
            // An operator decides about it.
            continue;
        };
        let id = CallId::from(&*String::from_utf8_lossy(&key));
        let is_old = intent.caller.is_some() && intent.now < before;
        if is_old && !is_awaited(invoker, &id, intent.caller.as_deref())? {
            resumption::abandon(invoker, context, id.invocation(), intent).await?;
        }
    }
    Ok(next)
}

async fn page(
    ledger: &Arc<Ledger>,
    space: Space,
    start: Vec<u8>,
    limit: usize,
) -> Result<(Vec<Found>, Option<Vec<u8>>), journal::Error> {
    let range = KeyRange::new(start, None);
    let scanned = ledger.clone();
    let scanning = tokio::task::spawn_blocking(move || {
        let mut pages = scanned.pages(space, range, limit).around_damage();
        pages.next().unwrap_or(Ok(Vec::new()))
    });
    // Only a runtime that shuts down gives no answer.
    let found = scanning.await.unwrap_or(Err(journal::Error::Closed))?;
    let next = match found.last() {
        Some((last, _)) if found.len() == limit => Some(next_key(last)),
        _ => None,
    };
    Ok((found, next))
}

/// Whether a result was stored before a time, and nobody needs it. One that cannot be read stays: who needs it is to hear of that.
fn is_forgotten(
    invoker: &Invoker,
    key: &[u8],
    value: Result<Vec<u8>, journal::Error>,
    before: u64,
) -> Result<bool, journal::Error> {
    let looked = value.and_then(|value| {
        let is_old = record::read::<Stored>(key, &value)?.time < before;
        Ok(is_old && !is_needed(invoker, key, &value)?)
    });
    match looked {
        Err(error) if error.is_of_one_value() => Ok(false),
        looked => looked,
    }
}

fn is_needed(invoker: &Invoker, key: &[u8], value: &[u8]) -> Result<bool, journal::Error> {
    let name = String::from_utf8_lossy(key);
    if name.starts_with(RESPONSES) {
        return Ok(false);
    }
    match name.strip_prefix(ABANDONED_RUNS) {
        Some(call) => {
            let runs: AbandonedRuns = record::read(key, value)?;
            is_awaited(invoker, &call.into(), runs.caller.as_deref())
        }
        None => {
            let call: StoredCall = record::read(key, value)?;
            is_awaited(invoker, &CallId::from(&*name), call.caller.as_deref())
        }
    }
}

/// Whether a call, or the undoing of one, may still be asked for by the context that made it.
fn is_awaited(
    invoker: &Invoker,
    call: &CallId,
    caller: Option<&str>,
) -> Result<bool, journal::Error> {
    let Some(ledger) = caller.and_then(|name| invoker.ledgers.of_caller(name)) else {
        return Ok(false);
    };
    let undone = call.undone();
    let Some(run) = undone.as_ref().unwrap_or(call).caller() else {
        return Ok(false);
    };
    let is_owed = compensation::is_owed(&ledger, &run)?;
    Ok(is_owed || undone.is_none() && intent::exists(&ledger, &run.invocation())?)
}
