//! Counts: in a counter, which nobody reads who adds to it, and in a row, which is read before it is written.

use innkeeper_sdk::Counter;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "Counts.",
    tables: [TALLIES, ROWS, NOTES],
    routes: {
        POST "/tallies/{name}" => add,
        POST "/tallies/{name}/read" => add_and_read,
        POST "/rows/{name}" => add_to_row,
        GET "/tallies" => all,
        GET "/tallies/{name}" => show,
        GET "/rows/{name}" => show_row,
    },
}

const TALLIES: Counter<String> = Counter::new("tallies");
const ROWS: Table<String, i64> = Table::new("rows");
/// So that an invocation does something else, too.
const NOTES: Table<u64, String> = Table::new("notes");

#[derive(Deserialize)]
struct Change {
    by: i64,
}

fn add(Path(name): Path<String>, Json(Change { by }): Json<Change>) -> Answer {
    TALLIES.add(&name, by);
    NOTES.put(NOTES.next_id(), &name)?;
    Response::no_content()
}

fn add_and_read(Path(name): Path<String>, Json(Change { by }): Json<Change>) -> Answer {
    TALLIES.add(&name, by);
    Response::ok(&TALLIES.get(&name)?)
}

fn add_to_row(Path(name): Path<String>, Json(Change { by }): Json<Change>) -> Answer {
    let before = ROWS.get(&name)?.unwrap_or_default();
    ROWS.put(&name, &(before + by))?;
    Response::no_content()
}

#[derive(Serialize)]
struct All {
    count: u64,
    tallies: Vec<(String, i64)>,
    notes: u64,
}

fn all() -> Answer {
    Response::ok(&All {
        count: TALLIES.count(),
        tallies: TALLIES.first(100)?,
        notes: NOTES.count(),
    })
}

fn show(Path(name): Path<String>) -> Answer {
    Response::ok(&TALLIES.get(&name)?)
}

fn show_row(Path(name): Path<String>) -> Answer {
    Response::ok(&ROWS.get(&name)?.unwrap_or_default())
}
