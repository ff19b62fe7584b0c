//! How the ledgerbook keeps its entries in schema 2, and finds them by their words.

use innkeeper_sdk::prelude::*;

use crate::NAME;
use crate::ledgerbook::{BY_WORDS, COUNTED, Counted, Edition, Plain, Shown};

/// The edition.
pub struct Book;

impl Edition for Book {
    const NAME: &'static str = NAME;

    fn put(plain: Plain) -> Result<(), Fault> {
        let counted = Counted::of(plain);
        BY_WORDS.put(counted.place(), &())?;
        COUNTED.put(counted.id, &counted)
    }

    fn get(id: u64) -> Result<Option<Shown>, Fault> {
        Ok(COUNTED.get(id)?.map(shown))
    }

    fn page(paging: Paging) -> Result<Page<Shown>, Fault> {
        Ok(COUNTED.page(paging)?.map(shown))
    }

    fn delete(id: u64) -> Result<(), Fault> {
        if let Some(counted) = COUNTED.get(id)? {
            BY_WORDS.delete(counted.place());
            COUNTED.delete(id);
        }
        Ok(())
    }
}

fn shown(counted: Counted) -> Shown {
    Shown::counted(counted, NAME)
}

/// How many entries have so many words: as the index says.
#[derive(Serialize)]
struct Found {
    words: u64,
    entries: u64,
    edition: &'static str,
}

/// `GET /words/{number}`
pub fn by_words(Path(words): Path<u64>) -> Answer {
    Response::ok(&Found {
        words,
        entries: BY_WORDS.count_of(words),
        edition: NAME,
    })
}
