//! How sagas are kept in the host's own journal: each under its name and what it is about, and once more in the order of time among those of its state.

use serde::{Deserialize, Serialize};

use super::machine::{Known, Saga, SagaState};
use crate::core::{CorrelationId, EventId};
use crate::invocation::{Timer, record};
use crate::journal::{self, Entry, KeyRange, Ledger, ReadSet, Space, Write};

/// Where they are.
pub(super) const SPACE: Space = Space::State(0);

/// The kind of the event that says that a saga is stuck.
pub(crate) const TIMED_OUT: &str = "SagaTimedOut";

/// The data of that event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimedOut {
    pub saga: String,
    pub correlation_id: CorrelationId,
    pub started_at: u64,
    pub subject: String,
    /// What it is about; its subject where versions before set the timer.
    pub key: Option<String>,
}

impl TimedOut {
    /// What the saga is about.
    pub(super) fn about(&self) -> &str {
        self.key.as_ref().unwrap_or(&self.subject)
    }
}

/// What is known of a saga, with a note that it was read.
pub(super) fn read(
    ledger: &Ledger,
    reads: &mut ReadSet,
    saga: &str,
    about: &str,
) -> Result<Option<Known>, journal::Error> {
    let key = key(saga, about);
    reads.note_key(SPACE, key.as_bytes());
    record::find(ledger, SPACE, &key)
}

/// The writes that bring what was known up to date. A saga that runs has a timer, and no other has one.
pub(super) fn change(
    saga: &str,
    about: &str,
    before: Option<&Known>,
    after: &Known,
) -> Result<Vec<Write>, journal::Error> {
    let mut writes = Vec::new();
    if let Some(before) = before {
        writes.push(record::removal(SPACE, &place(saga, about, before)));
        if let Known::Begun(saga) = before
            && saga.state == SagaState::Running
        {
            writes.extend(Timer::removals(saga.deadline, &timer_id(saga)));
        }
    }
    writes.push(record::write(SPACE, &key(saga, about), after)?);
    writes.push(Write {
        space: SPACE,
        key: place(saga, about, after).into_bytes(),
        value: Some(Vec::new()),
    });
    if let Known::Begun(saga) = after
        && saga.state == SagaState::Running
    {
        writes.extend(timer(saga)?.writes(saga.deadline)?);
    }
    Ok(writes)
}

/// The writes that forget a saga by its place, unless it has another place by now.
pub(super) fn forget(saga: &str, about: &str, known: Option<&Known>, at: Vec<u8>) -> Vec<Write> {
    let is_there = known.is_some_and(|known| place(saga, about, known).as_bytes() == at);
    let mut writes = vec![Write {
        space: SPACE,
        key: at,
        value: None,
    }];
    if is_there {
        writes.push(record::removal(SPACE, &key(saga, about)));
    }
    writes
}

/// Which saga a timer belongs to.
pub(super) fn of_timer(timer: &Timer) -> Result<TimedOut, journal::Error> {
    serde_json::from_slice(&timer.data).map_err(|error| journal::Error::Damaged {
        what: format!("the timer {} of a saga ({error})", timer.id),
    })
}

/// The places of a saga's instances, in the order of time; those of one state, or with `None` the ends that came early.
pub(super) fn places(saga: &str, state: Option<SagaState>) -> KeyRange {
    KeyRange::prefix(format!("at/{saga}/{}/", letter(state)))
}

/// The time and what it is about in a place.
pub(super) fn read_place(entry: &Entry) -> Result<(u64, String), journal::Error> {
    let place = String::from_utf8_lossy(&entry.0);
    let mut parts = place.splitn(5, '/').skip(3);
    let time = parts.next().and_then(|time| time.parse().ok());
    match (time, parts.next()) {
        (Some(time), Some(about)) => Ok((time, about.to_owned())),
        _ => Err(journal::Error::Damaged {
            what: format!("the place of a saga {place}"),
        }),
    }
}

fn key(saga: &str, about: &str) -> String {
    format!("about/{saga}/{about}")
}

fn place(saga: &str, about: &str, known: &Known) -> String {
    let (state, time) = match known {
        Known::Begun(saga) => (Some(saga.state), time(saga)),
        Known::Early(ending) => (None, ending.at),
    };
    format!("at/{saga}/{}/{time:020}/{about}", letter(state))
}

fn letter(state: Option<SagaState>) -> char {
    match state {
        None => 'e',
        Some(SagaState::Running) => 'r',
        Some(SagaState::TimedOut) => 't',
        Some(SagaState::Completed) => 'c',
        Some(SagaState::Compensated) => 'u',
    }
}

/// Since when it has its state.
pub(super) fn time(saga: &Saga) -> u64 {
    let since = match saga.state {
        SagaState::Running => None,
        SagaState::TimedOut => saga.timed_out_at,
        SagaState::Completed | SagaState::Compensated => saga.ended_at,
    };
    since.unwrap_or(saga.started_at)
}

fn timer_id(saga: &Saga) -> EventId {
    EventId::derived(&[
        saga.saga.as_bytes(),
        saga.correlation_id.as_bytes(),
        saga.started_by.as_bytes(),
    ])
}

fn timer(saga: &Saga) -> Result<Timer, journal::Error> {
    let data = TimedOut {
        saga: saga.saga.clone(),
        correlation_id: saga.correlation_id.clone(),
        started_at: saga.started_at,
        subject: saga.subject.clone(),
        key: Some(saga.key.clone()),
    };
    let data = serde_json::to_vec(&data).map_err(|error| journal::Error::Damaged {
        what: format!("an event that cannot be written ({error})"),
    })?;
    Ok(Timer {
        id: timer_id(saga),
        kind: TIMED_OUT.to_owned(),
        subject: saga.correlation_id.to_string(),
        data,
        correlation_id: saga.correlation_id.clone(),
        causation_id: Some((&saga.started_by).into()),
        identity: saga.identity.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::VerifiedIdentity;

    #[test]
    fn whoever_began_a_saga_is_behind_what_is_told_of_its_end() {
        let saga = Saga {
            saga: "booking".into(),
            correlation_id: "c".parse().unwrap(),
            subject: "7".into(),
            state: SagaState::Running,
            started_at: 1,
            started_by: "e".into(),
            deadline: 9,
            timed_out_at: None,
            ended_at: None,
            ended_by: None,
            key: "7".into(),
            identity: Some(VerifiedIdentity::of("alice")),
        };
        let writes = change("booking", "7", None, &Known::Begun(saga.clone())).unwrap();
        let kept = |key: &str| {
            let write = writes.iter().find(|write| write.key == key.as_bytes());
            write.and_then(|write| write.value.clone()).unwrap()
        };
        let known: Known = record::read(b"it", &kept("about/booking/7")).unwrap();
        assert_eq!(known, Known::Begun(saga.clone()), "also after a restart");
        let timers = writes.iter().filter(|write| write.space == Space::Timer);
        let timers = timers.filter_map(|write| write.value.as_ref());
        let read = timers.filter_map(|value| record::read::<Timer>(b"it", value).ok());
        let identities: Vec<_> = read.map(|timer| timer.identity).collect();
        assert_eq!(identities, [saga.identity]);
    }
}
