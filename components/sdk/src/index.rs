//! Indexes: other ways to find the rows of a table, kept in the same commit as these.

use core::fmt;
use core::ops::Deref;

use crate::declare::{DescribesTables, Shapes};
use crate::host::state;
use crate::{Entry, Fault, Key, OwnedKey, Part, PolicyError, Problem, Record, Table, TableReader};

/// Finds the one row that has a value: no two rows may have the same.
///
/// ```
/// use innkeeper_sdk::prelude::*;
/// use innkeeper_sdk::{Index, IndexedTable, Unique};
///
/// #[derive(Record)]
/// struct Book { book_id: u64, isbn: String, shelf: u64 }
///
/// const BY_ISBN: Unique<String, u64, Book> = Unique::new("by-isbn", |book| Some(book.isbn.clone()));
/// const BY_SHELF: Index<u64, u64, Book> = Index::new("by-shelf", |book| Some(book.shelf));
/// const BOOKS: IndexedTable<u64, Book> = Table::new("books").indexed(&[&BY_ISBN, &BY_SHELF]);
///
/// fn keep(book: &Book) -> Result<(), Problem> {
///     Ok(BOOKS.put(book.book_id, book)?) // 409 when another book has the ISBN
/// }
///
/// fn titles(isbn: &str) -> Result<Option<u64>, Fault> {
///     BY_ISBN.key(isbn)
/// }
/// ```
///
/// A row whose function answers `None` is not in the index. Rows that were there before the index are not in it either: a version that adds one to a table that
/// has rows takes another `schema` number, and its `migrate` answers [`IndexedTable::entries`].
pub struct Unique<X, K, V> {
    rows: Table<X, K>,
    of: fn(&V) -> Option<X>,
}

/// Finds all rows that have a value; see [`Unique`].
pub struct Index<X, K, V> {
    rows: Table<(X, K), ()>,
    of: fn(&V) -> Option<X>,
}

/// A table with indexes: made by [`Table::indexed`]. It is read as the [`Table`] is ([`TableReader`]), and changed by what changes its indexes, too. To go around
/// them does not compile:
///
/// ```compile_fail
/// # use innkeeper_sdk::prelude::*;
/// # use innkeeper_sdk::{IndexedTable, Unique};
/// # #[derive(Record)]
/// # struct Book { isbn: String }
/// const BY_ISBN: Unique<String, u64, Book> = Unique::new("by-isbn", |book: &Book| Some(book.isbn.clone()));
/// const BOOKS: IndexedTable<u64, Book> = Table::new("books").indexed(&[&BY_ISBN]);
///
/// fn around(book: &Book) {
///     let table: &Table<u64, Book> = &BOOKS;
///     table.put(1, book).unwrap();
/// }
/// ```
pub struct IndexedTable<K: 'static, V: 'static> {
    table: Table<K, V>,
    indexes: &'static [&'static dyn Indexes<K, V>],
}

/// Why a row was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStored {
    /// Another row has the value that only one may have.
    Taken {
        /// The name of the index.
        index: &'static str,
    },
    /// Something that should not happen.
    Fault(Fault),
}

/// What becomes of a key of the state: it is made only when nothing can fail any more.
#[doc(hidden)]
pub struct Change {
    key: String,
    /// None where it is removed.
    value: Option<Vec<u8>>,
}

impl Change {
    fn make(&self) {
        match &self.value {
            Some(value) => state::put(&self.key, value),
            None => state::delete(&self.key),
        }
    }
}

impl From<Entry> for Change {
    fn from(Entry { key, value }: Entry) -> Self {
        Self {
            key,
            value: Some(value),
        }
    }
}

/// An index, as its table uses it.
#[doc(hidden)]
pub trait Indexes<K, V> {
    /// Whether a row can have this value.
    fn check(&self, key: &K, value: &V) -> Result<(), NotStored>;

    /// What follows from a change of a row.
    fn changes(&self, key: &K, old: Option<&V>, new: Option<&V>) -> Result<Vec<Change>, Fault>;

    /// The entry of a row.
    fn entry(&self, key: &K, value: &V) -> Result<Option<Entry>, Fault>;

    /// Tells of its rows.
    fn describe(&self, shapes: &mut Shapes);
}

impl<X: OwnedKey + PartialEq, K: OwnedKey + Record + PartialEq, V: Record> Unique<X, K, V> {
    /// An index under a name that no other table has, of what a function says of each row.
    pub const fn new(name: &'static str, of: fn(&V) -> Option<X>) -> Self {
        Self {
            rows: Table::new(name),
            of,
        }
    }

    /// The key of the row that has this value, if there is one.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn key(&self, value: X::Given<'_>) -> Result<Option<K>, Fault> {
        self.rows.get(value)
    }
}

impl<X: OwnedKey + PartialEq, K: OwnedKey + Record + PartialEq, V: Record> Indexes<K, V>
    for Unique<X, K, V>
{
    fn check(&self, key: &K, value: &V) -> Result<(), NotStored> {
        let Some(value) = (self.of)(value) else {
            return Ok(());
        };
        match self.rows.get(value.given())? {
            Some(other) if other != *key => Err(NotStored::Taken {
                index: self.rows.name(),
            }),
            _ => Ok(()),
        }
    }

    fn changes(&self, key: &K, old: Option<&V>, new: Option<&V>) -> Result<Vec<Change>, Fault> {
        let (old, new) = (old.and_then(self.of), new.and_then(self.of));
        let mut changes = Vec::new();
        if old == new {
            return Ok(changes);
        }
        // Rows that a migration brought may have had the same value: then the entry is the other one's.
        if let Some(old) = old
            && self.rows.get(old.given())?.as_ref() == Some(key)
        {
            changes.push(self.rows.removal(old.given()));
        }
        if let Some(new) = new {
            changes.push(self.rows.entry(new.given(), key)?.into());
        }
        Ok(changes)
    }

    fn entry(&self, key: &K, value: &V) -> Result<Option<Entry>, Fault> {
        (self.of)(value)
            .map(|value| self.rows.entry(value.given(), key))
            .transpose()
    }

    fn describe(&self, shapes: &mut Shapes) {
        shapes.add(&self.rows);
    }
}

impl<X: Part + PartialEq, K: Part, V: Record> Index<X, K, V> {
    /// An index under a name that no other table has, of what a function says of each row.
    pub const fn new(name: &'static str, of: fn(&V) -> Option<X>) -> Self {
        Self {
            rows: Table::new(name),
            of,
        }
    }

    /// How many rows have this value. It costs a look at the key of each.
    pub fn count(&self, value: X::Given<'_>) -> u64 {
        self.rows.count_of(value)
    }

    /// The keys of the rows that have this value, in their order, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn keys(&self, value: X::Given<'_>, limit: u32) -> Result<Vec<K>, Fault> {
        let rows = self.rows.of(value, limit)?;
        Ok(rows.into_iter().map(|((_, key), ())| key).collect())
    }

    /// The last of these keys, the last one first, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn last(&self, value: X::Given<'_>, limit: u32) -> Result<Vec<K>, Fault> {
        let rows = self.rows.last_of(value, limit)?;
        Ok(rows.into_iter().map(|((_, key), ())| key).collect())
    }
}

impl<X: Part + PartialEq, K: Part, V: Record> Indexes<K, V> for Index<X, K, V> {
    fn check(&self, _: &K, _: &V) -> Result<(), NotStored> {
        Ok(())
    }

    fn changes(&self, key: &K, old: Option<&V>, new: Option<&V>) -> Result<Vec<Change>, Fault> {
        let (old, new) = (old.and_then(self.of), new.and_then(self.of));
        let mut changes = Vec::new();
        if old == new {
            return Ok(changes);
        }
        if let Some(old) = old {
            changes.push(self.rows.removal((old.given(), key.given())));
        }
        if let Some(new) = new {
            changes.push(self.rows.entry((new.given(), key.given()), &())?.into());
        }
        Ok(changes)
    }

    fn entry(&self, key: &K, value: &V) -> Result<Option<Entry>, Fault> {
        let value = (self.of)(value);
        value
            .map(|value| self.rows.entry((value.given(), key.given()), &()))
            .transpose()
    }

    fn describe(&self, shapes: &mut Shapes) {
        shapes.add(&self.rows);
    }
}

impl<K: Key, V: Record> Table<K, V> {
    fn removal(&self, key: K::Given<'_>) -> Change {
        Change {
            key: self.key(&key),
            value: None,
        }
    }
}

impl<K: OwnedKey, V: Record> Table<K, V> {
    /// The table with indexes, each a constant: `Table::new("books").indexed(&[&BY_ISBN])`. All of them are among the context's tables with it.
    pub const fn indexed(
        self,
        indexes: &'static [&'static dyn Indexes<K, V>],
    ) -> IndexedTable<K, V> {
        IndexedTable {
            table: self,
            indexes,
        }
    }
}

impl<K: OwnedKey, V: Record> IndexedTable<K, V> {
    /// Stores `value` under `key`.
    ///
    /// # Errors
    /// When another row has what only one may have, or the value cannot be stored; then nothing is changed.
    pub fn put(&self, key: K::Given<'_>, value: &V) -> Result<(), NotStored> {
        let (key, old) = self.old(&key)?;
        for index in self.indexes {
            index.check(&key, value)?;
        }
        let row = self.table.entry(key.given(), value)?.into();
        self.change(row, &key, old.as_ref(), Some(value))?;
        Ok(())
    }

    /// Removes `key`.
    ///
    /// # Errors
    /// When what is stored cannot be read; then nothing is changed.
    pub fn delete(&self, key: K::Given<'_>) -> Result<(), Fault> {
        let (key, old) = self.old(&key)?;
        let row = self.table.removal(key.given());
        self.change(row, &key, old.as_ref(), None)
    }

    /// The entries of the row that [`put`](Self::put) would store, those of the indexes among them: for a migration.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn entries(&self, key: K::Given<'_>, value: &V) -> Result<Vec<Entry>, Fault> {
        let mut entries = vec![self.table.entry(key, value)?];
        let key = self.table.key_of(&entries[0])?;
        for index in self.indexes {
            entries.extend(index.entry(&key, value)?);
        }
        Ok(entries)
    }

    fn old(&self, key: &K::Given<'_>) -> Result<(K, Option<V>), Fault> {
        let mut text = String::new();
        K::write(key, &mut text);
        let read = || {
            K::read(&text)
                .ok_or_else(|| Fault::new(format!("{text:?} is no key of {}", self.table.name())))
        };
        let key = read()?;
        let old = self.table.get(key.given())?;
        Ok((key, old))
    }

    /// Changes a row and what the indexes have of it, or nothing.
    fn change(&self, row: Change, key: &K, old: Option<&V>, new: Option<&V>) -> Result<(), Fault> {
        let mut changes = vec![row];
        for index in self.indexes {
            changes.extend(index.changes(key, old, new)?);
        }
        changes.iter().for_each(Change::make);
        Ok(())
    }
}

impl<K, V> Deref for IndexedTable<K, V> {
    type Target = TableReader<K, V>;

    fn deref(&self) -> &TableReader<K, V> {
        &self.table
    }
}

impl<K: OwnedKey, V: Record> DescribesTables for IndexedTable<K, V> {
    fn describe(&self, shapes: &mut Shapes) {
        shapes.add(&self.table);
        for index in self.indexes {
            index.describe(shapes);
        }
    }
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { index } => write!(f, "another row has the same value in {index}"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for NotStored {}

impl NotStored {
    /// This problem where another row has the value; what should not happen stays what it is.
    pub fn or(self, problem: Problem) -> Problem {
        match self {
            Self::Taken { .. } => problem,
            Self::Fault(fault) => fault.into(),
        }
    }
}

impl From<Fault> for NotStored {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<NotStored> for Problem {
    fn from(error: NotStored) -> Self {
        error.or(Problem::conflict(
            "There is another one of this kind already, and there can be only one.",
        ))
    }
}

impl From<NotStored> for PolicyError {
    fn from(error: NotStored) -> Self {
        match error {
            NotStored::Taken { .. } => Self::Reject(error.to_string()),
            NotStored::Fault(fault) => fault.into(),
        }
    }
}

/// Where a function has no answer for it.
impl From<NotStored> for Fault {
    fn from(error: NotStored) -> Self {
        match error {
            NotStored::Taken { .. } => Self::new(error.to_string()),
            NotStored::Fault(fault) => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestContext;

    #[derive(Debug, Clone, PartialEq, crate::Record)]
    struct Book {
        isbn: String,
        shelf: Option<u64>,
    }

    const BY_ISBN: Unique<String, u64, Book> =
        Unique::new("by-isbn", |book| Some(book.isbn.clone()));
    const BY_SHELF: Index<u64, u64, Book> = Index::new("by-shelf", |book| book.shelf);
    const BOOKS: IndexedTable<u64, Book> = Table::new("books").indexed(&[&BY_ISBN, &BY_SHELF]);

    fn book(isbn: &str, shelf: Option<u64>) -> Book {
        Book {
            isbn: isbn.into(),
            shelf,
        }
    }

    #[test]
    fn indexes_follow_what_becomes_of_rows() {
        TestContext::bare().run(|| {
            BOOKS.put(1, &book("a", Some(7))).unwrap();
            BOOKS.put(2, &book("b", Some(7))).unwrap();
            BOOKS.put(3, &book("c", None)).unwrap();
            assert_eq!(
                (BY_SHELF.count(7), BY_SHELF.keys(7, 9).unwrap()),
                (2, vec![1, 2])
            );
            assert_eq!(BY_SHELF.last(7, 1).unwrap(), [2]);
            BOOKS.put(1, &book("d", Some(8))).unwrap();
            assert_eq!(
                (BY_ISBN.key("a"), BY_ISBN.key("d")),
                (Ok(None), Ok(Some(1)))
            );
            assert_eq!(
                (BY_SHELF.keys(7, 9).unwrap(), BY_SHELF.keys(8, 9).unwrap()),
                (vec![2], vec![1])
            );
            BOOKS.delete(2).unwrap();
            BOOKS.delete(9).unwrap();
            assert_eq!(
                (BY_ISBN.key("b"), BY_SHELF.count(7), BOOKS.count()),
                (Ok(None), 0, 2)
            );
        });
    }

    #[test]
    fn two_rows_cannot_have_what_only_one_may_have() {
        TestContext::bare().run(|| {
            BOOKS.put(1, &book("a", None)).unwrap();
            BOOKS.put(1, &book("a", Some(1))).unwrap();
            let before = state::scan("", "", 0, false).len();
            let taken = BOOKS.put(2, &book("a", None)).unwrap_err();
            assert_eq!(taken, NotStored::Taken { index: "by-isbn" });
            assert_eq!(state::scan("", "", 0, false).len(), before);
            assert_eq!(Problem::from(taken.clone()).status(), 409);
            assert_eq!(taken.or(Problem::new(422, "no")).status(), 422);
        });
    }

    #[test]
    fn what_cannot_be_followed_changes_nothing() {
        TestContext::bare().run(|| {
            let all = || {
                let entries = state::scan("", "", 0, false);
                Vec::from_iter(entries.into_iter().map(|entry| (entry.key, entry.value)))
            };
            BOOKS.put(1, &book("a", Some(7))).unwrap();
            let broken = BY_ISBN.rows.entry("a", &1).unwrap();
            state::put(&broken.key, b"no number");
            let before = all();
            assert!(BOOKS.put(1, &book("b", Some(8))).is_err());
            assert_eq!(all(), before);
            assert!(BOOKS.delete(1).is_err());
            assert_eq!(all(), before);
        });
    }

    /// The same as in the SDKs for other languages, so that each goes on in the state of another.
    #[test]
    fn rows_of_indexes_are_the_same_in_each_language() {
        TestContext::bare().run(|| {
            BOOKS.put(5, &book("a/b", Some(10))).unwrap();
            let entries = state::scan("", "", 0, false).into_iter();
            let rows = Vec::from_iter(entries.map(|row| {
                let value = String::from_utf8(row.value).unwrap();
                (row.key, value)
            }));
            let row = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            assert_eq!(
                rows,
                [
                    row("books/0000000000000005", r#"{"isbn":"a/b","shelf":10}"#),
                    row("by-isbn/a/b", "5"),
                    row("by-shelf/000000000000000a/0000000000000005", "null"),
                ]
            );
        });
    }

    #[test]
    fn a_migration_makes_the_entries_that_would_be_stored() {
        TestContext::bare().run(|| {
            BOOKS.put(5, &book("a/b", Some(7))).unwrap();
            let stored: Vec<_> = state::scan("", "", 0, false)
                .into_iter()
                .map(|entry| (entry.key, entry.value))
                .collect();
            let mut made: Vec<_> = BOOKS
                .entries(5, &book("a/b", Some(7)))
                .unwrap()
                .into_iter()
                .map(|entry| (entry.key, entry.value))
                .collect();
            made.sort();
            assert_eq!(stored, made);
        });
    }
}
