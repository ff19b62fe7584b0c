//! Keeps books, and finds them by their ISBNs and shelves.

use innkeeper_sdk::prelude::*;
use innkeeper_sdk::{Index, IndexedTable, Unique};

innkeeper_sdk::context! {
    summary: "Keeps books.",
    tables: [BOOKS],
    routes: {
        PUT "/books/{id}" => keep,
        DELETE "/books/{id}" => drop_book,
        GET "/isbns/{isbn}" => by_isbn,
        GET "/shelves/{shelf}" => by_shelf,
    },
}

#[derive(Serialize, Deserialize, Record)]
struct Book {
    isbn: String,
    shelf: Option<u64>,
}

const BY_ISBN: Unique<String, u64, Book> = Unique::new("by-isbn", |book| Some(book.isbn.clone()));
const BY_SHELF: Index<u64, u64, Book> = Index::new("by-shelf", |book| book.shelf);
const BOOKS: IndexedTable<u64, Book> = Table::new("books").indexed(&[&BY_ISBN, &BY_SHELF]);

#[derive(Serialize)]
struct Found {
    id: Option<u64>,
}

#[derive(Serialize)]
struct Shelved {
    ids: Vec<u64>,
    last: Vec<u64>,
    count: u64,
}

fn keep(Path(id): Path<u64>, Json(book): Json<Book>) -> Answer {
    BOOKS.put(id, &book)?;
    Response::no_content()
}

fn drop_book(Path(id): Path<u64>) -> Answer {
    BOOKS.delete(id)?;
    Response::no_content()
}

fn by_isbn(Path(isbn): Path<String>) -> Answer {
    Response::ok(&Found {
        id: BY_ISBN.key(&isbn)?,
    })
}

fn by_shelf(Path(shelf): Path<u64>) -> Answer {
    Response::ok(&Shelved {
        ids: BY_SHELF.keys(shelf, 10)?,
        last: BY_SHELF.last(shelf, 1)?,
        count: BY_SHELF.count(shelf),
    })
}
