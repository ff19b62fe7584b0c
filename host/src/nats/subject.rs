//! Subjects: what an event is published at.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::manifest::CALLS;
pub(super) use crate::manifest::overlap;

/// What a word of a subject is written without.
const OTHERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Where a context's events of a kind are published.
pub fn of_event(prefix: &str, context: &str, kind: &str) -> String {
    let kind = utf8_percent_encode(kind, OTHERS);
    format!("{prefix}.{context}.{kind}")
}

/// Where calls from outside are sent. No context has this name.
pub(super) fn of_calls(prefix: &str) -> String {
    format!("{prefix}.{CALLS}.>")
}

/// What a stream of earlier versions took: mistyped calls, too.
pub(super) fn of_all(prefix: &str) -> String {
    format!("{prefix}.*.*")
}

/// Where a context's events are published.
pub(super) fn of_context(prefix: &str, context: &str) -> String {
    format!("{prefix}.{context}.*")
}

/// Whether every subject that `narrow` stands for is one that `wide` stands for, too.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('.'), narrow.split('.'));
    loop {
        match (wide.next(), narrow.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(wide), Some(narrow)) if wide == narrow && narrow != ">" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_word() {
        assert_eq!(
            of_event("stay", "room", "RoomRegistered"),
            "stay.room.RoomRegistered"
        );
        assert_eq!(
            of_event("stay", "room", "a.b *>"),
            "stay.room.a%2Eb%20%2A%3E"
        );
    }

    #[test]
    fn no_subject_of_events_is_one_of_calls() {
        let calls = of_calls("stay");
        assert!(!overlap(&of_context("stay", "room"), &calls));
        assert!(overlap(&of_all("stay"), &calls) && overlap(">", &calls));
    }

    #[test]
    fn wildcards_cover_what_they_stand_for() {
        for wide in [">", "stay.>", "stay.*.*", "*.*.*", "stay.*.>"] {
            assert!(covers(wide, "stay.*.*"), "{wide}");
        }
        for wide in ["stay.*", "stay.room.*", "pms.>", "stay.*.*.*", "stay.*.*.>"] {
            assert!(!covers(wide, "stay.*.*"), "{wide}");
        }
    }
}
