//! Going through all of a range, a page at a time, so that little of it is held at once.

use super::{Entry, Error, KeyRange, Ledger, Space};

/// The pages of a range of keys, in ascending order; see [`Ledger::pages`].
pub struct Pages<'a> {
    ledger: &'a Ledger,
    space: Space,
    /// What is still to be read.
    rest: KeyRange,
    size: usize,
}

impl Ledger {
    /// The entries in a range, at most `size` at a time. Each page is read when it is asked for: what is written behind the page before is seen. Nothing is noted. It ends
    /// with an error, if there is one.
    pub fn pages(&self, space: Space, range: KeyRange, size: usize) -> Pages<'_> {
        Pages {
            ledger: self,
            space,
            rest: range,
            size,
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<Entry>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.ledger.scan(self.space, &self.rest, self.size, false);
        match &read {
            Ok(page) => {
                let (last, _) = page.last()?;
                self.rest.start_after(last);
            }
            Err(_) => self.rest.end = Some(Vec::new()),
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Committer, Durability, MemoryStore, Options, Unit, Write};
    use super::*;

    const SPACE: Space = Space::State(0);

    fn names(pages: Pages<'_>) -> Vec<Vec<String>> {
        let name = |(key, _): Entry| String::from_utf8(key).unwrap();
        pages
            .map(|page| page.unwrap().into_iter().map(name).collect())
            .collect()
    }

    #[tokio::test]
    async fn all_of_a_range_comes_once_whatever_is_written_meanwhile() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let write = |keys: &[&str]| {
            let writes = keys.iter().map(|key| Write {
                space: SPACE,
                key: key.as_bytes().to_vec(),
                value: Some(Vec::new()),
            });
            ledger.commit(Unit::bookkeeping(
                "test",
                ledger.applied(),
                writes.collect(),
            ))
        };
        write(&["a", "b/1", "b/1\0", "b/2", "b/3", "c"])
            .await
            .unwrap();
        let pages = || ledger.pages(SPACE, KeyRange::prefix("b/"), 3);
        assert_eq!(names(pages()), [vec!["b/1", "b/1\0", "b/2"], vec!["b/3"]]);
        let mut reading = pages();
        assert_eq!(reading.next().unwrap().unwrap().len(), 3);
        write(&["b/0", "b/4"]).await.unwrap();
        assert_eq!(names(reading), [vec!["b/3", "b/4"]]);
        assert!(names(ledger.pages(SPACE, KeyRange::prefix("d"), 3)).is_empty());
    }
}
