use crate::evolving::exports::innkeeper::context::migration::Guest as Exported;
use crate::prelude::*;
use crate::testing::TestContext;
use crate::{Entry, Migration, StateSchema};

/// A note, as schema 1 keeps it.
#[derive(Debug, PartialEq, Record)]
struct Old {
    text: String,
}

/// A note, as schema 2 keeps it.
#[derive(Debug, PartialEq, Record)]
struct Note {
    text: String,
    words: u64,
}

const OLD: Table<u64, Old> = Table::new("notes");
const NOTES: Table<u64, Note> = Table::new("counted");
const BY_WORDS: Table<(u64, u64), ()> = Table::new("by-words");
const DRAFTS: Table<u64, Old> = Table::new("drafts");
const TITLES: Table<&str, u64> = Table::new("titles");

/// Notes are counted and indexed, drafts are gone, and everything else stays.
fn rows(from: u32, entry: Entry) -> Result<Vec<Entry>, Fault> {
    assert_eq!(from, 1);
    if DRAFTS.holds(&entry) {
        return Ok(Vec::new());
    }
    if !OLD.holds(&entry) {
        return Ok(vec![entry]);
    }
    let id = OLD.key_of(&entry)?;
    let Old { text } = OLD.read(&entry)?;
    if text.is_empty() {
        return Err(Fault::new("a note is empty"));
    }
    let words = text.split_whitespace().count() as u64;
    // Only to be refused: both notes of one text would be found under it.
    if text == "twin" {
        return Ok(vec![TITLES.entry("twin", &id)?]);
    }
    Ok(vec![
        NOTES.entry(id, &Note { text, words })?,
        BY_WORDS.entry((words, id), &())?,
    ])
}

crate::context! {
    summary: "Notes.",
    tables: [NOTES, BY_WORDS, TITLES],
    live: lives,
    schema: { number: 3, reads: [2, 4], migrate: rows },
}

/// A context that can only read other schemas.
struct Reading;

impl Migration for Reading {
    fn schema() -> StateSchema {
        StateSchema {
            number: 3,
            reads: vec![2],
            rebuild: false,
        }
    }
}

fn lives() -> Result<(), String> {
    Ok(())
}

fn note(id: u64, text: &str) {
    OLD.put(id, &Old { text: text.into() }).unwrap();
}

#[test]
fn the_schema_is_what_was_declared() {
    let schema = <Component as Exported>::schema();
    assert_eq!(
        (schema.number, schema.reads, schema.rebuild),
        (3, vec![2, 4], false)
    );
}

#[test]
fn rows_are_rewritten_indexed_dropped_or_kept() {
    let guest = TestContext::<Component>::new();
    note(1, "a quiet night");
    note(2, "noise");
    DRAFTS.put(1, &Old { text: "x".into() }).unwrap();
    TITLES.put("kept", &7).unwrap();
    guest.migrate(1).unwrap();
    let first = Note {
        text: "a quiet night".into(),
        words: 3,
    };
    assert_eq!(NOTES.get(1), Ok(Some(first)));
    assert_eq!((NOTES.count(), BY_WORDS.count()), (2, 2));
    assert!(BY_WORDS.contains((3, 1)) && BY_WORDS.contains((1, 2)));
    assert_eq!((OLD.count(), DRAFTS.count()), (0, 0));
    assert_eq!(TITLES.get("kept"), Ok(Some(7)));
}

#[test]
fn a_migration_that_fails_names_the_row_and_changes_nothing() {
    let guest = TestContext::<Component>::new();
    note(1, "a quiet night");
    note(2, "");
    assert_eq!(
        guest.migrate(1),
        Err("notes/0000000000000002: a note is empty".into())
    );
    assert_eq!((OLD.count(), NOTES.count()), (2, 0));
}

#[test]
fn two_entries_that_result_in_one_key_are_refused() {
    let guest = TestContext::<Component>::new();
    note(1, "twin");
    note(2, "twin");
    assert_eq!(
        guest.migrate(1),
        Err("two entries result in titles/twin".into())
    );
    assert_eq!(OLD.count(), 2);
}

#[test]
fn a_version_without_a_migration_says_so() {
    assert!(<Reading as Exported>::migrate(1, Vec::new()).is_ok());
    let entry = DRAFTS.entry(1, &Old { text: "x".into() }).unwrap();
    let error = <Reading as Exported>::migrate(9, vec![entry]).unwrap_err();
    assert!(
        error.contains("schema 9") && error.contains("no `migrate`"),
        "{error}"
    );
}
