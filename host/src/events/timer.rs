//! Timers: events that are published when their time has come. Never before it, also after a restart, and once: the commit that publishes one takes it away.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use metrics::counter;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::core::{Backoff, InvocationId, VerifiedIdentity, wall_clock};
use crate::invocation::{Context, Timer};
use crate::journal::{
    self, Cause, CommitError, Ending, Event, Header, Ledger, ReadSet, Unit, Write,
};
use crate::observe::metrics::TIMERS_FIRED;

/// How many timers fire together.
const BATCH: usize = 64;
/// The longest sleep: the clock that says when a timer is due may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Whose timers fire, and what else belongs to it.
pub(super) trait Timers: Send + Sync + 'static {
    /// The journal that they are in.
    fn ledger(&self) -> &Arc<Ledger>;

    /// Tells that one was set.
    fn set(&self) -> &Notify;

    /// The time by which they are due, in milliseconds since the Unix epoch.
    fn now(&self) -> u64 {
        wall_clock()
    }

    /// Waits until what is due may fire; false when that is not so yet.
    fn settled(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(true)
    }

    /// What the commit that fires one writes besides.
    fn additions(
        &self,
        _timer: &Timer,
        _time: u64,
        _reads: &mut ReadSet,
    ) -> Result<Vec<Write>, journal::Error> {
        Ok(Vec::new())
    }
}

/// The timers that a context's guest has set.
pub(super) struct OfContext(pub Arc<Context>);

impl Timers for OfContext {
    fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    fn set(&self) -> &Notify {
        &self.0.timer_set
    }
}

/// Fires timers as they come due, until the host stops.
pub(super) async fn run(timers: impl Timers, shutdown: CancellationToken) {
    let mut backoff = Backoff::of_journal();
    loop {
        let wait = match fire_due(&timers).await {
            Ok(next) => {
                backoff = Backoff::of_journal();
                sleep(next, timers.now())
            }
            Err(CommitError::Closed) => return,
            Err(error) => {
                tracing::error!(context = timers.ledger().context(), %error, "timers could not fire; trying again");
                if backoff.pause(&shutdown).await.is_break() {
                    return;
                }
                continue;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = timers.set().notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// How long to sleep until the next timer is due.
fn sleep(next: Option<u64>, now: u64) -> Duration {
    next.map_or(LONGEST_SLEEP, |due| {
        LONGEST_SLEEP.min(Duration::from_millis(due.saturating_sub(now)))
    })
}

/// Fires whatever is due, and says when the next one is.
async fn fire_due(timers: &impl Timers) -> Result<Option<u64>, CommitError> {
    loop {
        let mut next = Timer::next(timers.ledger(), BATCH)?;
        let first = next.first().map(|(due, _)| *due);
        let now = timers.now();
        next.retain(|(due, _)| *due <= now);
        if next.is_empty() {
            return Ok(first);
        }
        if !timers.settled().await {
            return Ok(first);
        }
        // Handed to the committer in the order of their times, and flushed together.
        for fired in join_all(next.iter().map(|(_, timer)| fire(timers, timer))).await {
            match fired {
                // Someone took it away first, or is about to show that he did.
                Ok(()) | Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits until every timer of a journal that is due by a time has fired, or was taken away.
pub(super) async fn fired(ledger: &Ledger, by: u64) -> Result<(), journal::Error> {
    let mut flushed = ledger.flushed_watch();
    loop {
        flushed.mark_unchanged();
        let next = Timer::next(ledger, 1)?;
        if next.first().is_none_or(|(due, _)| *due > by) {
            return Ok(());
        }
        if flushed.changed().await.is_err() {
            return Err(journal::Error::Closed);
        }
    }
}

/// Publishes a timer's event, unless the timer is gone.
async fn fire(timers: &impl Timers, timer: &Timer) -> Result<(), CommitError> {
    let ledger = timers.ledger();
    let began = ledger.applied();
    let mut reads = ReadSet::default();
    let Some(due) = Timer::due(ledger, &mut reads, &timer.id)? else {
        return Ok(());
    };
    let time = timers.now().max(due);
    let mut writes = Timer::removals(due, &timer.id).to_vec();
    writes.extend(timers.additions(timer, time, &mut reads)?);
    let unit = Unit {
        began,
        reads,
        header: header(timer, time),
        writes,
        events: vec![event(timer, time)],
    };
    ledger.commit(unit).await?;
    counter!(TIMERS_FIRED, "context" => ledger.context().to_owned()).increment(1);
    Ok(())
}

fn header(timer: &Timer, time: u64) -> Header {
    Header {
        invocation: InvocationId::of_timer(&timer.id),
        cause: Cause::Timer {
            id: timer.id.clone(),
        },
        ending: Ending::Committed,
        attempt: 1,
        correlation_id: Some(timer.correlation_id.clone()),
        causation_id: timer.causation_id.clone(),
        version: None,
        time,
        status: None,
        by: timer.identity.as_ref().map(VerifiedIdentity::to_subject),
    }
}

fn event(timer: &Timer, time: u64) -> Event {
    Event {
        id: timer.id.clone(),
        kind: timer.kind.clone(),
        subject: timer.subject.clone(),
        time,
        data: timer.data.clone(),
        correlation_id: timer.correlation_id.clone(),
        causation_id: timer.causation_id.clone(),
        trace: None,
        identity: timer.identity.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::journal::{Committer, Durability, LANES, MemoryStore, Options};

    /// When the clock of a test begins.
    const BEGIN: u64 = 1_700_000_000_000;

    /// A clock that stands still until it is put forward.
    struct Clock {
        ledger: Arc<Ledger>,
        set: Notify,
        now: AtomicU64,
    }

    impl Timers for Arc<Clock> {
        fn ledger(&self) -> &Arc<Ledger> {
            &self.ledger
        }

        fn set(&self) -> &Notify {
            &self.set
        }

        fn now(&self) -> u64 {
            self.now.load(Ordering::Acquire)
        }
    }

    /// A ledger whose timers fire for as long as it lives.
    struct Bench {
        clock: Arc<Clock>,
        stop: CancellationToken,
        tasks: TaskTracker,
        _committer: Arc<Committer>,
    }

    impl Bench {
        fn new() -> Self {
            let store = Arc::new(MemoryStore::new());
            let committer = Committer::start(store, Options::default()).unwrap();
            let ledger = committer.open("bell", Durability::Flush).unwrap();
            let clock = Clock {
                ledger,
                set: Notify::new(),
                now: AtomicU64::new(BEGIN),
            };
            let bench = Self {
                clock: Arc::new(clock),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
                _committer: committer,
            };
            bench.start();
            bench
        }

        fn start(&self) {
            let running = run(self.clock.clone(), self.stop.child_token());
            self.tasks.spawn(running);
        }

        async fn commit(&self, reads: ReadSet, writes: Vec<Write>) -> Result<u64, CommitError> {
            let ledger = &self.clock.ledger;
            let unit = Unit {
                reads,
                ..Unit::bookkeeping("test", ledger.applied(), writes)
            };
            ledger.commit(unit).await
        }

        async fn set(&self, timers: &[(&str, u64)]) {
            let writes = timers
                .iter()
                .flat_map(|(id, due)| timer(id).writes(*due).unwrap());
            self.commit(ReadSet::default(), writes.collect())
                .await
                .unwrap();
            self.clock.set.notify_one();
        }

        /// Puts the clock forward.
        fn put_forward(&self, milliseconds: u64) {
            self.clock.now.fetch_add(milliseconds, Ordering::AcqRel);
            self.clock.set.notify_one();
        }

        /// Waits for so many events, and gives them in the order of their commits.
        async fn fired(&self, count: usize) -> Vec<Event> {
            let mut flushed = self.clock.ledger.flushed_watch();
            loop {
                let fired = self.events();
                if fired.len() >= count {
                    return fired;
                }
                flushed.changed().await.unwrap();
            }
        }

        fn events(&self) -> Vec<Event> {
            let journal = self.clock.ledger.journal();
            let events = (0..LANES).flat_map(|lane| {
                let events = journal.events(lane, None, u64::MAX, 1_000);
                events.unwrap()
            });
            let mut events: Vec<_> = events.collect();
            events.sort_by_key(|(position, _)| *position);
            events.into_iter().map(|(_, event)| event).collect()
        }

        fn left(&self) -> usize {
            Timer::next(&self.clock.ledger, 1_000).unwrap().len()
        }
    }

    fn timer(id: &str) -> Timer {
        Timer {
            id: id.into(),
            kind: "BellRung".into(),
            subject: format!("bell {id}"),
            data: id.as_bytes().to_vec(),
            correlation_id: "c".parse().unwrap(),
            causation_id: Some("setter".into()),
            identity: Some(VerifiedIdentity::of("setter")),
        }
    }

    fn ids(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.id.as_str()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_in_the_order_of_their_times_and_never_early() {
        let bench = Bench::new();
        bench.set(&[("c", BEGIN + 300), ("a", BEGIN)]).await;
        bench.fired(1).await;
        // Earlier than what is slept for.
        bench.set(&[("b", BEGIN + 150)]).await;
        bench.put_forward(150);
        bench.fired(2).await;
        bench.put_forward(149);
        assert_eq!(bench.left(), 1);
        bench.put_forward(1);
        let events = bench.fired(3).await;
        assert_eq!(ids(&events), ["a", "b", "c"]);
        for (event, due) in events.iter().zip([BEGIN, BEGIN + 150, BEGIN + 300]) {
            assert!(event.time >= due, "{event:?} was due at {due}");
            assert_eq!(
                (event.correlation_id.as_str(), event.causation_id.as_deref()),
                ("c", Some("setter"))
            );
            assert_eq!(event.identity, Some(VerifiedIdentity::of("setter")));
        }
        assert_eq!(bench.left(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_overdue_fires_at_once_and_once() {
        let bench = Bench::new();
        bench.stop.cancel();
        bench.tasks.close();
        bench.tasks.wait().await;
        let ids: Vec<String> = (0..300).map(|number| format!("{number:03}")).collect();
        let due: Vec<_> = ids.iter().map(String::as_str).zip(1..).collect();
        bench.set(&due).await;
        let again = run(bench.clock.clone(), CancellationToken::new());
        let again = tokio::spawn(again);
        let events = bench.fired(300).await;
        assert_eq!(self::ids(&events), ids);
        assert_eq!(bench.left(), 0);
        again.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_timer_is_either_cancelled_or_fires() {
        let bench = Bench::new();
        let ids: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
        let due: Vec<_> = ids.iter().map(|id| (id.as_str(), BEGIN + 50)).collect();
        bench.set(&due).await;
        let mut cancelled = Vec::new();
        for (number, name) in ids.iter().enumerate() {
            if number == 50 {
                bench.put_forward(50);
            }
            let id = name.as_str().into();
            let mut reads = ReadSet::default();
            let Some(due) = Timer::due(&bench.clock.ledger, &mut reads, &id).unwrap() else {
                continue;
            };
            match bench
                .commit(reads, Timer::removals(due, &id).to_vec())
                .await
            {
                Ok(_) => cancelled.push(name.as_str()),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let events = bench.fired(ids.len() - cancelled.len()).await;
        let mut all = self::ids(&events);
        all.extend(cancelled);
        all.sort_unstable();
        assert_eq!(all, ids);
        assert_eq!(bench.left(), 0);
    }

    #[test]
    fn sleep_ends_when_the_next_one_is_due() {
        assert_eq!(sleep(None, BEGIN), LONGEST_SLEEP);
        assert_eq!(sleep(Some(0), BEGIN), Duration::ZERO);
        assert_eq!(sleep(Some(u64::MAX), BEGIN), LONGEST_SLEEP);
        let soon = sleep(Some(BEGIN + 1_000), BEGIN);
        assert_eq!(soon, Duration::from_secs(1));
    }
}
