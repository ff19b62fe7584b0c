use crate::evolving::exports::innkeeper::context::migration;
use crate::{Entry, Fault};

pub use crate::evolving::exports::innkeeper::context::migration::StateSchema;

/// A context whose state has changed its shape; implemented by [`context!`](crate::context) when it is told a `schema`.
///
/// A function that rewrites rows reads them by a table of their old shape, and makes entries by a table of the new one. Whatever it does not know
/// stays as it is, where its table is one of the context's `tables`; a row of a table that is not used any more has nothing in its place:
///
/// ```
/// use innkeeper_sdk::prelude::*;
/// use innkeeper_sdk::Entry;
///
/// /// A note, as version 1 kept it.
/// #[derive(Record)]
/// struct Old { text: String }
///
/// /// A note.
/// #[derive(Record)]
/// struct Note { text: String, words: u64 }
///
/// const OLD: Table<u64, Old> = Table::new("notes");
/// const NOTES: Table<u64, Note> = Table::new("counted");
///
/// fn rows(_from: u32, entry: Entry) -> Result<Vec<Entry>, Fault> {
///     if !OLD.holds(&entry) {
///         return Ok(vec![entry]);
///     }
///     let Old { text } = OLD.read(&entry)?;
///     let words = text.split_whitespace().count() as u64;
///     Ok(vec![NOTES.entry(OLD.key_of(&entry)?, &Note { text, words })?])
/// }
/// ```
///
/// Ids are no rows: a table under a new name would count from 1 again. So draw the next one by the table of the old name, here `OLD.next_id()`.
pub trait Migration {
    /// Which state the context can work with.
    fn schema() -> StateSchema;

    /// What is in an entry's place: nothing, one entry, or several. No import may be called.
    ///
    /// # Errors
    /// When it cannot be said. That ends the rollout, and the old version stays.
    fn migrate(from: u32, _entry: Entry) -> Result<Vec<Entry>, Fault> {
        Err(Fault::new(format!(
            "state of schema {from} cannot be migrated: this version has no `migrate`"
        )))
    }
}

impl<M: Migration> migration::Guest for M {
    fn schema() -> StateSchema {
        crate::context::entered("the function", "schema");
        M::schema()
    }

    fn migrate(from: u32, entries: Vec<Entry>) -> Result<Vec<Vec<Entry>>, String> {
        crate::context::entered("the function", "migrate");
        entries
            .into_iter()
            .map(|entry| {
                let key = entry.key.clone();
                M::migrate(from, entry).map_err(|fault| format!("{key}: {fault}"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
