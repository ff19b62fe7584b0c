//! Going through all of a range, a page at a time, so that little of it is held at once.

use super::direction::Direction;
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

impl<'a> Pages<'a> {
    /// The same where single values may be damaged: each entry has its value or why that cannot be read, and the others are read all the same.
    pub fn around_damage(self) -> PagesAroundDamage<'a> {
        PagesAroundDamage(self)
    }

    fn end(&mut self) {
        self.rest.end = Some(Vec::new());
    }
}

/// An entry, or why its value cannot be read.
pub type Found = (Vec<u8>, Result<Vec<u8>, Error>);

/// See [`Pages::around_damage`].
pub struct PagesAroundDamage<'a>(Pages<'a>);

impl Iterator for PagesAroundDamage<'_> {
    type Item = Result<Vec<Found>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.0.rest.clone();
        match self.0.next()? {
            Ok(page) => {
                let sound = |(key, value)| (key, Ok(value));
                Some(Ok(page.into_iter().map(sound).collect()))
            }
            Err(error) if error.is_of_one_value() => {
                self.0.rest = before;
                match self.one_by_one() {
                    Ok(page) if page.is_empty() => None,
                    Ok(page) => Some(Ok(page)),
                    Err(error) => {
                        self.0.end();
                        Some(Err(error))
                    }
                }
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl PagesAroundDamage<'_> {
    /// A page of which some value is damaged.
    fn one_by_one(&mut self) -> Result<Vec<Found>, Error> {
        let Pages {
            ledger,
            space,
            rest,
            size,
        } = &mut self.0;
        let mut page = Vec::new();
        while page.len() < *size {
            // Its key is found without its value.
            let Some(key) = ledger.journal().count_within(*space, rest, 1)?.last else {
                break;
            };
            rest.start_after(&key);
            match ledger.get(*space, &key) {
                Ok(Some(value)) => page.push((key, Ok(value))),
                // It was removed meanwhile.
                Ok(None) => {}
                Err(error) if error.is_of_one_value() => page.push((key, Err(error))),
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<Entry>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self
            .ledger
            .scan(self.space, &self.rest, self.size, Direction::Forwards);
        match &read {
            Ok(page) => {
                let (last, _) = page.last()?;
                self.rest.start_after(last);
            }
            Err(_) => self.end(),
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

    #[tokio::test]
    async fn what_is_damaged_is_told_and_everything_else_comes() {
        let store = Arc::new(MemoryStore::new());
        let committer = Committer::start(store.clone(), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let writes = ["a", "b", "c", "d", "e"].map(|key| Write {
            space: SPACE,
            key: key.into(),
            value: Some(Vec::new()),
        });
        let unit = Unit::bookkeeping("test", ledger.applied(), writes.to_vec());
        ledger.commit(unit).await.unwrap();
        for key in ["b", "e"] {
            store.damage("room", SPACE, key.as_bytes());
        }
        assert!(
            ledger
                .pages(SPACE, KeyRange::all(), 2)
                .any(|page| page.is_err())
        );
        for size in 1..7 {
            let pages = ledger.pages(SPACE, KeyRange::all(), size).around_damage();
            let pages: Vec<Vec<Found>> = pages.collect::<Result<_, _>>().unwrap();
            assert!(pages.iter().all(|page| (1..=size).contains(&page.len())));
            let found = pages.concat().into_iter();
            let found = found.map(|(key, value)| (String::from_utf8(key).unwrap(), value.is_ok()));
            let expected = [
                ("a", true),
                ("b", false),
                ("c", true),
                ("d", true),
                ("e", false),
            ];
            assert!(
                found.eq(expected.map(|(key, is_sound)| (key.to_owned(), is_sound))),
                "{size}"
            );
        }
    }
}
