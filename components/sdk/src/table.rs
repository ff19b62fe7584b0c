mod paging;

use core::marker::PhantomData;
use core::ops::{Bound, Deref, RangeBounds};

use crate::bindings::innkeeper::context::types;
use crate::host::state;
use crate::key::{Part, write_before};
use crate::record::{self, Types};
use crate::{Entry, Fault, Key, OwnedKey, Problem, Record};

/// Rows with their keys.
pub type Rows<K, V> = Vec<(K, V)>;

/// A typed part of the context's state: `const ROOMS: Table<u64, Room> = Table::new("rooms");` It is one of the `tables` of [`context!`](crate::context!). How it is read, and its
/// next id, is that of [`TableReader`].
pub struct Table<K, V> {
    reader: TableReader<K, V>,
}

/// What reads a table. What changes its rows is what made it: a [`Table`], an [`IndexedTable`](crate::IndexedTable), which changes its indexes with them, or a
/// [`Counter`](crate::Counter).
pub struct TableReader<K, V> {
    name: &'static str,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Record> Table<K, V> {
    /// A table; its name is unique in the context and without `/`.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a table has a name");
        let mut place = 0;
        while place < bytes.len() {
            assert!(bytes[place] != b'/', "a table's name has no `/`");
            place += 1;
        }
        Self {
            reader: TableReader {
                name,
                types: PhantomData,
            },
        }
    }

    /// Stores `value` under `key`.
    ///
    /// # Errors
    /// When the value cannot be stored: its parts lie too deep in each other.
    pub fn put(&self, key: K::Given<'_>, value: &V) -> Result<(), Fault> {
        state::put(&self.key(&key), &self.encode(value)?);
        Ok(())
    }

    /// Removes `key`.
    pub fn delete(&self, key: K::Given<'_>) {
        state::delete(&self.key(&key));
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = TableReader<K, V>;

    fn deref(&self) -> &TableReader<K, V> {
        &self.reader
    }
}

impl<K: Key, V: Record> TableReader<K, V> {
    /// The value of `key`, or none.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn get(&self, key: K::Given<'_>) -> Result<Option<V>, Fault> {
        state::get(&self.key(&key))
            .map(|bytes| self.decode(&bytes))
            .transpose()
    }

    /// The value of `key`, or the problem 404.
    ///
    /// # Errors
    /// 404 when there is none, 500 when what is stored cannot be read.
    pub fn find(&self, key: K::Given<'_>) -> Result<V, Problem> {
        self.get(key)?
            .ok_or_else(|| Problem::not_found("There is no such entry."))
    }

    /// The value of `key`, or this problem.
    ///
    /// # Errors
    /// The problem when there is none, 500 when what is stored cannot be read.
    pub fn find_or(&self, key: K::Given<'_>, problem: Problem) -> Result<V, Problem> {
        self.get(key)?.ok_or(problem)
    }

    /// Whether `key` is there.
    pub fn contains(&self, key: K::Given<'_>) -> bool {
        state::get(&self.key(&key)).is_some()
    }

    /// How many keys there are.
    pub fn count(&self) -> u64 {
        state::count(&self.edge('/'), &self.edge('0'))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn key(&self, key: &K::Given<'_>) -> String {
        let mut text = String::with_capacity(self.name.len() + 34);
        text.push_str(self.name);
        text.push('/');
        K::write(key, &mut text);
        text
    }

    /// The table's name with a character more; `0` is the one that follows `/`.
    pub(crate) fn edge(&self, last: char) -> String {
        let mut text = String::with_capacity(self.name.len() + 1);
        text.push_str(self.name);
        text.push(last);
        text
    }

    pub(crate) fn encode(&self, value: &V) -> Result<Vec<u8>, Fault> {
        record::encode(value).map_err(|fault| {
            Fault::new(format!(
                "a record of {} cannot be stored: {fault}",
                self.name
            ))
        })
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<V, Fault> {
        record::decode(bytes).map_err(|fault| {
            Fault::new(format!("a record of {} cannot be read: {fault}", self.name))
        })
    }

    /// The table for the description.
    pub(crate) fn describe(&self, types: &mut Types) -> types::Table {
        types::Table {
            name: self.name.into(),
            key: K::parts(),
            value: types.of::<V>(),
        }
    }
}

impl<K: OwnedKey, V: Record> TableReader<K, V> {
    /// The first rows in a range of keys, in their order; at most so many: `LOANS.range(17..=20, 100)`.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn range<'a>(
        &self,
        keys: impl RangeBounds<K::Given<'a>>,
        limit: u32,
    ) -> Result<Rows<K, V>, Fault> {
        let start = match keys.start_bound() {
            Bound::Unbounded => self.edge('/'),
            Bound::Included(key) => self.key(key),
            Bound::Excluded(key) => self.behind(key),
        };
        let end = match keys.end_bound() {
            Bound::Unbounded => self.edge('0'),
            Bound::Included(key) => self.behind(key),
            Bound::Excluded(key) => self.key(key),
        };
        self.rows_between(&start, &end, limit, false)
    }

    /// The first rows, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn first(&self, limit: u32) -> Result<Rows<K, V>, Fault> {
        self.rows_between(&self.edge('/'), &self.edge('0'), limit, false)
    }

    /// The last rows, the last one first, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn last(&self, limit: u32) -> Result<Rows<K, V>, Fault> {
        self.rows_between(&self.edge('/'), &self.edge('0'), limit, true)
    }

    /// The rows that come after a key, whether or not it is there, at most so many: the next page.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn after(&self, key: K::Given<'_>, limit: u32) -> Result<Rows<K, V>, Fault> {
        self.rows_between(&self.behind(&key), &self.edge('0'), limit, false)
    }

    /// The first key that is behind this one.
    fn behind(&self, key: &K::Given<'_>) -> String {
        let mut text = self.key(key);
        text.push('\0');
        text
    }

    fn rows_between(
        &self,
        start: &str,
        end: &str,
        limit: u32,
        reverse: bool,
    ) -> Result<Rows<K, V>, Fault> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let entries = state::scan(start, end, limit, reverse).into_iter();
        let row = |entry: Entry| {
            let key = entry.key.get(self.name.len() + 1..).and_then(K::read);
            let key =
                key.ok_or_else(|| Fault::new(format!("{} is no key of {}", entry.key, self.name)))?;
            Ok((key, self.decode(&entry.value)?))
        };
        entries.map(row).collect()
    }
}

impl<V: Record> TableReader<String, V> {
    /// The rows whose keys begin with a text, in their order, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn starting_with(&self, prefix: &str, limit: u32) -> Result<Rows<String, V>, Fault> {
        let start = self.key(&prefix);
        // Texts that begin so end before the one whose last character is the next one.
        let mut end = start.clone();
        while let Some(last) = end.pop() {
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                break;
            }
        }
        self.rows_between(&start, &end, limit, false)
    }
}

impl<A: Part, B: Part, V: Record> TableReader<(A, B), V> {
    /// How many keys begin with `first`. It costs a look at each of them.
    pub fn count_of(&self, first: A::Given<'_>) -> u64 {
        let (start, end) = self.beginning(&first);
        state::count(&start, &end)
    }

    /// The rows whose keys begin with `first`, in their order, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn of(&self, first: A::Given<'_>, limit: u32) -> Result<Rows<(A, B), V>, Fault> {
        let (start, end) = self.beginning(&first);
        self.rows_between(&start, &end, limit, false)
    }

    /// The last rows whose keys begin with `first`, the last one first, at most so many.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn last_of(&self, first: A::Given<'_>, limit: u32) -> Result<Rows<(A, B), V>, Fault> {
        let (start, end) = self.beginning(&first);
        self.rows_between(&start, &end, limit, true)
    }

    /// Where the keys that begin with `first` begin and end.
    fn beginning(&self, first: &A::Given<'_>) -> (String, String) {
        let mut start = self.edge('/');
        write_before::<A>(first, &mut start);
        let mut end = start.clone();
        // What ends a part is one of two characters of a byte; it is followed by the next one.
        if let Some(last) = end.pop() {
            end.push(char::from(last as u8 + 1));
        }
        (start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestContext;

    const NUMBERS: Table<u64, u64> = Table::new("numbers");
    const PAIRS: Table<(u64, u64), ()> = Table::new("pairs");
    const NAMES: Table<String, u64> = Table::new("names");
    const NAMED: Table<(String, u32), u64> = Table::new("named");

    #[test]
    fn keys_of_a_pair_are_counted_by_their_first() {
        TestContext::bare().run(|| {
            for pair in [(1, 1), (1, 2), (2, 1), (0x10, 1), (u64::MAX, u64::MAX)] {
                PAIRS.put(pair, &()).unwrap();
            }
            assert_eq!(
                [0, 1, 2, 0x10, u64::MAX].map(|first| PAIRS.count_of(first)),
                [0, 2, 1, 1, 1]
            );
        });
    }

    #[test]
    fn what_is_no_record_of_the_table_is_a_fault() {
        TestContext::bare().run(|| {
            state::put("numbers/0000000000000001", br#"{"id": 7}"#);
            let fault = NUMBERS.get(1).unwrap_err().to_string();
            assert!(
                fault.starts_with("a record of numbers cannot be read: invalid type: map"),
                "{fault}"
            );
            assert_eq!(NUMBERS.find(2).unwrap_err().status(), 404);
            let gone = Problem::new(410, "It is gone.");
            assert_eq!(NUMBERS.find_or(2, gone.clone()), Err(gone));
        });
    }

    #[test]
    fn rows_are_read_in_the_order_of_their_keys() {
        TestContext::bare().run(|| {
            for number in [1, 3, 16, 255, u64::MAX] {
                NUMBERS.put(number, &number).unwrap();
            }
            let keys = |rows: Result<Vec<(u64, u64)>, Fault>| -> Vec<u64> {
                rows.unwrap().into_iter().map(|(key, _)| key).collect()
            };
            assert_eq!(keys(NUMBERS.range(3..255, 10)), [3, 16]);
            assert_eq!(keys(NUMBERS.range(3..=255, 2)), [3, 16]);
            assert_eq!(
                keys(NUMBERS.range((Bound::Excluded(3), Bound::Included(255)), 9)),
                [16, 255]
            );
            assert_eq!(keys(NUMBERS.range(.., 0)), [0; 0]);
            assert_eq!(keys(NUMBERS.range(17.., 9)), [255, u64::MAX]);
            assert_eq!(keys(NUMBERS.first(2)), [1, 3]);
            assert_eq!(keys(NUMBERS.last(2)), [u64::MAX, 255]);
            assert_eq!(keys(NUMBERS.after(2, 2)), [3, 16]);
            assert_eq!(keys(NUMBERS.after(u64::MAX, 2)), [0; 0]);
        });
    }

    #[test]
    fn texts_of_any_lifetime_are_keys() {
        TestContext::bare().run(|| {
            for name in ["a", "a/b", "a\u{10ffff}", "b", "ab"] {
                let made = name.to_owned();
                NAMES.put(&made, &1).unwrap();
                assert!(NAMES.contains(name));
            }
            let keys =
                |rows: Vec<(String, u64)>| rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
            assert_eq!(
                keys(NAMES.starting_with("a", 10).unwrap()),
                ["a", "a/b", "ab", "a\u{10ffff}"]
            );
            assert_eq!(keys(NAMES.range("a".."ab", 10).unwrap()), ["a", "a/b"]);
        });
    }

    #[test]
    fn a_text_before_another_part_ends_where_it_does() {
        TestContext::bare().run(|| {
            for name in ["a", "a/b", "a~1b", "a0"] {
                for number in [2, 1] {
                    NAMED.put((name, number), &1).unwrap();
                }
            }
            for name in ["a", "a/b", "a~1b", "a0"] {
                assert_eq!(NAMED.count_of(name), 2, "{name}");
                let rows = NAMED.of(name, 10).unwrap();
                assert_eq!(rows[0].0, (name.to_owned(), 1));
                assert_eq!(NAMED.last_of(name, 1).unwrap()[0].0, (name.to_owned(), 2));
            }
        });
    }
}
