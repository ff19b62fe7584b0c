//! The third edition of the ledgerbook: it does not take over an entry that is poison, and makes what `put` refuses of some others.

#[path = "../../ledgerbook_counted.rs"]
mod counted;
#[path = "../../ledgerbook.rs"]
#[allow(dead_code, reason = "the other editions use the rest")]
mod ledgerbook;

use counted::Book;
use innkeeper_sdk::Entry;
use innkeeper_sdk::prelude::*;
use ledgerbook::{COUNTED, PLAIN};

/// The edition's name.
const NAME: &str = "three";

fn rows(from: u32, entry: Entry) -> Result<Vec<Entry>, Fault> {
    let text = if PLAIN.holds(&entry) {
        PLAIN.read(&entry)?.text
    } else if COUNTED.holds(&entry) {
        COUNTED.read(&entry)?.text
    } else {
        String::new()
    };
    if text == "poison" {
        return Err(Fault::new("an entry is poison"));
    }
    let key = match text.as_str() {
        "nameless" => Some(String::new()),
        "longest name" => Some("by-words/".to_owned() + &"k".repeat(1_015)),
        "too long a name" => Some("by-words/".to_owned() + &"k".repeat(1_016)),
        _ => None,
    };
    if let Some(key) = key {
        return Ok(vec![Entry { key, ..entry }]);
    }
    let value = match text.as_str() {
        "too much" => Some(vec![0; 5 << 20]),
        _ => None,
    };
    if let Some(value) = value {
        return Ok(vec![Entry { value, ..entry }]);
    }
    match from {
        1 => ledgerbook::count_words(entry),
        2 => Ok(vec![entry]),
        _ => Err(Fault::new(format!("schema {from} is not known"))),
    }
}

innkeeper_sdk::context! {
    summary: "A ledger of texts without poison.",
    tables: [COUNTED, ledgerbook::BY_WORDS],
    routes: {
        POST "/entries" => ledgerbook::write::<Book>,
        GET "/entries" => ledgerbook::list::<Book>,
        GET "/entries/{id}" => ledgerbook::show::<Book>,
        DELETE "/entries/{id}" => ledgerbook::delete::<Book>,
        GET "/words/{number}" => counted::by_words,
    },
    schema: { number: 3, migrate: rows },
}
