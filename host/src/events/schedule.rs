//! Schedules: events that a context publishes at certain times. Each time has its event once: how far a schedule has come is a record that is written in the commit with
//! the event, so it holds over restarts, and of two who fire one time only one commits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::core::{Backoff, CorrelationId, EventId, InvocationId, Timestamp, wall_clock};
use crate::invocation::record;
use crate::journal::{
    self, Cause, CommitError, Ending, Event, Header, Ledger, ReadSet, Space, Unit,
};
use crate::manifest::{Missed, Schedule};

/// The longest sleep: the clock that says when something is due may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A clock that differs by more than this, in milliseconds, has made a leap; by less, it is only being put right.
const LEAP: u64 = 3_600_000;
/// So many times that were missed have their events; earlier ones have none.
const MOST_MISSED: usize = 1_000;

/// How far a schedule has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Its times, as the manifest said them.
    times: String,
    /// The last that had its event, or the moment at which it began, in milliseconds since the Unix epoch.
    last: u64,
}

/// What an event of a schedule says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Due<'a> {
    schedule: &'a str,
    /// The time that it is for; it may be published later.
    time: String,
}

/// A schedule of a context.
pub(super) struct Scheduled {
    pub ledger: Arc<Ledger>,
    pub name: String,
    pub schedule: Schedule,
}

/// Publishes the events of a schedule at their times, until the host stops.
pub(super) async fn run(scheduled: Scheduled, shutdown: CancellationToken) {
    let mut backoff = Backoff::of_journal();
    // Only what passed while nobody was there was missed.
    let mut is_start = true;
    loop {
        let now = wall_clock();
        let wait = match scheduled.fire_due(now, is_start).await {
            Ok(next) => {
                backoff = Backoff::of_journal();
                is_start = false;
                next.map_or(LONGEST_SLEEP, |next| {
                    LONGEST_SLEEP.min(Duration::from_millis(next.saturating_sub(now)))
                })
            }
            Err(CommitError::Closed) => return,
            Err(error) => {
                tracing::error!(context = scheduled.ledger.context(), schedule = scheduled.name, %error, "a schedule could not publish its event; trying again");
                if backoff.pause(&shutdown).await.is_break() {
                    return;
                }
                continue;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Scheduled {
    fn key(&self) -> String {
        format!("schedule/{}", self.name)
    }

    /// Publishes what is due, and says when the next is.
    async fn fire_due(&self, now: u64, is_start: bool) -> Result<Option<u64>, CommitError> {
        let mut has_looked_back = false;
        loop {
            let began = self.ledger.applied();
            let progress = self.progress()?;
            let known = progress.filter(|progress| progress.times == self.schedule.times());
            let known = known.filter(|progress| !self.is_ahead(progress, now));
            let (last, begins) = known.map_or((now, true), |progress| (progress.last, false));
            // More than one is due also when the machine, or its clock, has made a leap.
            let due = self.due(last, now);
            let is_leap = due.is_some_and(|due| now - due > LEAP);
            let step = match !has_looked_back && (is_start || is_leap) {
                true => self.missed(last, now).await,
                false => due.map(Step::Publish),
            };
            let unit = match step {
                Some(Step::Publish(time)) => self.unit(began, time, Some(time))?,
                Some(Step::PassOver(time)) => self.unit(began, time, None)?,
                None if begins => self.unit(began, last, None)?,
                None => return Ok(self.schedule.next(last)),
            };
            match self.ledger.commit(unit).await {
                Ok(_) => has_looked_back = true,
                // Of two only one commits; the other looks again.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a schedule has come further than there is time: a clock was wrong then, and it would be silent until it is right.
    fn is_ahead(&self, progress: &Progress, now: u64) -> bool {
        let is_ahead = progress.last > now + LEAP;
        if is_ahead {
            tracing::warn!(
                context = self.ledger.context(),
                schedule = self.name,
                "a schedule has come to a time that is yet to come: a clock was wrong; it begins anew"
            );
        }
        is_ahead
    }

    /// The first time after `last`, if it has come.
    fn due(&self, last: u64, now: u64) -> Option<u64> {
        self.schedule.next(last).filter(|time| *time <= now)
    }

    /// What is to be done first about the times that passed while nobody was there. There may be very many.
    async fn missed(&self, last: u64, now: u64) -> Option<Step> {
        let schedule = self.schedule.clone();
        let looking = tokio::task::spawn_blocking(move || missed(&schedule, last, now));
        let step = looking.await.ok()??;
        if let (Step::PassOver(_), Missed::CatchUp) = (step, self.schedule.missed) {
            tracing::warn!(
                context = self.ledger.context(),
                schedule = self.name,
                "the host was down for more than {MOST_MISSED} times of a schedule; the earlier ones have no event"
            );
        }
        Some(step)
    }

    fn progress(&self) -> Result<Option<Progress>, journal::Error> {
        record::find(&self.ledger, Space::Meta, &self.key())
    }

    fn unit(&self, began: u64, last: u64, publishes: Option<u64>) -> Result<Unit, journal::Error> {
        let key = self.key();
        let progress = Progress {
            times: self.schedule.times(),
            last,
        };
        let mut reads = ReadSet::default();
        reads.note_key(Space::Meta, key.as_bytes());
        let writes = vec![record::write(Space::Meta, &key, &progress)?];
        let Some(time) = publishes else {
            let unit = Unit::bookkeeping("schedule", began, writes);
            return Ok(Unit { reads, ..unit });
        };
        let event = self.event(time);
        Ok(Unit {
            began,
            reads,
            header: Header {
                invocation: InvocationId::of_timer(&event.id),
                cause: Cause::Timer {
                    id: event.id.clone(),
                },
                ending: Ending::Committed,
                attempt: 1,
                correlation_id: Some(event.correlation_id.clone()),
                causation_id: None,
                version: None,
                time: event.time,
                status: None,
                by: None,
            },
            writes,
            events: vec![event],
        })
    }

    fn event(&self, time: u64) -> Event {
        let context = self.ledger.context();
        let id = EventId::derived(&[
            b"schedule",
            context.as_bytes(),
            self.name.as_bytes(),
            &time.to_be_bytes(),
        ]);
        let due = Due {
            schedule: &self.name,
            time: Timestamp(time).to_string(),
        };
        Event {
            kind: self.schedule.event.clone(),
            subject: self.name.clone(),
            time: wall_clock(),
            // Texts always serialize.
            data: serde_json::to_vec(&due).unwrap_or_default(),
            correlation_id: CorrelationId::of_event(&id),
            causation_id: None,
            trace: None,
            identity: None,
            id,
        }
    }
}

/// What is to be done first about the times after `last`, up to now: they are published one by one, so that a crash in between loses none and doubles none.
fn missed(schedule: &Schedule, last: u64, now: u64) -> Option<Step> {
    let times = std::iter::successors(schedule.next(last), |time| schedule.next(*time));
    let times = times.take_while(|time| *time <= now);
    if schedule.missed == Missed::Skip {
        return times.last().map(Step::PassOver);
    }
    let mut newest = VecDeque::with_capacity(MOST_MISSED);
    let mut passed_over = None;
    for time in times {
        if newest.len() == MOST_MISSED {
            passed_over = newest.pop_front();
        }
        newest.push_back(time);
    }
    let first = newest.front().copied().map(Step::Publish);
    passed_over.map(Step::PassOver).or(first)
}

/// What is to be done about a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It has its event.
    Publish(u64),
    /// It, and those before it, have none.
    PassOver(u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Committer, Durability, LANES, MemoryStore, Options};

    /// Where the clock of a test begins: at a whole minute.
    const BEGIN: u64 = 1_700_000_040_000;
    const MINUTE: u64 = 60_000;

    struct Bench {
        scheduled: Scheduled,
        _committer: Arc<Committer>,
    }

    impl Bench {
        fn new(missed: Missed) -> Self {
            let store = Arc::new(MemoryStore::new());
            let committer = Committer::start(store, Options::default()).unwrap();
            let ledger = committer.open("room", Durability::Relaxed).unwrap();
            let schedule = Schedule {
                cron: None,
                every: Some(Duration::from_millis(MINUTE)),
                event: "MinuteDue".into(),
                missed,
            };
            Self {
                scheduled: Scheduled {
                    ledger,
                    name: "minute".into(),
                    schedule,
                },
                _committer: committer,
            }
        }

        fn published(&self) -> Vec<String> {
            let mut texts = Vec::new();
            for lane in 0..LANES {
                let events = self
                    .scheduled
                    .ledger
                    .journal()
                    .events(lane, None, u64::MAX, 5_000);
                texts.extend(
                    events
                        .unwrap()
                        .into_iter()
                        .map(|(_, event)| String::from_utf8(event.data).unwrap()),
                );
            }
            texts
        }
    }

    #[tokio::test]
    async fn each_time_has_its_event_once() {
        let bench = Bench::new(Missed::CatchUp);
        let fire = async |now| bench.scheduled.fire_due(now, false).await.unwrap();
        assert_eq!(fire(BEGIN + 5).await, Some(BEGIN + MINUTE), "it begins now");
        assert!(bench.published().is_empty());
        for now in [BEGIN + MINUTE, BEGIN + MINUTE + 1, BEGIN + 2 * MINUTE - 1] {
            assert_eq!(fire(now).await, Some(BEGIN + 2 * MINUTE));
            assert_eq!(bench.published().len(), 1);
        }
        assert!(bench.published()[0].contains("\"schedule\":\"minute\""));
        // A clock that goes back fires nothing twice.
        assert_eq!(fire(BEGIN).await, Some(BEGIN + 2 * MINUTE));
        assert_eq!(bench.published().len(), 1);
    }

    #[tokio::test]
    async fn what_was_missed_is_caught_up_with_or_skipped() {
        for (missed, expected) in [(Missed::CatchUp, 3), (Missed::Skip, 0)] {
            let bench = Bench::new(missed);
            bench.scheduled.fire_due(BEGIN, true).await.unwrap();
            let back = BEGIN + 3 * MINUTE + 7;
            let next = bench.scheduled.fire_due(back, true).await.unwrap();
            assert_eq!(next, Some(BEGIN + 4 * MINUTE));
            assert_eq!(bench.published().len(), expected, "{missed:?}");
        }
    }

    #[tokio::test]
    async fn of_very_many_the_last_ones_are_caught_up_with() {
        let bench = Bench::new(Missed::CatchUp);
        bench.scheduled.fire_due(BEGIN, true).await.unwrap();
        bench
            .scheduled
            .fire_due(BEGIN + 1_500 * MINUTE, true)
            .await
            .unwrap();
        let published = bench.published();
        assert_eq!(published.len(), MOST_MISSED);
        let last = Timestamp(BEGIN + 1_500 * MINUTE).to_string();
        assert!(published.iter().any(|event| event.contains(&last)));
    }

    #[tokio::test]
    async fn a_leap_of_the_clock_is_no_flood_and_no_silence() {
        for (missed, expected) in [(Missed::CatchUp, MOST_MISSED), (Missed::Skip, 0)] {
            let bench = Bench::new(missed);
            bench.scheduled.fire_due(BEGIN, true).await.unwrap();
            let later = BEGIN + 5_000 * MINUTE;
            let next = bench.scheduled.fire_due(later, false).await.unwrap();
            assert_eq!(next, Some(later + MINUTE));
            assert_eq!(bench.published().len(), expected, "{missed:?}");
            // The clock was wrong, and is put right.
            let next = bench.scheduled.fire_due(BEGIN, false).await.unwrap();
            assert_eq!(next, Some(BEGIN + MINUTE), "it begins anew");
        }
    }

    #[tokio::test]
    async fn other_times_begin_anew() {
        let mut bench = Bench::new(Missed::CatchUp);
        bench.scheduled.fire_due(BEGIN, true).await.unwrap();
        bench.scheduled.schedule.every = Some(Duration::from_millis(MINUTE / 2));
        let later = BEGIN + 100 * MINUTE;
        let next = bench.scheduled.fire_due(later, true).await.unwrap();
        assert_eq!(next, Some(later + MINUTE / 2));
        assert!(
            bench.published().is_empty(),
            "nothing was missed of what was not asked for"
        );
    }
}
