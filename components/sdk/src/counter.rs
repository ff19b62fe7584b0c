//! Counters: numbers that are added to without a conflict.

use core::ops::Deref;

use crate::declare::{DescribesTables, Shapes};
use crate::host::state;
use crate::{Entry, Fault, Key, Table, TableReader};

/// Numbers that many invocations add to at once: `const TOTALS: Counter<String> = Counter::new("totals");` It is one of the `tables` of
/// [`context!`](crate::context!).
///
/// [`add`](Self::add) reads nothing, so invocations that only add do not conflict with each other: the host adds up when they commit, and the sum is exact. Where a total is kept by
/// `get` and `put` in a [`Table`], each invocation that touches it has to run again whenever another was faster.
///
/// ```
/// use innkeeper_sdk::Counter;
/// use innkeeper_sdk::prelude::*;
///
/// const TOTALS: Counter<String> = Counter::new("totals");
///
/// #[derive(Deserialize)]
/// struct Sale { pieces: u32 }
///
/// fn sell(Json(sale): Json<Sale>) -> Answer {
///     TOTALS.add("sold", sale.pieces.into());
///     Response::no_content()
/// }
///
/// fn sold() -> Answer {
///     Response::ok(&TOTALS.get("sold")?)
/// }
///
/// innkeeper_sdk::context! {
///     summary: "What was sold.",
///     tables: [TOTALS],
///     routes: { POST "/sales" => sell, GET "/sales" => sold },
/// }
///
/// # fn main() {
/// use innkeeper_sdk::testing::TestContext;
///
/// let test = TestContext::<Component>::new();
/// for pieces in [3, 4] {
///     test.post("/sales", serde_json::json!({"pieces": pieces}));
/// }
/// assert_eq!(test.get("/sales").body, 7);
/// # }
/// ```
///
/// What *reads* a counter conflicts with those who add to it meanwhile, as with any other write: an invocation that adds should not need to know the sum. A rule
/// such as "at most a hundred" needs to, and wants a [`Table`].
///
/// A counter is kept as a table of `i64`, and one that was a `Table<K, i64>` can become one, and back, without a migration. It is 0 where nothing was added. A sum beyond `i64` fails the invocation.
pub struct Counter<K> {
    table: Table<K, i64>,
}

impl<K: Key> Counter<K> {
    /// Counters, under a name that no other table has, without `/`.
    pub const fn new(name: &'static str) -> Self {
        Self {
            table: Table::new(name),
        }
    }

    /// Adds to the counter of `key`; a negative number takes away.
    pub fn add(&self, key: K::Given<'_>, delta: i64) {
        state::add(&self.table.key(&key), delta);
    }

    /// The counter of `key`, with what this invocation has added. Whoever asks conflicts with others who add meanwhile.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn get(&self, key: K::Given<'_>) -> Result<i64, Fault> {
        Ok(self.table.get(key)?.unwrap_or_default())
    }

    /// Removes the counter of `key`: it is 0 again.
    pub fn delete(&self, key: K::Given<'_>) {
        self.table.delete(key);
    }

    /// The entry of a counter: for a migration.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn entry(&self, key: K::Given<'_>, value: i64) -> Result<Entry, Fault> {
        self.table.entry(key, &value)
    }
}

impl<K> Deref for Counter<K> {
    type Target = TableReader<K, i64>;

    fn deref(&self) -> &TableReader<K, i64> {
        &self.table
    }
}

impl<K: Key> DescribesTables for Counter<K> {
    fn describe(&self, shapes: &mut Shapes) {
        self.table.describe(shapes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::testing::{ConflictFuzzer, TestApp, TestContext};

    const TOTALS: Counter<String> = Counter::new("totals");

    #[derive(Deserialize)]
    struct Change {
        by: i64,
    }

    fn count(Json(Change { by }): Json<Change>) -> Answer {
        TOTALS.add("all", by);
        Response::no_content()
    }

    fn count_and_tell(Json(Change { by }): Json<Change>) -> Answer {
        TOTALS.add("all", by);
        Response::ok(&TOTALS.get("all")?)
    }

    fn reset(Json(Change { by }): Json<Change>) -> Answer {
        TOTALS.delete("all");
        TOTALS.add("all", by);
        Response::ok(&TOTALS.get("all")?)
    }

    fn tell() -> Answer {
        Response::ok(&TOTALS.get("all")?)
    }

    crate::context! {
        summary: "Counts.",
        tables: [TOTALS],
        routes: {
            POST "/count" => count,
            POST "/told" => count_and_tell,
            POST "/reset" => reset,
            GET "/count" => tell,
        },
    }

    fn add(path: &'static str, delta: i64) -> impl Fn(&TestApp) -> crate::testing::Reply {
        move |app| app.post(path, serde_json::json!({"by": delta}))
    }

    #[test]
    fn an_invocation_sees_what_it_has_added_itself() {
        let test = TestContext::<Component>::new();
        for (path, by, sum) in [
            ("/told", 5, 5),
            ("/told", -7, -2),
            ("/reset", 3, 3),
            ("/told", 1_i64 << 60, 3 + (1_i64 << 60)),
        ] {
            assert_eq!(test.post(path, serde_json::json!({"by": by})).body, sum);
        }
        test.run(|| {
            TOTALS.add("other", 2);
            assert_eq!(TOTALS.count(), 2);
            assert_eq!(
                TOTALS.first(10).unwrap(),
                [("all".into(), 3 + (1_i64 << 60)), ("other".into(), 2)]
            );
            TOTALS.delete("other");
            assert_eq!((TOTALS.get("other"), TOTALS.count()), (Ok(0), 1));
        });
    }

    #[test]
    fn whatever_comes_between_the_sum_is_right() {
        let app = || TestApp::new().with::<Component>("counts");
        ConflictFuzzer::new(app)
            .operation("count", add("/count", 1))
            .operation("count down", add("/count", -4))
            .operation("count and tell", add("/told", 16))
            .operation("reset", add("/reset", 100))
            .check()
            .unwrap();
    }

    #[test]
    fn a_counter_is_a_table_of_numbers_to_a_migration() {
        let entry = TOTALS.entry("all", -3).unwrap();
        let plain: Table<String, i64> = Table::new("totals");
        assert_eq!(plain.entry("all", &-3).unwrap().value, entry.value);
        assert_eq!((plain.read(&entry), TOTALS.read(&entry)), (Ok(-3), Ok(-3)));
    }
}
