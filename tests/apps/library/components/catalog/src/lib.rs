//! The context catalog: books, and how many copies of each can be lent.

use contracts::catalog::{Book, BookAdded, BookRetitled, CopyReturned};
use contracts::loans::{Loan, LoanRefused, LoanReturned};
use innkeeper_sdk::{IndexedTable, Unique, prelude::*};
use offers::copies::{CopyError, Guest};

innkeeper_sdk::context! {
    summary: "Books, and how many copies of each can be lent.",
    offers: "library:catalog/copies",
    tables: [BOOKS, TAKEN],
    routes: { POST "/books" => add, GET "/books" => list, GET "/books/{id}" => show },
    shares: [BookAdded, BookRetitled, CopyReturned],
    follows: { LoanReturned | LoanRefused => returned, "isbn": TitleChanged => retitle },
    compensations: { "library:catalog/copies": "take-copy" => "put-back" },
}

innkeeper_sdk::events! {
    /// Outside: an ISBN has another title.
    pub TitleChanged: Title,
}

/// What the ISBN agency says.
#[derive(Debug, Deserialize, EventData)]
pub struct Title {
    isbn: String,
    title: String,
}

/// What a client may set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewBook {
    isbn: Text<20>,
    title: Text<200>,
    author: Text<200>,
    copies: u32,
}

const BY_ISBN: Unique<String, u64, Book> = Unique::new("isbns", |book| Some(book.isbn.clone()));
const BOOKS: IndexedTable<u64, Book> = Table::new("books").indexed(&[&BY_ISBN]);
/// Which loan has a copy of which book.
const TAKEN: Table<(u64, u64), ()> = Table::new("taken");

fn add(Json(new): Json<NewBook>) -> Answer<Created<Book>> {
    let book = Book {
        book_id: BOOKS.next_id(),
        isbn: new.isbn.into(),
        title: new.title.into(),
        author: new.author.into(),
        copies: new.copies,
        lent: 0,
    };
    let known = || Problem::conflict(format!("ISBN {} is in the catalog.", book.isbn));
    BOOKS
        .put(book.book_id, &book)
        .map_err(|error| error.or(known()))?;
    emit::<BookAdded>(&book)?;
    Ok(Created::at(format!("/books/{}", book.book_id), book))
}

fn list(paging: Paging) -> Answer<Page<Book>> {
    Ok(BOOKS.page(paging)?)
}

fn show(Path(id): Path<u64>) -> Answer<Json<Book>> {
    let book = BOOKS.find_or(id, Problem::not_found(format!("There is no book {id}.")))?;
    Ok(Json(book))
}

impl Guest for Component {
    fn take_copy(book_id: u64, loan_id: u64) -> Result<String, CopyError> {
        let mut book = BOOKS
            .get(book_id)?
            .ok_or_else(|| CopyError::NotFound(format!("There is no book {book_id}.")))?;
        if TAKEN.contains((book_id, loan_id)) {
            return Ok(book.title);
        }
        if book.lent >= book.copies {
            return Err(CopyError::NoneLeft(format!(
                "All copies of {} are lent.",
                book.title
            )));
        }
        book.lent += 1;
        TAKEN.put((book_id, loan_id), &())?;
        keep(&book)?;
        Ok(book.title)
    }

    fn put_back(book_id: u64, loan_id: u64) -> Result<(), CopyError> {
        Ok(free(book_id, loan_id)?)
    }
}

fn keep(book: &Book) -> Result<(), Fault> {
    Ok(BOOKS.put(book.book_id, book)?)
}

/// The copy that a loan had is there again; nothing when it had none.
fn free(book_id: u64, loan_id: u64) -> Result<(), Fault> {
    if !TAKEN.contains((book_id, loan_id)) {
        return Ok(());
    }
    TAKEN.delete((book_id, loan_id));
    if let Some(mut book) = BOOKS.get(book_id)? {
        book.lent = book.lent.saturating_sub(1);
        keep(&book)?;
        emit::<CopyReturned>(&book)?;
    }
    Ok(())
}

fn returned(loan: Loan) -> Outcome {
    Ok(free(loan.book_id, loan.loan_id)?)
}

fn retitle(new: Title) -> Outcome {
    let Some(book_id) = BY_ISBN.key(&new.isbn)? else {
        return Err(PolicyError::Reject(format!(
            "ISBN {} is not in the catalog",
            new.isbn
        )));
    };
    if let Some(mut book) = BOOKS.get(book_id)? {
        book.title = new.title;
        keep(&book)?;
        emit::<BookRetitled>(&book)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
