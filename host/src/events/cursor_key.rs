//! What a cursor is stored under, and as what. How it moves is in `cursor.rs`.

use crate::core::ContextName;
use crate::journal::{self, EventPosition, KeyRange, Ledger, Space, Write};

const FORMAT: u8 = 1;

/// Names the cursor of one follower, in one generation of its state, for one lane of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CursorKey(Vec<u8>);

impl CursorKey {
    pub(super) fn new(generation: u32, source: &ContextName, lane: u8) -> Self {
        let mut key = generation.to_be_bytes().to_vec();
        key.extend_from_slice(source.as_bytes());
        // A name has no slash in it, so none can be taken for the beginning of another.
        key.extend_from_slice(&[b'/', lane]);
        Self(key)
    }

    /// All cursors of a generation.
    pub(crate) fn of_generation(generation: u32) -> KeyRange {
        KeyRange::prefix(generation.to_be_bytes())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where the cursor stands; `None` is before the first event.
    pub(super) fn read(&self, ledger: &Ledger) -> Result<Option<EventPosition>, journal::Error> {
        ledger
            .get(Space::Cursor, &self.0)?
            .map(|value| decode(&value))
            .transpose()
    }

    /// The write that moves the cursor behind an event.
    pub(super) fn moved_to(&self, position: EventPosition) -> Write {
        Write {
            space: Space::Cursor,
            key: self.0.clone(),
            value: Some(encode(position)),
        }
    }
}

fn encode(position: EventPosition) -> Vec<u8> {
    let mut value = vec![FORMAT];
    value.extend_from_slice(&position.commit.to_be_bytes());
    value.extend_from_slice(&position.index.to_be_bytes());
    value
}

fn decode(value: &[u8]) -> Result<EventPosition, journal::Error> {
    let damaged = || journal::Error::Damaged {
        what: format!("the cursor {}", value.escape_ascii()),
    };
    let (&found, rest) = value.split_first().ok_or_else(damaged)?;
    if found != FORMAT {
        return Err(journal::Error::Format {
            found,
            known: FORMAT,
        });
    }
    let (commit, index) = rest.split_first_chunk().ok_or_else(damaged)?;
    let index = index.try_into().map_err(|_| damaged())?;
    Ok(EventPosition {
        commit: u64::from_be_bytes(*commit),
        index: u16::from_be_bytes(index),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let position = EventPosition {
            commit: 1 << 40,
            index: 513,
        };
        assert_eq!(decode(&encode(position)), Ok(position));
    }

    #[test]
    fn a_cursor_that_is_none_is_refused() {
        assert!(matches!(decode(&[]), Err(journal::Error::Damaged { .. })));
        assert!(matches!(
            decode(&[FORMAT, 0]),
            Err(journal::Error::Damaged { .. })
        ));
        assert!(matches!(
            decode(&[FORMAT + 1; 11]),
            Err(journal::Error::Format { .. })
        ));
    }

    #[test]
    fn no_two_cursors_share_a_key() {
        let keys = [
            CursorKey::new(0, &"room".into(), 0),
            CursorKey::new(0, &"room".into(), b'/'),
            CursorKey::new(0, &"room-a".into(), 0),
            CursorKey::new(1, &"room".into(), 0),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys.iter().skip(index + 1).any(|other| other == key));
        }
        assert!(
            CursorKey::of_generation(0).contains(CursorKey::new(0, &"room".into(), 15).as_bytes())
        );
        assert!(
            !CursorKey::of_generation(0).contains(CursorKey::new(1, &"room".into(), 0).as_bytes())
        );
    }
}
