//! How everything in a journal is named: one byte for its kind, then a key that sorts as it should.

use super::{Error, EventPosition, Space};

/// A range of keys in a space: `start <= key < end`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRange {
    /// The first key.
    pub start: Vec<u8>,
    /// The first key that is not in it; `None` means no bound.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// The keys from `start` to before `end`.
    pub fn new(start: impl Into<Vec<u8>>, end: Option<Vec<u8>>) -> KeyRange {
        KeyRange {
            start: start.into(),
            end,
        }
    }

    /// Every key of a space.
    pub fn all() -> KeyRange {
        KeyRange::default()
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> KeyRange {
        let start = prefix.into();
        let end = successor(&start);
        KeyRange { start, end }
    }

    /// Whether a key is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }
}

/// A range of encoded keys, which always has an end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
}

impl Span {
    /// The encoded keys of a range in a space.
    pub fn of(space: Space, range: &KeyRange) -> Span {
        let start = encode(space, &range.start);
        let end = match &range.end {
            Some(end) => encode(space, end),
            None => after(encode(space, &[])),
        };
        Span { start, end }
    }

    fn prefix(prefix: Vec<u8>) -> Span {
        Span {
            end: after(prefix.clone()),
            start: prefix,
        }
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

const STATE: u8 = b's';
const CURSOR: u8 = b'f';
const RESULT: u8 = b'r';
const INTENT: u8 = b'i';
const COMPENSATION: u8 = b'u';
const TIMER: u8 = b't';
const DEAD_LETTER: u8 = b'd';
const META: u8 = b'm';
const COMMIT: u8 = b'c';
const EVENT: u8 = b'e';
const STORY: u8 = b'x';
const SEQUENCE: u8 = b'n';
const PIECE: u8 = b'v';
const SWEPT: u8 = b'w';
const COUNT: u8 = b'k';

/// A key of a space as the engine knows it. Allocated once: every read and write makes one.
pub(super) fn encode(space: Space, key: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(1 + size_of::<u32>() + key.len());
    encoded.push(match space {
        Space::State(_) => STATE,
        Space::Cursor => CURSOR,
        Space::Result => RESULT,
        Space::Intent => INTENT,
        Space::Compensation => COMPENSATION,
        Space::Timer => TIMER,
        Space::DeadLetter => DEAD_LETTER,
        Space::Meta => META,
    });
    if let Space::State(generation) = space {
        encoded.extend_from_slice(&generation.to_be_bytes());
    }
    encoded.extend_from_slice(key);
    encoded
}

/// The space and the key that `encode` was given.
pub(super) fn decode(encoded: &[u8]) -> Result<(Space, &[u8]), Error> {
    in_space(encoded).ok_or_else(|| Error::Damaged {
        what: format!("the key {}", encoded.escape_ascii()),
    })
}

/// The same, or none for what is in no space.
pub(super) fn in_space(encoded: &[u8]) -> Option<(Space, &[u8])> {
    let (kind, key) = encoded.split_first()?;
    Some(match *kind {
        STATE => {
            let (generation, key) = key.split_first_chunk()?;
            (Space::State(u32::from_be_bytes(*generation)), key)
        }
        CURSOR => (Space::Cursor, key),
        RESULT => (Space::Result, key),
        INTENT => (Space::Intent, key),
        COMPENSATION => (Space::Compensation, key),
        TIMER => (Space::Timer, key),
        DEAD_LETTER => (Space::DeadLetter, key),
        META => (Space::Meta, key),
        _ => return None,
    })
}

/// What an entry is part of, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A generation of the state.
    State(u32),
    Timer,
    /// Any other space.
    Other,
    Commit,
    /// An event, or the note of a story.
    Event,
}

impl Kind {
    /// Whether each entry is written once, and stays.
    pub fn is_of_log(self) -> bool {
        matches!(self, Kind::Commit | Kind::Event)
    }
}

/// What an encoded key counts as; none when it does not count.
pub(super) fn kind(encoded: &[u8]) -> Option<Kind> {
    match in_space(encoded) {
        Some((Space::State(generation), _)) => Some(Kind::State(generation)),
        Some((Space::Timer, _)) => Some(Kind::Timer),
        Some(_) => Some(Kind::Other),
        None => match encoded.first() {
            Some(&COMMIT) => Some(Kind::Commit),
            Some(&(EVENT | STORY)) => Some(Kind::Event),
            _ => None,
        },
    }
}

/// Where a commit is kept.
pub(super) fn commit(position: u64) -> Vec<u8> {
    [&[COMMIT], position.to_be_bytes().as_slice()].concat()
}

/// Where the commits after a position are kept.
pub(super) fn commits_after(position: u64) -> Span {
    let end = after(vec![COMMIT]);
    match position.checked_add(1) {
        Some(first) => Span {
            start: commit(first),
            end,
        },
        None => Span {
            start: end.clone(),
            end,
        },
    }
}

/// Where the commits before a position are kept.
pub(super) fn commits_before(position: u64) -> Span {
    Span {
        start: commit(0),
        end: commit(position),
    }
}

/// Where an event is kept.
pub(super) fn event(lane: u8, position: EventPosition) -> Vec<u8> {
    let EventPosition { commit, index } = position;
    [
        &[EVENT, lane],
        commit.to_be_bytes().as_slice(),
        &index.to_be_bytes(),
    ]
    .concat()
}

/// Where a lane's events are kept: those after `after`, of commits up to `upto`.
pub(super) fn events(lane: u8, after_event: Option<EventPosition>, upto: u64) -> Span {
    let start = match after_event {
        None => event(lane, EventPosition::default()),
        // The shortest key that sorts after the event's.
        Some(position) => [event(lane, position).as_slice(), &[0]].concat(),
    };
    let end = match upto.checked_add(1) {
        Some(commit) => event(lane, EventPosition { commit, index: 0 }),
        None => after(vec![EVENT, lane]),
    };
    Span { start, end }
}

/// The place of the event that is kept under an encoded key.
pub(super) fn event_position(encoded: &[u8]) -> Result<EventPosition, Error> {
    let damaged = || Error::Damaged {
        what: format!("the event {}", encoded.escape_ascii()),
    };
    let (commit, rest) = encoded
        .get(2..)
        .and_then(|rest| rest.split_first_chunk())
        .ok_or_else(damaged)?;
    let index = rest.first_chunk().ok_or_else(damaged)?;
    Ok(EventPosition {
        commit: u64::from_be_bytes(*commit),
        index: u16::from_be_bytes(*index),
    })
}

/// Where it is noted that a commit belongs to a correlation id.
pub(super) fn story(correlation_id: &str, position: u64) -> Vec<u8> {
    let mut key = story_prefix(correlation_id);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// Where the notes of all commits under a correlation id are.
pub(super) fn story_span(correlation_id: &str) -> Span {
    Span::prefix(story_prefix(correlation_id))
}

// The length in front keeps an id from being taken for the beginning of another.
fn story_prefix(correlation_id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + 8 + correlation_id.len() + 8);
    key.push(STORY);
    key.extend_from_slice(&(correlation_id.len() as u64).to_be_bytes());
    key.extend_from_slice(correlation_id.as_bytes());
    key
}

/// The position at the end of the key of a commit or of a story's note.
pub(super) fn position(encoded: &[u8]) -> Result<u64, Error> {
    let position = encoded.last_chunk().ok_or_else(|| Error::Damaged {
        what: format!("the commit {}", encoded.escape_ascii()),
    })?;
    Ok(u64::from_be_bytes(*position))
}

/// Where the mark of a sequence is kept.
pub(super) fn sequence(name: &str) -> Vec<u8> {
    let mut key = vec![SEQUENCE];
    key.extend_from_slice(name.as_bytes());
    key
}

/// Where a piece of a long value is kept.
pub(super) fn piece(encoded: &[u8], index: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + encoded.len() + 4);
    key.push(PIECE);
    key.extend_from_slice(encoded);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// Where it is noted up to which commit a span has been swept: what those wrote there need not be there any more.
pub(super) fn swept(span: &Span) -> Vec<u8> {
    let mut key = vec![SWEPT];
    key.extend_from_slice(&(span.start.len() as u64).to_be_bytes());
    key.extend_from_slice(&span.start);
    key.extend_from_slice(&span.end);
    key
}

/// The span that such a note is about.
pub(super) fn swept_span(note: &[u8]) -> Result<Span, Error> {
    let parts = || {
        let (length, rest) = note.get(1..)?.split_first_chunk()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (start, end) = rest.split_at_checked(length)?;
        Some(Span {
            start: start.to_vec(),
            end: end.to_vec(),
        })
    };
    parts().ok_or_else(|| Error::Damaged {
        what: "a note of what was swept".to_owned(),
    })
}

/// Where all such notes are kept.
pub(super) fn sweeps() -> Span {
    Span::prefix(vec![SWEPT])
}

/// Where the marks of all sequences are kept.
pub(super) fn sequences() -> Span {
    Span::prefix(vec![SEQUENCE])
}

/// Every key but pieces of long values.
pub(super) fn whole() -> [Span; 2] {
    let overflow = overflow();
    [
        Span {
            start: vec![0],
            end: overflow.start,
        },
        Span {
            start: overflow.end,
            end: vec![0xff],
        },
    ]
}

/// A key for people: what it is, and its name.
pub(super) fn readable(encoded: &[u8]) -> String {
    let name = |key: &[u8]| key.escape_ascii().to_string();
    if let Some((space, key)) = in_space(encoded) {
        return match space {
            Space::State(_) => format!("the key `{}`", name(key)),
            space => format!("the {space:?} record `{}`", name(key)),
        };
    }
    match encoded.split_first() {
        Some((&COMMIT, _)) => position(encoded)
            .map_or_else(|_| name(encoded), |position| format!("commit {position}")),
        Some((&EVENT, _)) => event_position(encoded).map_or_else(
            |_| name(encoded),
            |EventPosition { commit, index }| format!("event {index} of commit {commit}"),
        ),
        Some((&SEQUENCE, key)) => format!("the sequence `{}`", name(key)),
        _ => name(encoded),
    }
}

/// Where all pieces of long values are kept.
pub(super) fn overflow() -> Span {
    Span::prefix(vec![PIECE])
}

/// Where it is kept how many keys of a generation's state begin with `table`.
pub(super) fn count(generation: u32, table: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(5 + table.len());
    key.push(COUNT);
    key.extend_from_slice(&generation.to_be_bytes());
    key.extend_from_slice(table);
    key
}

/// Where it is kept how much a generation's state is: no table is called so.
pub(super) fn amount(generation: u32) -> Vec<u8> {
    count(generation, &[])
}

/// Where it is kept how many bytes were swept of all but the state.
pub(super) fn swept_bytes() -> Vec<u8> {
    vec![COUNT, 0xff]
}

/// Where all counts of a generation's state are kept.
pub(super) fn counts_of(generation: u32) -> Span {
    Span::prefix(count(generation, &[]))
}

/// Where all counts are kept, but for how far they hold.
pub(super) fn counts() -> Span {
    Span {
        start: count(0, &[]),
        end: after(vec![COUNT]),
    }
}

/// Where it is kept up to which commit the counts hold, and how much there is of all but the state.
pub(super) fn counted() -> Vec<u8> {
    vec![COUNT]
}

/// Whether two encoded keys are in the same space.
pub(super) fn share_space(one: &[u8], other: &[u8]) -> bool {
    match (in_space(one), in_space(other)) {
        (Some((one, _)), Some((other, _))) => one == other,
        _ => false,
    }
}

/// The shortest key after all that begin with `prefix`; none when it is all 0xff.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix.get(..=kept)?.to_vec();
    *next.last_mut()? += 1;
    Some(next)
}

// Every prefix here begins with a letter, so it has a successor.
fn after(prefix: Vec<u8>) -> Vec<u8> {
    successor(&prefix).unwrap_or_default()
}
