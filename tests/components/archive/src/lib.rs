//! A context with as much state as one likes, and many ways to read it.

use std::hint::black_box;

use innkeeper_sdk::bindings::innkeeper::context::state;
use innkeeper_sdk::prelude::*;

/// A row.
#[derive(Serialize, Deserialize, Record)]
pub struct Entry {
    id: u64,
    text: String,
}

const ENTRIES: Table<u64, Entry> = Table::new("entries");
const TOTALS: Table<&str, u64> = Table::new("totals");

/// `POST /entries/{count}`: so many more.
fn fill(Path(count): Path<u64>) -> Answer {
    for _ in 0..count {
        let id = ENTRIES.next_id();
        let text = format!("entry {id}");
        ENTRIES.put(id, &Entry { id, text })?;
    }
    Response::no_content()
}

/// `GET /entries`
fn list(paging: Paging) -> Answer {
    Response::page(&ENTRIES.page(paging)?)
}

/// `DELETE /entries/{id}`
fn delete(Path(id): Path<u64>) -> Answer {
    ENTRIES.find(id)?;
    ENTRIES.delete(id);
    Response::no_content()
}

/// `GET /counts`: how many keys there are, in a range that is no table.
fn count() -> Answer {
    Response::ok(&state::count("e", "f"))
}

/// `POST /missing/{count}`: asks for so many keys that are not there.
fn miss(Path(count): Path<u64>) -> Answer {
    let mut found = 0_u64;
    for number in 0..count {
        found += u64::from(state::get(&format!("missing/{number:016x}")).is_some());
    }
    Response::ok(&found)
}

/// `POST /totals`: one more, in the one row that everybody changes.
fn total() -> Answer {
    let total = TOTALS.get("all")?.unwrap_or_default() + 1;
    TOTALS.put("all", &total)?;
    Response::ok(&total)
}

/// `POST /memory/{mebibytes}`: has so much memory for a while.
fn hold(Path(mebibytes): Path<u64>) -> Answer {
    let held: Vec<Vec<u8>> = (0..mebibytes).map(|_| vec![1; 1 << 20]).collect();
    let mut sum = 0_u64;
    for round in 0..200_u64 {
        for piece in &held {
            sum = black_box(sum.wrapping_add(round) + u64::from(piece[round as usize]));
            for byte in piece.iter().step_by(64) {
                sum = black_box(sum.wrapping_add(u64::from(*byte)));
            }
        }
    }
    Response::ok(&sum)
}

/// A key of so many bytes, in a table that is described where there is room for its name.
fn raw_key(length: usize) -> String {
    let mut key = format!("totals/{}", "k".repeat(length));
    key.truncate(length);
    key
}

/// `POST /raw/{length}`: writes a key of so many bytes.
fn put_raw(Path(length): Path<u64>) -> Answer {
    state::put(&raw_key(length as usize), b"1");
    Response::no_content()
}

/// `DELETE /raw/{length}`: removes one.
fn delete_raw(Path(length): Path<u64>) -> Answer {
    state::delete(&raw_key(length as usize));
    Response::no_content()
}

/// `POST /bulk/{first}/{rows}`: writes as many rows of a megabyte each, and has only one of them in its own memory.
fn bulk(Path((first, rows)): Path<(u64, u64)>) -> Answer {
    let row = vec![b'x'; 1_000_000];
    for number in first..first + rows {
        state::put(&format!("totals/bulk-{number:04}"), &row);
    }
    Response::no_content()
}

/// `GET /bulk/{rows}`: reads as many of those rows at once, and says how many bytes they have.
fn read_bulk(Path(rows): Path<u64>) -> Answer {
    let found = state::scan("totals/bulk-", "totals/bulk.", rows as u32, false);
    let bytes: usize = found.iter().map(|entry| entry.value.len()).sum();
    Response::ok(&bytes)
}

innkeeper_sdk::context! {
    summary: "Keeps entries, and is read in many ways.",
    tables: [ENTRIES, TOTALS],
    routes: {
        POST "/entries/{count}" => fill,
        POST "/raw/{length}" => put_raw,
        DELETE "/raw/{length}" => delete_raw,
        POST "/bulk/{first}/{rows}" => bulk,
        GET "/bulk/{rows}" => read_bulk,
        GET "/entries" => list,
        DELETE "/entries/{id}" => delete,
        GET "/counts" => count,
        POST "/missing/{count}" => miss,
        POST "/totals" => total,
        POST "/memory/{mebibytes}" => hold,
    },
}
