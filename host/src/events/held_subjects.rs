//! Subjects that are held back: where the manifest asks for it, later events of a subject wait behind its dead letter, so that their order survives.
//!
//! A mark in the journal says that a subject has dead letters. It is set by the commit that leaves the first one, and kept with the cursors, so that it belongs to a
//! generation as they do. While it stands the lane turns each further event of the subject into a letter of its own, which was never tried; whoever removes
//! the last letter removes the mark, in a commit that fails when the lane has left one more meanwhile.

use crate::core::ContextName;
use crate::journal::{self, Direction, KeyRange, Ledger, ReadSet, Space, Write};

/// What marks begin with. No source has a colon in its name, so no cursor does.
const PREFIX: &[u8] = b"held:";

/// The mark of a subject that has dead letters.
pub(super) struct Mark(Vec<u8>);

impl Mark {
    pub(super) fn new(generation: u32, source: &ContextName, subject: &str) -> Self {
        let name = format!("{source}/{subject}");
        Self([&generation.to_be_bytes(), PREFIX, name.as_bytes()].concat())
    }

    /// Whether it stands.
    pub(super) fn stands(&self, ledger: &Ledger) -> Result<bool, journal::Error> {
        Ok(ledger.get(Space::Cursor, &self.0)?.is_some())
    }

    /// Notes that it was looked at.
    pub(super) fn note(&self, reads: &mut ReadSet) {
        reads.note_key(Space::Cursor, &self.0);
    }

    /// The write that sets it.
    pub(super) fn set(&self) -> Write {
        Write {
            space: Space::Cursor,
            key: self.0.clone(),
            value: Some(Vec::new()),
        }
    }

    /// The write that removes it.
    pub(super) fn removal(&self) -> Write {
        Write {
            space: Space::Cursor,
            key: self.0.clone(),
            value: None,
        }
    }
}

/// The subjects that have marks, with their sources.
pub(super) fn subjects(
    ledger: &Ledger,
    generation: u32,
) -> Result<Vec<(ContextName, String)>, journal::Error> {
    let prefix = [&generation.to_be_bytes(), PREFIX].concat();
    let found = ledger.scan(
        Space::Cursor,
        &KeyRange::prefix(prefix.clone()),
        usize::MAX,
        Direction::Forwards,
    )?;
    let subjects = found.into_iter().filter_map(|(key, _)| {
        let name = String::from_utf8_lossy(key.get(prefix.len()..)?).into_owned();
        let (source, subject) = name.split_once('/')?;
        Some((source.parse().ok()?, subject.to_owned()))
    });
    Ok(subjects.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::cursor_key::CursorKey;

    #[test]
    fn a_mark_is_no_cursor_and_goes_with_its_generation() {
        let mark = Mark::new(3, &"room".into(), "a/b");
        assert!(CursorKey::of_generation(3).contains(&mark.0));
        assert!(!CursorKey::of_generation(2).contains(&mark.0));
        for lane in 0..16 {
            assert_ne!(mark.0, CursorKey::new(3, &"room".into(), lane).as_bytes());
        }
        assert_ne!(mark.0, Mark::new(3, &"room".into(), "a").0);
    }
}
