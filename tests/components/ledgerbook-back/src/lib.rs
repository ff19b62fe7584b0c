//! The first edition of the ledgerbook, corrected: it also reads what the second has written, so that one can go back to it.

#[path = "../../ledgerbook.rs"]
#[allow(dead_code, reason = "the other editions use the rest")]
mod ledgerbook;

use innkeeper_sdk::Start;
use innkeeper_sdk::prelude::*;
use ledgerbook::{BY_WORDS, COUNTED, Counted, Edition, PLAIN, Plain, Shown};

/// The edition.
struct Book;

/// The whole of either table.
const ALL: Paging = Paging::new(Start::Page(0), 10_000);

impl Edition for Book {
    const NAME: &'static str = "back";

    fn put(plain: Plain) -> Result<(), Fault> {
        PLAIN.put(plain.id, &plain)
    }

    fn get(id: u64) -> Result<Option<Shown>, Fault> {
        Ok(match PLAIN.get(id)? {
            Some(plain) => Some(shown(plain)),
            None => COUNTED.get(id)?.map(plain).map(shown),
        })
    }

    fn page(paging: Paging) -> Result<Page<Shown>, Fault> {
        let mut all = PLAIN.page(ALL)?.items;
        all.extend(COUNTED.page(ALL)?.items.into_iter().map(plain));
        all.sort_by_key(|plain| plain.id);
        let total = all.len() as u64;
        let size = paging.size as usize;
        let before = match paging.start {
            Start::Page(page) => size.saturating_mul(page as usize),
            Start::After(id) => all.iter().take_while(|plain| plain.id <= id).count(),
        };
        Ok(Page {
            items: all.into_iter().skip(before).take(size).map(shown).collect(),
            total,
            paging,
            next: None,
        })
    }

    fn delete(id: u64) -> Result<(), Fault> {
        PLAIN.delete(id);
        if let Some(counted) = COUNTED.get(id)? {
            BY_WORDS.delete(counted.place());
            COUNTED.delete(id);
        }
        Ok(())
    }
}

fn plain(Counted { id, text, .. }: Counted) -> Plain {
    Plain { id, text }
}

fn shown(plain: Plain) -> Shown {
    Shown::plain(plain, Book::NAME)
}

innkeeper_sdk::context! {
    summary: "A ledger of texts, which reads the next edition's.",
    tables: [PLAIN, COUNTED, BY_WORDS],
    routes: {
        POST "/entries" => ledgerbook::write::<Book>,
        GET "/entries" => ledgerbook::list::<Book>,
        GET "/entries/{id}" => ledgerbook::show::<Book>,
        DELETE "/entries/{id}" => ledgerbook::delete::<Book>,
    },
    schema: { number: 1, reads: [2] },
}
