//! Dead letters: events whose handling was given up on, kept until someone has them handled again or drops them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::{ContextName, VerifiedIdentity, wall_clock};
use crate::invocation::{Context, Delivery, record};
use crate::journal::{
    self, Direction, Event, EventPosition, KeyRange, ReadSet, Space, Write, lane_of,
};

/// How many are read at a time.
const STEP: usize = 64;

/// An event that a context has given up on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Names it in its context.
    pub id: LetterId,
    /// The event without its trace and its identity; when it is handled again, that is a trace of its own.
    #[serde(with = "journal::event_without_trace")]
    pub event: Event,
    /// Why it was given up on the last time.
    pub reason: String,
    /// How many attempts there were in all.
    pub attempts: u32,
    /// How often it was given up on.
    pub given_up: u32,
    /// When it was given up on the last time, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Whether it is being handled again.
    pub under_way: bool,
    /// Who is behind the event.
    pub identity: Option<VerifiedIdentity>,
}

/// Names a dead letter in its context by the place of its event: `<source>.<lane>.<commit>.<index>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LetterId {
    /// The context that published the event.
    pub source: ContextName,
    /// The lane of the event.
    pub lane: u8,
    /// Its position in the lane.
    pub position: EventPosition,
}

/// The dead letters of a context, by their sources, in the order of lanes and positions: after `after`, at most `limit`.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn list(
    context: &Context,
    after: Option<&LetterId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, journal::Error> {
    let generation = context.generation();
    let mut range = of_generation(generation);
    if let Some(after) = after {
        // The shortest key that sorts after it.
        range.start = format!("{}\0", after.key(generation)).into_bytes();
    }
    read_all(context, &range, limit)
}

/// How many dead letters a context has.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn count(context: &Context) -> Result<u64, journal::Error> {
    let range = of_generation(context.generation());
    context.ledger.count(Space::DeadLetter, &range)
}

/// A dead letter by its id.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn get(context: &Context, id: &LetterId) -> Result<Option<DeadLetter>, journal::Error> {
    let key = id.key(context.generation());
    record::find(&context.ledger, Space::DeadLetter, &key)
}

/// The dead letters of the subject of one, up to and with itself, oldest first.
pub(super) fn up_to(
    context: &Context,
    letter: &DeadLetter,
) -> Result<Vec<DeadLetter>, journal::Error> {
    let generation = context.generation();
    let range = KeyRange::new(
        letter.id.lane_prefix(generation),
        Some(format!("{}\0", letter.id.key(generation)).into_bytes()),
    );
    let mut letters = read_all(context, &range, usize::MAX)?;
    letters.retain(|other| other.event.subject == letter.event.subject);
    Ok(letters)
}

/// The oldest dead letter of a subject of a source.
pub(super) fn oldest(
    context: &Context,
    source: &str,
    subject: &str,
) -> Result<Option<DeadLetter>, journal::Error> {
    let mut range = of_lane(context.generation(), source, subject);
    loop {
        let letters = read_all(context, &range, STEP)?;
        let Some(last) = letters.last() else {
            return Ok(None);
        };
        range.start = format!("{}\0", last.id.key(context.generation())).into_bytes();
        let mut letters = letters.into_iter();
        if let Some(found) = letters.find(|letter| letter.event.subject == subject) {
            return Ok(Some(found));
        }
    }
}

/// The keys of the dead letters in the lane of a subject.
pub(super) fn of_lane(generation: u32, source: &str, subject: &str) -> KeyRange {
    let lane = lane_of(subject);
    KeyRange::prefix(lane_prefix(generation, source, lane))
}

fn lane_prefix(generation: u32, source: &str, lane: u8) -> String {
    format!("{generation:010}/{source}/{lane:03}/")
}

fn read_all(
    context: &Context,
    range: &KeyRange,
    limit: usize,
) -> Result<Vec<DeadLetter>, journal::Error> {
    let found = context
        .ledger
        .scan(Space::DeadLetter, range, limit, Direction::Forwards)?;
    let letter = |(key, value): (Vec<u8>, Vec<u8>)| record::read(&key, &value);
    found.into_iter().map(letter).collect()
}

/// The keys of all dead letters of a generation.
pub(crate) fn of_generation(generation: u32) -> KeyRange {
    KeyRange::prefix(format!("{generation:010}/"))
}

impl DeadLetter {
    /// What becomes of a delivery that is given up on.
    pub(super) fn new(delivery: &Delivery, position: EventPosition, reason: &str) -> Self {
        Self {
            id: LetterId::of(delivery, position),
            event: delivery.event.clone(),
            reason: reason.to_owned(),
            attempts: delivery.attempt,
            given_up: delivery.given_up + 1,
            time: wall_clock(),
            under_way: false,
            identity: delivery.event.identity.clone(),
        }
    }

    /// What becomes of a delivery that waits behind another dead letter: it was never tried.
    pub(super) fn held(delivery: &Delivery, position: EventPosition) -> Self {
        let reason = "it is held back behind an earlier dead letter of its subject";
        Self {
            attempts: 0,
            given_up: 0,
            ..Self::new(delivery, position, reason)
        }
    }

    /// The event, to be handled again.
    pub(super) fn event(&self) -> Event {
        Event {
            identity: self.identity.clone(),
            ..self.event.clone()
        }
    }

    /// Whether it was never tried, and only waits behind another.
    pub fn is_held(&self) -> bool {
        // A restart may have cut its first attempt short, which counts as none.
        self.attempts == 0
    }

    /// What becomes of it when it was not handled this time either.
    pub(super) fn again(self, attempts: u32, reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            attempts,
            given_up: self.given_up + 1,
            time: wall_clock(),
            under_way: false,
            ..self
        }
    }

    /// The write that keeps it.
    pub(super) fn write(&self, generation: u32) -> Result<Write, journal::Error> {
        record::write(Space::DeadLetter, &self.id.key(generation), self)
    }
}

impl LetterId {
    /// What names the dead letter that a delivery would leave.
    pub(super) fn of(delivery: &Delivery, position: EventPosition) -> Self {
        Self {
            source: delivery.source.clone(),
            lane: lane_of(&delivery.event.subject),
            position,
        }
    }

    /// The write that removes it.
    pub(super) fn removal(&self, generation: u32) -> Write {
        record::removal(Space::DeadLetter, &self.key(generation))
    }

    /// Notes that it was found.
    pub(super) fn note(&self, generation: u32, reads: &mut ReadSet) {
        reads.note_key(Space::DeadLetter, self.key(generation).as_bytes());
    }

    fn lane_prefix(&self, generation: u32) -> String {
        lane_prefix(generation, &self.source, self.lane)
    }

    // The numbers have all their digits, so that keys sort as what they name.
    fn key(&self, generation: u32) -> String {
        let EventPosition { commit, index } = self.position;
        format!("{}{commit:020}/{index:05}", self.lane_prefix(generation))
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventPosition { commit, index } = self.position;
        write!(formatter, "{}.{}.{commit}.{index}", self.source, self.lane)
    }
}

/// The text names no dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a dead letter; an id looks like `room.3.1204.0`, see the list")]
pub struct NotALetterId(String);

impl FromStr for LetterId {
    type Err = NotALetterId;

    fn from_str(text: &str) -> Result<Self, NotALetterId> {
        let parse = || {
            let mut parts = text.split('.');
            let id = Self {
                source: parts.next()?.parse().ok()?,
                lane: parts.next()?.parse().ok()?,
                position: EventPosition {
                    commit: parts.next()?.parse().ok()?,
                    index: parts.next()?.parse().ok()?,
                },
            };
            parts.next().is_none().then_some(id)
        };
        parse().ok_or_else(|| NotALetterId(text.to_owned()))
    }
}

impl TryFrom<String> for LetterId {
    type Error = NotALetterId;

    fn try_from(text: String) -> Result<Self, NotALetterId> {
        text.parse()
    }
}

impl From<LetterId> for String {
    fn from(id: LetterId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(source: &str, lane: u8, commit: u64, index: u16) -> LetterId {
        LetterId {
            source: source.into(),
            lane,
            position: EventPosition { commit, index },
        }
    }

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id = id("room-a", 3, 1204, 2);
        assert_eq!(id.to_string(), "room-a.3.1204.2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "room",
            "room.3.1204",
            "room.3.1204.0.1",
            "room.x.1.1",
            ".1.1.1",
            "room.256.1.1",
        ] {
            assert!(text.parse::<LetterId>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_sort_by_lane_and_position_within_a_generation() {
        let ids = [
            id("room", 2, 99, 9),
            id("room", 2, 100, 0),
            id("room", 2, 100, 10),
            id("room", 10, 1, 0),
            id("room", 255, 1, 0),
        ];
        for pair in ids.windows(2) {
            assert!(pair[0].key(1) < pair[1].key(1), "{} {}", pair[0], pair[1]);
        }
        let range = of_generation(1);
        assert!(ids.iter().all(|id| range.contains(id.key(1).as_bytes())));
        assert!(!ids.iter().any(|id| range.contains(id.key(2).as_bytes())));
    }
}
