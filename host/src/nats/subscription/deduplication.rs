//! What was taken in lately, by the ids of its events: what a repeat is recognized by.
//!
//! It is read from the journal when a subscription starts, and only where repeats are to be expected, or where they are asked to be recognized. So nothing else is
//! kept for it, and a restart forgets nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::event_mapping::{EventIdHalves, ReceivedEvent};
use crate::journal::{self, Ledger};

/// How many events are remembered.
const MOST: usize = 1 << 18;
/// How many commits are read at a time.
const COMMITS: u64 = 512;
/// By how much the clocks of the host and of the server may differ, in milliseconds.
const SKEW: u64 = 5_000;

/// Which repeats are recognized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    /// Messages that may come once more, each at its own place in the stream.
    pub redelivered: bool,
    /// Whatever has the name of something that was taken in: the stream was set back or exchanged, and its producers may have noticed.
    pub republished: bool,
    /// What its producers send again within this time.
    pub window: Option<Duration>,
}

/// What was taken in lately.
pub(super) struct Deduplication {
    policy: Policy,
    places: HashMap<u64, ()>,
    /// With the time of the last of each name, in milliseconds since the Unix epoch.
    names: HashMap<u64, u64>,
    order: VecDeque<EventIdHalves>,
}

impl Deduplication {
    /// What the journal says of it. `now` is how far the stream has come in time, `read_upto` when the stream got the last message that was taken in: what was
    /// taken in later than that was not published later. Where more has come since, what was taken in late counts as published then.
    pub(super) async fn read(
        ledger: &Arc<Ledger>,
        policy: Policy,
        now: u64,
        read_upto: Option<u64>,
    ) -> Result<Self, journal::Error> {
        let mut repeats = Self {
            policy,
            places: HashMap::new(),
            names: HashMap::new(),
            order: VecDeque::new(),
        };
        let since = match policy {
            Policy {
                redelivered: false,
                republished: false,
                window,
            } => match window {
                Some(window) => now.saturating_sub(milliseconds(window) + SKEW),
                None => return Ok(repeats),
            },
            _ => 0,
        };
        let ledger = ledger.clone();
        let reading = tokio::task::spawn_blocking(move || newest(&ledger, since));
        // Only a runtime that shuts down gives no answer.
        let events = reading.await.unwrap_or(Err(journal::Error::Closed))?;
        for (halves, time) in events.into_iter().rev() {
            repeats.insert(halves, read_upto.map_or(time, |upto| time.min(upto)));
        }
        Ok(repeats)
    }

    /// Whether an event was taken in before; else it counts as taken in from now on. `time` is when the stream got it.
    pub(super) fn recognizes(&mut self, incoming: &ReceivedEvent, time: u64) -> bool {
        if self.policy == Policy::default() {
            return false;
        }
        let Some(halves) = EventIdHalves::of(&incoming.event.id) else {
            return false;
        };
        let Policy {
            redelivered,
            republished,
            window,
        } = self.policy;
        let same_place = || self.places.contains_key(&halves.place);
        let before = self.names.get(&halves.name).filter(|_| incoming.is_named);
        let in_window = |before: &u64| {
            window.is_some_and(|window| time <= before.saturating_add(milliseconds(window)))
        };
        let is_repeat = (redelivered || republished) && same_place()
            || republished && before.is_some()
            || before.is_some_and(in_window);
        if !is_repeat {
            self.insert(halves, time);
        }
        is_repeat
    }

    fn insert(&mut self, halves: EventIdHalves, time: u64) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest.place);
            self.names.remove(&oldest.name);
        }
        self.places.insert(halves.place, ());
        self.names.insert(halves.name, time);
        self.order.push_back(halves);
    }
}

/// The newest events of a journal, newest first, with the times of their commits. Blocks.
fn newest(ledger: &Ledger, since: u64) -> Result<Vec<(EventIdHalves, u64)>, journal::Error> {
    let mut found = Vec::new();
    let mut upto = ledger.applied();
    while upto > 0 && found.len() < MOST {
        let from = upto.saturating_sub(COMMITS);
        let count = usize::try_from(upto - from).unwrap_or(usize::MAX);
        for (_, header, events) in ledger.journal().commits(from, count)?.into_iter().rev() {
            if header.time < since {
                return Ok(found);
            }
            let halves = events
                .iter()
                .rev()
                .filter_map(|event| EventIdHalves::of(&event.id));
            found.extend(halves.map(|halves| (halves, header.time)));
        }
        upto = from;
    }
    Ok(found)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Committer, Durability, MemoryStore, Options, Unit};
    use crate::nats::subscription::event_mapping::ReceivedMessage;

    fn incoming(place: &str, payload: &str) -> ReceivedEvent {
        let message = ReceivedMessage {
            subject: "pms.a",
            headers: None,
            payload: payload.as_bytes(),
            time: 0,
        };
        message.events(place.as_bytes(), None).remove(0)
    }

    fn cloud_event(place: &str, id: &str) -> ReceivedEvent {
        let text =
            format!(r#"{{"specversion": "1.0", "id": "{id}", "source": "/a", "type": "A"}}"#);
        incoming(place, &text)
    }

    fn repeats(policy: Policy) -> Deduplication {
        Deduplication {
            policy,
            places: HashMap::new(),
            names: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    #[tokio::test]
    async fn what_was_taken_in_late_was_not_published_late() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("pms", Durability::Relaxed).unwrap();
        let unit = Unit {
            events: vec![cloud_event("1", "a").event],
            ..Unit::bookkeeping("nats", ledger.applied(), Vec::new())
        };
        ledger.commit(unit).await.unwrap();
        let (_, header, _) = ledger.journal().commits(0, 1).unwrap().remove(0);
        let policy = Policy {
            window: Some(Duration::from_secs(5)),
            ..Policy::default()
        };
        let again = cloud_event("2", "a");
        for (read_upto, expected) in [(None, true), (Some(header.time - 9_000), false)] {
            let repeats = Deduplication::read(&ledger, policy, header.time, read_upto);
            let mut repeats = repeats.await.unwrap();
            let is_repeat = repeats.recognizes(&again, header.time);
            assert_eq!(is_repeat, expected, "{read_upto:?}");
        }
    }

    #[test]
    fn a_window_recognizes_names_for_a_time() {
        let mut repeats = repeats(Policy {
            window: Some(Duration::from_secs(1)),
            ..Policy::default()
        });
        assert!(!repeats.recognizes(&cloud_event("1", "a"), 1_000));
        assert!(!repeats.recognizes(&cloud_event("2", "b"), 1_000));
        assert!(repeats.recognizes(&cloud_event("3", "a"), 2_000));
        assert!(!repeats.recognizes(&cloud_event("4", "a"), 2_001));
        assert!(repeats.recognizes(&cloud_event("5", "a"), 3_000));
        assert!(!repeats.recognizes(&incoming("6", "x"), 1_000));
        assert!(!repeats.recognizes(&incoming("7", "x"), 1_000));
    }

    #[test]
    fn redelivery_is_recognized_by_its_place_only() {
        let mut repeats = repeats(Policy {
            redelivered: true,
            ..Policy::default()
        });
        assert!(!repeats.recognizes(&cloud_event("1", "a"), 0));
        assert!(repeats.recognizes(&cloud_event("1", "a"), 0));
        assert!(!repeats.recognizes(&cloud_event("2", "a"), 0));
        assert!(!repeats.recognizes(&incoming("3", "x"), 0));
        assert!(repeats.recognizes(&incoming("3", "x"), 0));
    }

    #[test]
    fn after_a_disturbance_either_is() {
        let mut repeats = repeats(Policy {
            republished: true,
            ..Policy::default()
        });
        assert!(!repeats.recognizes(&cloud_event("1", "a"), 0));
        assert!(repeats.recognizes(&cloud_event("9", "a"), u64::MAX));
        assert!(!repeats.recognizes(&incoming("3", "x"), 0));
        assert!(repeats.recognizes(&incoming("3", "x"), 0));
        assert!(!repeats.recognizes(&incoming("4", "x"), 0));
    }
}
