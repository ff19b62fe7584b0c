//! Parts of a table by their numbers, and the numbers that rows are given.

use crate::host::state;
use crate::{Entry, Fault, Page, Paging, Record, Start, TableReader};

impl<V: Record> TableReader<u64, V> {
    /// The next id, from 1. Ids may be skipped, and one whose invocation changes something is never given again; one that was only told may be, after a restart.
    pub fn next_id(&self) -> u64 {
        state::next_sequence(self.name)
    }

    /// A page of the table, in the order of the ids.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn page(&self, paging: Paging) -> Result<Page<V>, Fault> {
        let total = self.count();
        let (entries, has_more) = match paging.start {
            Start::After(id) => {
                let mut entries = id.checked_add(1).map_or_else(Vec::new, |next| {
                    // One more tells whether there is more.
                    self.rows_from(next, paging.size.saturating_add(1))
                });
                let has_more = entries.len() > paging.size as usize;
                entries.truncate(paging.size as usize);
                (entries, has_more)
            }
            Start::Page(page) => {
                let offset = u64::from(page) * u64::from(paging.size);
                let entries = self.rows(offset, paging.size, total);
                let has_more = offset + (entries.len() as u64) < total;
                (entries, has_more)
            }
        };
        let last = entries.last().and_then(|entry| self.id_of(entry));
        let items = entries.iter().map(|entry| self.decode(&entry.value));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            total,
            paging,
            next: last.filter(|_| has_more),
        })
    }

    /// So many rows, or less at the end, behind the first `offset` of all `total`.
    fn rows(&self, offset: u64, size: u32, total: u64) -> Vec<Entry> {
        let left = total.saturating_sub(offset);
        if left == 0 {
            return Vec::new();
        }
        if left <= u64::from(size) {
            // The newest: no need to find out where they begin.
            let mut rows = state::scan(&self.edge('/'), &self.edge('0'), left as u32, true);
            rows.reverse();
            return rows;
        }
        let first = match offset <= left {
            true => self.first_behind(offset),
            false => self.first_of_last(left),
        };
        first.map_or_else(Vec::new, |first| self.rows_from(first, size))
    }

    fn rows_from(&self, first: u64, count: u32) -> Vec<Entry> {
        state::scan(&self.key(&first), &self.edge('0'), count, false)
    }

    /// An id that has exactly `n` ids of the table before it; none when the table ends before.
    ///
    /// `n` ids take at least `n` numbers, so it can skip as many numbers as ids are missing, and count how many ids those were.
    fn first_behind(&self, n: u64) -> Option<u64> {
        let (mut id, mut missing) = (0_u64, n);
        while missing > 0 {
            let next = id.checked_add(missing)?;
            let skipped = state::count(&self.key(&id), &self.key(&next));
            missing = missing.checked_sub(skipped)?;
            id = next;
            if skipped == 0 {
                // A gap: go on at the id behind it.
                id = self.id_of(&self.rows_from(id, 1).pop()?)?;
            }
        }
        Some(id)
    }

    /// An id that has exactly `n` ids of the table from it on; none when the table has fewer. The same from the other end.
    fn first_of_last(&self, n: u64) -> Option<u64> {
        let (mut end, mut missing) = (self.edge('0'), n);
        loop {
            let last = state::scan(&self.edge('/'), &end, 1, true).pop()?;
            let first = self.id_of(&last)?.saturating_sub(missing.checked_sub(1)?);
            let start = self.key(&first);
            missing = missing.checked_sub(state::count(&start, &end))?;
            if missing == 0 {
                return Some(first);
            }
            end = start;
        }
    }

    fn id_of(&self, entry: &Entry) -> Option<u64> {
        u64::from_str_radix(entry.key.get(self.name.len() + 1..)?, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;
    use crate::testing::TestContext;

    const NUMBERS: Table<u64, u64> = Table::new("numbers");

    fn page(page: u32, size: u32) -> Vec<u64> {
        let paging = Paging::new(Start::Page(page), size);
        NUMBERS.page(paging).unwrap().items
    }

    #[test]
    fn pages_follow_each_other_whatever_ids_are_missing() {
        for missing in [
            vec![],
            vec![1],
            vec![1, 2, 3, 4, 5, 6, 7],
            (20..90).collect(),
            (1..100).filter(|id| id % 7 != 0).collect::<Vec<_>>(),
        ] {
            TestContext::bare().run(|| {
                let expected: Vec<u64> = (1..=120).filter(|id| !missing.contains(id)).collect();
                expected.iter().for_each(|id| NUMBERS.put(*id, id).unwrap());
                for size in [1, 3, 20, 100] {
                    let pages: Vec<u64> = (0..)
                        .map(|number| page(number, size))
                        .take_while(|items| !items.is_empty())
                        .flatten()
                        .collect();
                    assert_eq!(pages, expected);
                    let (mut after, mut followed) = (Some(0), Vec::new());
                    while let Some(id) = after {
                        let page = NUMBERS.page(Paging::new(Start::After(id), size)).unwrap();
                        assert_eq!(page.total, expected.len() as u64);
                        followed.extend(page.items);
                        after = page.next;
                    }
                    assert_eq!(followed, expected);
                }
                assert_eq!(page(u32::MAX, 100), [0; 0]);
                assert_eq!(NUMBERS.count(), expected.len() as u64);
            });
        }
    }

    #[test]
    fn what_comes_after_an_item_does_not_need_the_item() {
        TestContext::bare().run(|| {
            [1, 5, 6, u64::MAX]
                .iter()
                .for_each(|id| NUMBERS.put(*id, id).unwrap());
            let after = |id, size| NUMBERS.page(Paging::new(Start::After(id), size)).unwrap();
            assert_eq!(after(2, 2).items, [5, 6]);
            assert_eq!((after(2, 2).next, after(2, 3).next), (Some(6), None));
            assert_eq!(after(u64::MAX, 3).items, [0; 0]);
        });
    }
}
