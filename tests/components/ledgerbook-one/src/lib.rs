//! The first edition of the ledgerbook: entries are texts.

#[path = "../../ledgerbook.rs"]
#[allow(dead_code, reason = "the other editions use the rest")]
mod ledgerbook;

use innkeeper_sdk::prelude::*;
use ledgerbook::{BY_WORDS, COUNTED, Counted, Edition, PLAIN, Plain, Shown};

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

/// As many entries as a page may have.
const SOME: Paging = Paging::new(innkeeper_sdk::Start::Page(0), 100);

/// `POST /conversions`: brings some entries into the shape of schema 2, to the very keys that a migration would bring them to.
fn convert() -> Answer {
    for plain in PLAIN.page(SOME)?.items {
        PLAIN.delete(plain.id);
        let counted = Counted::of(plain);
        BY_WORDS.put(counted.place(), &())?;
        COUNTED.put(counted.id, &counted)?;
    }
    Response::no_content()
}

/// `DELETE /conversions`: and back.
fn revert() -> Answer {
    for counted in COUNTED.page(SOME)?.items {
        BY_WORDS.delete(counted.place());
        COUNTED.delete(counted.id);
        let Counted { id, text, .. } = counted;
        PLAIN.put(id, &Plain { id, text })?;
    }
    Response::no_content()
}

innkeeper_sdk::context! {
    summary: "A ledger of texts.",
    tables: [PLAIN, COUNTED, BY_WORDS],
    routes: {
        POST "/entries" => ledgerbook::write::<Book>,
        GET "/entries" => ledgerbook::list::<Book>,
        GET "/entries/{id}" => ledgerbook::show::<Book>,
        DELETE "/entries/{id}" => ledgerbook::delete::<Book>,
        POST "/conversions" => convert,
        DELETE "/conversions" => revert,
    },
    schema: { number: 1 },
}
