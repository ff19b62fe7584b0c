//! The second edition of the ledgerbook: the words of its entries are counted.

#[path = "../../ledgerbook_counted.rs"]
mod counted;
#[path = "../../ledgerbook.rs"]
#[allow(dead_code, reason = "the other editions use the rest")]
mod ledgerbook;

use counted::Book;
use innkeeper_sdk::Entry;
use innkeeper_sdk::prelude::*;

/// The edition's name.
const NAME: &str = "two";

fn rows(from: u32, entry: Entry) -> Result<Vec<Entry>, Fault> {
    match from {
        1 => ledgerbook::count_words(entry),
        _ => Err(Fault::new(format!("schema {from} is not known"))),
    }
}

innkeeper_sdk::context! {
    summary: "A ledger of texts, with their words counted.",
    tables: [ledgerbook::COUNTED, ledgerbook::BY_WORDS],
    routes: {
        POST "/entries" => ledgerbook::write::<Book>,
        GET "/entries" => ledgerbook::list::<Book>,
        GET "/entries/{id}" => ledgerbook::show::<Book>,
        DELETE "/entries/{id}" => ledgerbook::delete::<Book>,
        GET "/words/{number}" => counted::by_words,
    },
    schema: { number: 2, migrate: rows },
}
