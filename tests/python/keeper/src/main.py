"""Keeps books, and finds them by their ISBNs and shelves. The same as tests/components/keeper, which is in Rust; each goes on with the other's indexes."""

from dataclasses import dataclass

from innkeeper import U64, Context, Index, IndexedTable, Unique


@dataclass(frozen=True)
class Book:
    isbn: str
    shelf: U64 | None = None


by_isbn = Unique[str, U64, Book]("by-isbn", lambda book: book.isbn)
by_shelf = Index[U64, U64, Book]("by-shelf", lambda book: book.shelf)
books = IndexedTable[U64, Book]("books", [by_isbn, by_shelf])
context = Context("Keeps books.", tables=[books])


@context.put("/books/{id}")
def keep(id: U64, body: Book) -> None:
    books.put(id, body)


@context.delete("/books/{id}")
def drop_book(id: U64) -> None:
    books.delete(id)


@context.get("/isbns/{isbn}")
def with_isbn(isbn: str) -> dict[str, U64 | None]:
    return {"id": by_isbn.key(isbn)}


@context.get("/shelves/{shelf}")
def on_shelf(shelf: U64) -> dict[str, object]:
    return {"ids": by_shelf.keys(shelf, 10), "last": by_shelf.last(shelf, 1), "count": by_shelf.count(shelf)}
