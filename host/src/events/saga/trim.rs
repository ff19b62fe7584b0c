//! Of the sagas that have ended only the newest are kept.

use std::sync::Arc;

use super::machine::SagaState;
use super::store::{self, SPACE};
use crate::journal::{self, CommitError, Direction, Durability, KeyRange, Ledger, ReadSet, Unit};

/// How many are forgotten in one commit.
const STEP: usize = 256;

/// Forgets the oldest of each saga's instances beyond `keep` for each state but `running`.
pub(in crate::events) async fn trim<'a>(
    ledger: &Arc<Ledger>,
    sagas: impl Iterator<Item = &'a String>,
    keep: u64,
) -> Result<(), CommitError> {
    let states = [
        Some(SagaState::TimedOut),
        Some(SagaState::Completed),
        Some(SagaState::Compensated),
        None,
    ];
    for saga in sagas {
        for state in states {
            while let Some(unit) = surplus(ledger, saga, store::places(saga, state), keep).await? {
                ledger.commit_as(unit, Durability::Relaxed).await?;
            }
        }
    }
    Ok(())
}

async fn surplus(
    ledger: &Arc<Ledger>,
    saga: &str,
    places: KeyRange,
    keep: u64,
) -> Result<Option<Unit>, journal::Error> {
    let (ledger, saga) = (ledger.clone(), saga.to_owned());
    // It counts thousands of keys.
    let finding = tokio::task::spawn_blocking(move || find_surplus(&ledger, &saga, &places, keep));
    finding.await.unwrap_or(Err(journal::Error::Closed))
}

fn find_surplus(
    ledger: &Ledger,
    saga: &str,
    places: &KeyRange,
    keep: u64,
) -> Result<Option<Unit>, journal::Error> {
    let began = ledger.applied();
    let surplus = ledger.count(SPACE, places)?.saturating_sub(keep);
    let limit = STEP.min(usize::try_from(surplus).unwrap_or(STEP));
    if limit == 0 {
        return Ok(None);
    }
    let mut reads = ReadSet::default();
    let mut writes = Vec::new();
    for entry in ledger.scan(SPACE, places, limit, Direction::Forwards)? {
        let (_, about) = store::read_place(&entry)?;
        let known = store::read(ledger, &mut reads, saga, &about)?;
        writes.extend(store::forget(saga, &about, known.as_ref(), entry.0));
    }
    Ok(Some(Unit {
        reads,
        ..Unit::bookkeeping("saga", began, writes)
    }))
}
