//! The rows of a table as entries of the state: what a migration is given, and what it makes.

use crate::{Entry, Fault, Key, OwnedKey, Record, Table, TableReader};

impl<K: Key, V: Record> Table<K, V> {
    /// The row that [`put`](Self::put) would store.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn entry(&self, key: K::Given<'_>, value: &V) -> Result<Entry, Fault> {
        Ok(Entry {
            key: self.key(&key),
            value: self.encode(value)?,
        })
    }
}

impl<K: Key, V: Record> TableReader<K, V> {
    /// Whether an entry is a row of this table.
    pub fn holds(&self, entry: &Entry) -> bool {
        self.key_text(entry).is_some()
    }

    /// The value of a row.
    ///
    /// # Errors
    /// When the entry is no row of this table, or cannot be read.
    pub fn read(&self, entry: &Entry) -> Result<V, Fault> {
        self.row(entry)?;
        self.decode(&entry.value)
    }

    /// The text of a row's key.
    fn row<'entry>(&self, entry: &'entry Entry) -> Result<&'entry str, Fault> {
        self.key_text(entry).ok_or_else(|| self.not_mine(entry))
    }

    fn key_text<'entry>(&self, entry: &'entry Entry) -> Option<&'entry str> {
        entry.key.strip_prefix(self.name())?.strip_prefix('/')
    }

    fn not_mine(&self, entry: &Entry) -> Fault {
        Fault::new(format!("{} is no row of {}", entry.key, self.name()))
    }
}

impl<K: OwnedKey, V: Record> TableReader<K, V> {
    /// The key of a row.
    ///
    /// # Errors
    /// When the entry is no row of this table.
    pub fn key_of(&self, entry: &Entry) -> Result<K, Fault> {
        K::read(self.row(entry)?).ok_or_else(|| self.not_mine(entry))
    }
}

impl<V: Record> TableReader<&str, V> {
    /// The key of a row.
    ///
    /// # Errors
    /// When the entry is no row of this table.
    pub fn key_of<'entry>(&self, entry: &'entry Entry) -> Result<&'entry str, Fault> {
        self.row(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::state;
    use crate::testing::TestContext;

    const NUMBERS: Table<u64, u64> = Table::new("numbers");
    const PAIRS: Table<(u64, u64), ()> = Table::new("pairs");
    const NAMES: Table<&str, u64> = Table::new("names");

    #[test]
    fn an_entry_is_the_row_that_would_be_stored() {
        TestContext::bare().run(|| {
            NUMBERS.put(17, &4).unwrap();
            PAIRS.put((u64::MAX, 1), &()).unwrap();
            NAMES.put("a/b", &5).unwrap();
            let stored: Vec<_> = state::scan("", "", 0, false)
                .into_iter()
                .map(|entry| (entry.key, entry.value))
                .collect();
            let made = [
                NAMES.entry("a/b", &5).unwrap(),
                NUMBERS.entry(17, &4).unwrap(),
                PAIRS.entry((u64::MAX, 1), &()).unwrap(),
            ];
            assert_eq!(stored, made.map(|entry| (entry.key, entry.value)));
        });
    }

    #[test]
    fn a_row_is_read_back() {
        let entry = NUMBERS.entry(17, &4).unwrap();
        assert_eq!(
            (NUMBERS.key_of(&entry), NUMBERS.read(&entry)),
            (Ok(17), Ok(4))
        );
        let entry = PAIRS.entry((u64::MAX, 0), &()).unwrap();
        assert_eq!(PAIRS.key_of(&entry), Ok((u64::MAX, 0)));
        let entry = NAMES.entry("a/b", &5).unwrap();
        assert_eq!(
            (NAMES.key_of(&entry), NAMES.read(&entry)),
            (Ok("a/b"), Ok(5))
        );
    }

    #[test]
    fn an_entry_of_another_table_is_no_row() {
        let other: Table<u64, u64> = Table::new("number");
        let entry = NUMBERS.entry(17, &4).unwrap();
        assert!(NUMBERS.holds(&entry) && !other.holds(&entry) && !PAIRS.holds(&entry));
        let fault = Fault::new("numbers/0000000000000011 is no row of number");
        assert_eq!(other.read(&entry), Err(fault.clone()));
        assert_eq!(other.key_of(&entry), Err(fault));
        let odd = Entry {
            key: "numbers/+000000000000011".into(),
            value: entry.value,
        };
        assert!(NUMBERS.key_of(&odd).is_err());
    }
}
