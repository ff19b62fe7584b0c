//! Sagas as versions before kept them: under the correlation id that their events share. They are about their subject now.

use std::sync::Arc;

use serde::Deserialize;

use super::machine::{Ending, Known, Saga, SagaState};
use super::store::{self, SPACE};
use crate::core::{CorrelationId, EventId};
use crate::invocation::record;
use crate::journal::{self, CommitError, Direction, KeyRange, Ledger, ReadSet, Unit, Write};

/// Where they were.
const PREFIX: &str = "saga/";
/// Where they were once more, in the order of time.
const PLACES: &str = "by/";
/// How many are moved in one commit.
const STEP: usize = 128;

/// What was known of one correlation id.
#[derive(Deserialize)]
enum Former {
    Begun(FormerSaga),
    Early(
        #[allow(
            dead_code,
            reason = "an earlier saga was started under the same correlation id"
        )]
        Ending,
    ),
}

#[derive(Deserialize)]
struct FormerSaga {
    saga: String,
    correlation_id: CorrelationId,
    subject: String,
    state: SagaState,
    started_at: u64,
    started_by: EventId,
    deadline: u64,
    timed_out_at: Option<u64>,
    ended_at: Option<u64>,
    ended_by: Option<EventId>,
}

/// Whether there are any.
pub(super) fn exist(ledger: &Ledger) -> Result<bool, journal::Error> {
    let found = |prefix| ledger.scan(SPACE, &KeyRange::prefix(prefix), 1, Direction::Forwards);
    Ok(!found(PREFIX)?.is_empty() || !found(PLACES)?.is_empty())
}

/// Brings them to where they are now. Nobody else may watch meanwhile.
pub(super) async fn move_over(ledger: &Arc<Ledger>) -> Result<(), CommitError> {
    loop {
        let began = ledger.applied();
        let mut writes = Vec::new();
        for (key, value) in
            ledger.scan(SPACE, &KeyRange::prefix(PREFIX), STEP, Direction::Forwards)?
        {
            if let Former::Begun(saga) = record::read(&key, &value)? {
                let saga = Saga::from(saga);
                let (name, about) = (saga.saga.clone(), saga.key.clone());
                // Of two with one subject the one that goes on counts.
                let mut reads = ReadSet::default();
                let known = store::read(ledger, &mut reads, &name, &about)?;
                if known.is_none() || saga.state == SagaState::Running {
                    writes.extend(store::change(
                        &name,
                        &about,
                        known.as_ref(),
                        &Known::Begun(saga),
                    )?);
                }
            }
            writes.push(removal(key));
        }
        let places = ledger.scan(SPACE, &KeyRange::prefix(PLACES), STEP, Direction::Forwards)?;
        writes.extend(places.into_iter().map(|(key, _)| removal(key)));
        if writes.is_empty() {
            return Ok(());
        }
        let unit = Unit::bookkeeping("saga", began, writes);
        ledger.commit(unit).await?;
    }
}

fn removal(key: Vec<u8>) -> Write {
    Write {
        space: SPACE,
        key,
        value: None,
    }
}

impl From<FormerSaga> for Saga {
    fn from(former: FormerSaga) -> Self {
        Self {
            key: former.subject.clone(),
            saga: former.saga,
            correlation_id: former.correlation_id,
            subject: former.subject,
            state: former.state,
            started_at: former.started_at,
            started_by: former.started_by,
            deadline: former.deadline,
            timed_out_at: former.timed_out_at,
            ended_at: former.ended_at,
            ended_by: former.ended_by,
            identity: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::journal::{Committer, Durability, MemoryStore, Options};

    /// The fields of a saga in the order in which they were kept.
    type Fields<'a> = (
        &'a str,
        &'a str,
        &'a str,
        SagaState,
        u64,
        &'a str,
        u64,
        Option<u64>,
        Option<u64>,
        Option<&'a str>,
    );

    #[derive(Serialize)]
    #[allow(dead_code, reason = "the order of the cases is what is kept")]
    enum Kept<'a> {
        Begun(Fields<'a>),
    }

    #[tokio::test]
    async fn what_was_kept_under_correlation_ids_is_found_by_its_subject() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("innkeeper", Durability::Flush).unwrap();
        let mut writes = Vec::new();
        for number in 0..300 {
            let (id, subject) = (format!("c-{number}"), number.to_string());
            let kept = Kept::Begun((
                "booking",
                &id,
                &subject,
                SagaState::Running,
                1,
                "e",
                9,
                None,
                None,
                None,
            ));
            writes.push(record::write(SPACE, &format!("saga/booking/{id}"), &kept).unwrap());
            let place = format!("by/booking/r/{:020}/{id}", 1);
            writes.push(record::write(SPACE, &place, &()).unwrap());
        }
        let unit = Unit::bookkeeping("test", ledger.applied(), writes);
        ledger.commit(unit).await.unwrap();
        assert!(exist(&ledger).unwrap());
        move_over(&ledger).await.unwrap();
        assert!(!exist(&ledger).unwrap());
        let places = store::places("booking", Some(SagaState::Running));
        assert_eq!(ledger.count(SPACE, &places).unwrap(), 300);
        let known = store::read(&ledger, &mut ReadSet::default(), "booking", "17").unwrap();
        let Some(Known::Begun(saga)) = known else {
            panic!("{known:?}")
        };
        assert_eq!((&*saga.correlation_id, &*saga.key), ("c-17", "17"));
    }
}
