//! The first edition of the ledgerbook: entries are texts.

#[path = "../../ledgerbook.rs"]
#[allow(dead_code, reason = "the other editions use the rest")]
mod ledgerbook;

use innkeeper_sdk::prelude::*;
use ledgerbook::{Edition, PLAIN, Plain, Shown};

/// The edition.
struct Book;

impl Edition for Book {
    const NAME: &'static str = "one";

    fn put(plain: Plain) -> Result<(), Fault> {
        PLAIN.put(plain.id, &plain)
    }

    fn get(id: u64) -> Result<Option<Shown>, Fault> {
        Ok(PLAIN.get(id)?.map(shown))
    }

    fn page(paging: Paging) -> Result<Page<Shown>, Fault> {
        Ok(PLAIN.page(paging)?.map(shown))
    }

    fn delete(id: u64) -> Result<(), Fault> {
        PLAIN.delete(id);
        Ok(())
    }
}

fn shown(plain: Plain) -> Shown {
    Shown::plain(plain, Book::NAME)
}

innkeeper_sdk::context! {
    summary: "A ledger of texts.",
    routes: {
        POST "/entries" => ledgerbook::write::<Book>,
        GET "/entries" => ledgerbook::list::<Book>,
        GET "/entries/{id}" => ledgerbook::show::<Book>,
        DELETE "/entries/{id}" => ledgerbook::delete::<Book>,
    },
    schema: { number: 1 },
}
