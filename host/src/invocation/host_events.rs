//! Events of the host itself: what it does to contexts (opens a breaker, scales, restarts), as events of the source `innkeeper`.
//!
//! They are recorded beside the work that they tell of, never in its way: whoever records one does not wait, and one task commits them to the host's journal in
//! groups. They are news, not state: what cannot be written, or comes faster than it can be written, is counted and left out. What happened to each context within
//! the last hour is remembered in memory, too, in sentences.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::host_event_kind::HostEventKind;
use super::occurrences::{Occurrence, Occurrences, Severity};
use crate::core::{CausationId, ContextName, CorrelationId, EventId, wall_clock};
use crate::journal::{Event, Ledger, Unit};

/// So many wait to be written; more are left out.
const WAITING: usize = 1_024;
/// So many are written in one commit.
const GROUP: usize = 64;

/// Where events of the host are recorded.
#[derive(Debug)]
pub struct HostEvents {
    waiting: mpsc::Sender<HostEvent>,
    lately: Mutex<BTreeMap<ContextName, Occurrences>>,
    left_out: AtomicU64,
}

/// The other end: what commits them.
pub struct HostEventsWriter(mpsc::Receiver<HostEvent>);

#[derive(Debug)]
struct HostEvent {
    kind: HostEventKind,
    context: ContextName,
    data: Value,
    correlation_id: CorrelationId,
}

impl HostEvents {
    /// Where they are recorded, and what commits them.
    pub fn new() -> (Self, HostEventsWriter) {
        let (waiting, written) = mpsc::channel(WAITING);
        let left_out = AtomicU64::new(0);
        let events = Self {
            waiting,
            lately: Mutex::default(),
            left_out,
        };
        (events, HostEventsWriter(written))
    }

    /// Records what happened to a context, as a story of its own. Does not wait.
    pub fn record(&self, kind: HostEventKind, context: &ContextName, data: Value) {
        self.record_in_story(kind, context, data, CorrelationId::random());
    }

    /// Records what happened to a context, as part of a story. Does not wait.
    pub fn record_in_story(
        &self,
        kind: HostEventKind,
        context: &ContextName,
        data: Value,
        correlation_id: CorrelationId,
    ) {
        if let Some((severity, sentence)) = kind.told(&data) {
            self.note(context, severity, kind.name(), sentence);
        }
        let event = HostEvent {
            kind,
            context: context.clone(),
            data,
            correlation_id,
        };
        if self.waiting.try_send(event).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Remembers something that happened to a context, and is an event by itself.
    pub fn note(
        &self,
        context: &ContextName,
        severity: Severity,
        reason: &'static str,
        message: String,
    ) {
        let mut lately = self.lately.lock();
        match lately.get_mut(context) {
            Some(known) => known.note(severity, reason, message),
            None => {
                let mut new = Occurrences::default();
                new.note(severity, reason, message);
                lately.insert(context.clone(), new);
            }
        }
    }

    /// What happened to a context within the last hour, but for its health, which is known elsewhere; the last one last.
    pub fn lately(&self, context: &str) -> Vec<Occurrence> {
        let lately = self.lately.lock();
        lately.get(context).map_or_else(Vec::new, Occurrences::list)
    }

    /// How many were left out since the start, because too many came at once.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

impl HostEventsWriter {
    /// Commits what is recorded to the host's journal, until the host stops and nothing waits.
    pub async fn run(mut self, ledger: Arc<Ledger>, stop: CancellationToken) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            let count = tokio::select! {
                count = self.0.recv_many(&mut group, GROUP) => count,
                () = stop.cancelled() => {
                    self.0.close();
                    self.0.recv_many(&mut group, GROUP).await
                }
            };
            if count == 0 {
                return;
            }
            // Each story has commits of its own, by which it is found; they are flushed together.
            let mut stories: Vec<Vec<HostEvent>> = Vec::new();
            for event in group.drain(..) {
                let is_same = |story: &&mut Vec<HostEvent>| {
                    let last = story.last();
                    last.is_some_and(|last| last.correlation_id == event.correlation_id)
                };
                match stories.last_mut().filter(is_same) {
                    Some(story) => story.push(event),
                    None => stories.push(vec![event]),
                }
            }
            let units = stories.into_iter().map(|story| unit(&ledger, story));
            for committed in join_all(units.map(|unit| ledger.commit(unit))).await {
                if let Err(error) = committed {
                    tracing::warn!(%error, "events of the host could not be written and are left out");
                }
            }
        }
    }
}

fn unit(ledger: &Ledger, story: Vec<HostEvent>) -> Unit {
    let mut unit = Unit::bookkeeping("host-events", ledger.applied(), Vec::new());
    unit.header.correlation_id = story.first().map(|event| event.correlation_id.clone());
    let invocation = unit.header.invocation.clone();
    let events = story.into_iter().enumerate().map(|(index, event)| Event {
        id: EventId::derived(&[invocation.as_bytes(), index.to_string().as_bytes()]),
        kind: event.kind.name().to_owned(),
        subject: event.context.to_string(),
        time: wall_clock(),
        data: event.data.to_string().into_bytes(),
        correlation_id: event.correlation_id,
        causation_id: Some(CausationId::from(&invocation)),
        trace: None,
        identity: None,
    });
    unit.events = events.collect();
    unit
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::journal::{Committer, Durability, LANES, MemoryStore, Options};

    #[tokio::test]
    async fn what_is_recorded_is_committed_also_when_the_host_stops_at_once() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("innkeeper", Durability::Relaxed).unwrap();
        let (events, writer) = HostEvents::new();
        for number in 0..200 {
            events.record(
                HostEventKind::ScaledUp,
                &"room".into(),
                json!({ "slots": number }),
            );
        }
        let stop = CancellationToken::new();
        stop.cancel();
        writer.run(ledger.clone(), stop).await;
        let mut read = Vec::new();
        for lane in 0..LANES {
            let events = ledger.journal().events(lane, None, u64::MAX, 1_000);
            read.extend(events.unwrap().into_iter().map(|(_, event)| event));
        }
        assert_eq!(read.len(), 200);
        let ids: std::collections::BTreeSet<_> = read.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), 200, "each has an id of its own");
        assert!(
            read.iter()
                .all(|event| event.kind == "ScaledUp" && event.subject == "room")
        );
        assert_eq!(events.left_out(), 0);
    }

    #[tokio::test]
    async fn what_belongs_to_a_story_is_found_by_it() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("innkeeper", Durability::Relaxed).unwrap();
        let (events, writer) = HostEvents::new();
        let story = CorrelationId::random();
        for kind in [HostEventKind::Restarted, HostEventKind::HealedByRollback] {
            events.record(HostEventKind::ScaledUp, &"bell".into(), Value::Null);
            events.record_in_story(kind, &"room".into(), Value::Null, story.clone());
        }
        let stop = CancellationToken::new();
        stop.cancel();
        writer.run(ledger.clone(), stop).await;
        let found = ledger.journal().story(&story).unwrap();
        let kinds = found.iter().flat_map(|(_, _, events)| events);
        let kinds: Vec<_> = kinds.map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["Restarted", "HealedByRollback"]);
    }

    #[test]
    fn whoever_records_too_much_does_not_wait() {
        let (events, _writer) = HostEvents::new();
        for _ in 0..WAITING + 5 {
            events.record(HostEventKind::Ready, &"room".into(), Value::Null);
        }
        assert_eq!(events.left_out(), 5);
    }

    #[test]
    fn what_happened_lately_is_told_in_sentences_and_counted() {
        let (events, _writer) = HostEvents::new();
        let open = json!({"caller": "shop", "version": 3, "errors": 5, "ejectionMs": 30_000});
        for _ in 0..5 {
            events.record(
                HostEventKind::CircuitBreakerOpened,
                &"room".into(),
                open.clone(),
            );
        }
        let scaled = json!({"from": 1, "to": 4, "reason": "work waits for it"});
        events.record(HostEventKind::ScaledUp, &"room".into(), scaled);
        let faults = json!({"abort": {"percent": 5, "status": 503}, "until": "noon"});
        events.record(HostEventKind::FaultInjectionStarted, &"room".into(), faults);
        // Told with its health.
        events.record(HostEventKind::Restarted, &"room".into(), Value::Null);
        events.record(
            HostEventKind::Loaded,
            &"bell".into(),
            json!({"version": "1"}),
        );
        let lately = events.lately("room").into_iter();
        let lately: Vec<_> = lately.map(|one| (one.message, one.count)).collect();
        let expected = [
            (
                "calls of shop are rejected for 30000 ms: version 3 failed 5 times in a row",
                5,
            ),
            ("slots from 1 to 4: work waits for it", 1),
            ("5 % are answered with 503, until noon", 1),
        ];
        assert_eq!(
            lately,
            expected.map(|(text, count)| (text.to_owned(), count))
        );
        assert!(events.lately("nobody").is_empty());
    }
}
