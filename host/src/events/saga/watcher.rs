//! The watcher: follows the events that begin and end sagas, and says which saga is stuck.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::machine::{self, Ending, Known, Saga, SagaState};
use super::store;
use crate::core::{Backoff, ContextName, digest};
use crate::events::follower::Watched;
use crate::events::lane::{Arrival, Handler};
use crate::events::timer::{self, Timers};
use crate::invocation::Timer;
use crate::journal::{
    self, CommitError, Durability, Event, Header, Ledger, ReadSet, Space, Unit, Write, bookkeeping,
};
use crate::manifest::SagaSettings;

/// How long deadlines wait for events that are there already and may hold the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that what a saga is about is kept as; of more there is a digest.
const LONGEST: usize = 256;

/// What the host knows of the sagas that its manifest names.
pub(super) struct Watcher {
    pub ledger: Arc<Ledger>,
    pub sagas: BTreeMap<String, SagaSettings>,
    pub set: Notify,
}

/// What an event means to a saga.
enum Role {
    Starts,
    Ends { is_compensation: bool },
}

fn role(settings: &SagaSettings, source: &ContextName, kind: &str) -> Option<Role> {
    let is = |event: &crate::manifest::EventName| event.context == *source && event.kind == kind;
    if is(&settings.starts) {
        Some(Role::Starts)
    } else if settings.completes.iter().any(is) {
        Some(Role::Ends {
            is_compensation: false,
        })
    } else if settings.compensates.iter().any(is) {
        Some(Role::Ends {
            is_compensation: true,
        })
    } else {
        None
    }
}

impl Handler for Watcher {
    fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    fn follows(&self, source: &ContextName, kind: &str) -> bool {
        self.sagas
            .values()
            .any(|settings| role(settings, source, kind).is_some())
    }

    async fn handle(&self, arrival: Arrival<'_>) -> ControlFlow<()> {
        let mut backoff = Backoff::of_journal();
        loop {
            match self.note(&arrival).await {
                Ok(()) => return ControlFlow::Continue(()),
                // Another lane had something about the same saga, and has come further by it.
                Err(CommitError::Conflict { .. }) if !arrival.stop.is_cancelled() => {}
                Err(error) => {
                    tracing::error!(event = arrival.event.id.as_str(), %error, "could not record an event of a saga; trying again");
                    backoff.pause(arrival.stop).await?;
                }
            }
        }
    }
}

impl Watcher {
    /// Commits what an event means to each saga together with the moved cursor.
    async fn note(&self, arrival: &Arrival<'_>) -> Result<(), CommitError> {
        let began = self.ledger.applied();
        let mut reads = arrival.reads.clone();
        let mut writes = vec![arrival.moved.clone()];
        let event = &arrival.event;
        for (name, settings) in &self.sagas {
            let Some(role) = role(settings, arrival.source, &event.kind) else {
                continue;
            };
            let about = about(settings, event);
            let before = store::read(&self.ledger, &mut reads, name, &about)?;
            let after = match role {
                Role::Starts => {
                    machine::begin(before.as_ref(), begun(name, settings, event, &about))
                }
                Role::Ends { is_compensation } => {
                    let ending = Ending {
                        is_compensation,
                        at: event.time,
                        by: event.id.clone(),
                    };
                    machine::end(before.as_ref(), ending)
                }
            };
            if let Some(after) = after {
                writes.extend(store::change(name, &about, before.as_ref(), &after)?);
            }
        }
        let sets_timers = writes
            .iter()
            .any(|write| write.space == Space::Timer && write.value.is_some());
        let unit = Unit {
            began,
            reads,
            header: header(event),
            writes,
            events: Vec::new(),
        };
        if arrival.has_more {
            self.ledger.commit_as(unit, Durability::Relaxed).await?;
        } else {
            self.ledger.commit(unit).await?;
        }
        if sets_timers {
            self.set.notify_one();
        }
        Ok(())
    }
}

/// What the saga of an event is about. Whatever it was called by: two sagas that were begun under one correlation id are two.
fn about(settings: &SagaSettings, event: &Event) -> String {
    let field = |name: &String| {
        let data: serde_json::Value = serde_json::from_slice(&event.data).ok()?;
        match data.get(name)? {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    };
    let named = settings.key.as_ref().and_then(field);
    let about = named.unwrap_or_else(|| event.subject.clone());
    match about.len() {
        0..=LONGEST => about,
        _ => digest(&[about.as_bytes()]),
    }
}

fn begun(name: &str, settings: &SagaSettings, event: &Event, about: &str) -> Saga {
    let timeout = u64::try_from(settings.timeout.as_millis()).unwrap_or(u64::MAX);
    Saga {
        saga: name.to_owned(),
        correlation_id: event.correlation_id.clone(),
        subject: event.subject.clone(),
        state: SagaState::Running,
        started_at: event.time,
        started_by: event.id.clone(),
        deadline: event.time.saturating_add(timeout),
        timed_out_at: None,
        ended_at: None,
        ended_by: None,
        key: about.to_owned(),
        identity: event.identity.clone(),
    }
}

fn header(event: &Event) -> Header {
    Header {
        correlation_id: Some(event.correlation_id.clone()),
        causation_id: Some((&event.id).into()),
        ..bookkeeping("saga")
    }
}

/// The deadlines of sagas. The event that a stuck saga is told by is a timer's.
pub(super) struct Deadlines {
    pub watcher: Arc<Watcher>,
    pub lanes: Vec<Watched>,
}

impl Timers for Deadlines {
    fn ledger(&self) -> &Arc<Ledger> {
        &self.watcher.ledger
    }

    fn set(&self) -> &Notify {
        &self.watcher.set
    }

    /// After a stop, or under load, the end of a saga may be in its journal and not yet have been seen here; or a timer that tells of it is due, and has yet to fire.
    async fn settled(&self) -> bool {
        let now = self.now();
        let all_fired = async {
            for lane in &self.lanes {
                let ledger = &lane.source.ledger;
                // Its own are those that wait here.
                if !Arc::ptr_eq(ledger, &self.watcher.ledger)
                    && timer::fired(ledger, now).await.is_err()
                {
                    return;
                }
            }
        };
        // A timer that cannot fire keeps no other from being told of.
        let _in_time = tokio::time::timeout(PATIENCE, all_fired).await;
        let all_passed = async {
            for lane in &self.lanes {
                let end = lane.source.ledger.lane_end(lane.number);
                if lane.reach(end).await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, all_passed).await == Ok(true)
    }

    fn additions(
        &self,
        timer: &Timer,
        time: u64,
        reads: &mut ReadSet,
    ) -> Result<Vec<Write>, journal::Error> {
        let stuck = store::of_timer(timer)?;
        let (saga, about) = (&stuck.saga, stuck.about());
        let before = store::read(&self.watcher.ledger, reads, saga, about)?;
        let Some(Known::Begun(running)) = &before else {
            return Ok(Vec::new());
        };
        let Some(timed_out) = machine::time_out(running, time) else {
            return Ok(Vec::new());
        };
        tracing::warn!(
            saga,
            correlation_id = stuck.correlation_id.as_str(),
            about,
            "a saga is stuck: it has not ended before its timeout"
        );
        store::change(saga, about, before.as_ref(), &Known::Begun(timed_out))
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::core::VerifiedIdentity;
    use crate::journal::{Committer, EventPosition, MemoryStore, Options};

    #[test]
    fn a_saga_is_about_a_field_or_else_the_subject() {
        let event = |data: &str| Event {
            id: "e".into(),
            kind: "Booked".into(),
            subject: "room 1".into(),
            time: 1,
            data: data.into(),
            correlation_id: "c".parse().unwrap(),
            causation_id: None,
            trace: None,
            identity: None,
        };
        let settings = |key: Option<&str>| SagaSettings {
            starts: "a.Booked".parse().unwrap(),
            completes: Vec::new(),
            compensates: Vec::new(),
            key: key.map(str::to_owned),
            timeout: Duration::from_secs(1),
        };
        let identity = Some(VerifiedIdentity::of("alice"));
        let told = Event {
            identity: identity.clone(),
            ..event("{}")
        };
        let saga = begun("booking", &settings(None), &told, "room 1");
        assert_eq!(saga.identity, identity, "who began it is behind it");
        let by_field = settings(Some("rsvId"));
        for (data, expected) in [
            (r#"{"rsvId": 7}"#, "7"),
            (r#"{"rsvId": "a/b"}"#, "a/b"),
            (r#"{"rsvId": null}"#, "room 1"),
            ("{}", "room 1"),
            ("no json", "room 1"),
        ] {
            assert_eq!(about(&by_field, &event(data)), expected, "{data}");
        }
        assert_eq!(about(&settings(None), &event(r#"{"rsvId": 7}"#)), "room 1");
        let long = format!(r#"{{"rsvId": "{}"}}"#, "x".repeat(1_000));
        assert_eq!(about(&by_field, &event(&long)).len(), 32);
    }

    #[tokio::test]
    async fn only_the_last_of_the_events_that_wait_is_on_disk_when_it_is_handled() {
        let options = Options {
            flush_every: Duration::from_secs(3_600),
            ..Options::default()
        };
        let committer = Committer::start(Arc::new(MemoryStore::new()), options).unwrap();
        let ledger = committer.open("innkeeper", Durability::Flush).unwrap();
        let watcher = Watcher {
            ledger: ledger.clone(),
            sagas: BTreeMap::new(),
            set: Notify::new(),
        };
        let (source, stop) = ("room".parse().unwrap(), CancellationToken::new());
        for has_more in [true, true, false, true] {
            let arrival = Arrival {
                source: &source,
                position: EventPosition::default(),
                event: Event {
                    id: "e".into(),
                    kind: "RoomReserved".into(),
                    subject: "1".into(),
                    time: 1,
                    data: Vec::new(),
                    correlation_id: "c".parse().unwrap(),
                    causation_id: None,
                    trace: None,
                    identity: None,
                },
                moved: Write {
                    space: Space::Cursor,
                    key: b"cursor".to_vec(),
                    value: Some(Vec::new()),
                },
                reads: ReadSet::default(),
                is_first: false,
                is_early: false,
                has_more,
                stop: &stop,
            };
            watcher.note(&arrival).await.unwrap();
            let waits_for_the_disk = ledger.flushed() < ledger.applied();
            assert_eq!(waits_for_the_disk, has_more);
        }
    }
}
