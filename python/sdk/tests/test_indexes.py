"""Indexes follow what becomes of rows, and are rows as Rust's SDK writes them."""

from dataclasses import dataclass

import pytest
from innkeeper import U64, Context, Entry, Event, Fault, Index, IndexedTable, Problem, Reject, Schema, Table, Taken, Unique
from innkeeper.host import Kept, host
from innkeeper.testing import Refused, TestContext


@dataclass(frozen=True)
class Book:
    isbn: str
    shelf: U64 | None = None


by_isbn = Unique[str, U64, Book]("by-isbn", lambda book: book.isbn)
by_shelf = Index[U64, U64, Book]("by-shelf", lambda book: book.shelf)
books = IndexedTable[U64, Book]("books", [by_isbn, by_shelf])
found = Event[Book]("BookFound")


def migrate(_: int, entry: Kept) -> list[Kept]:
    return list(books.entries(books.key_of(entry), books.read(entry))) if books.holds(entry) else [entry]


context = Context("Books.", tables=[books], schema=Schema(1, migrate=migrate))


@context.post("/books/{id}")
def keep(id: U64, body: Book) -> None:
    books.put(id, body)


@context.on("library", found)
def keep_found(book: Book) -> None:
    books.put(7, book)


def rows() -> list[tuple[str, bytes]]:
    return [(one.key, one.value) for one in host().state.scan("", "", 0, False)]


def test_indexes_follow_what_becomes_of_rows() -> None:
    def run() -> None:
        books.put(1, Book("a", 7))
        books.put(2, Book("b", 7))
        books.put(3, Book("c"))
        assert (by_shelf.count(7), by_shelf.keys(7, 9), by_shelf.last(7, 1)) == (2, [1, 2], [2])
        books.put(1, Book("d", 8))
        assert (by_isbn.key("a"), by_isbn.key("d")) == (None, 1)
        assert (by_shelf.keys(7, 9), by_shelf.keys(8, 9)) == ([2], [1])
        books.delete(2)
        books.delete(9)
        assert (by_isbn.key("b"), by_shelf.count(7), books.count(), books.get(1)) == (None, 0, 2, Book("d", 8))

    TestContext(context).run(run)


def test_the_rows_are_those_of_rust() -> None:
    def run() -> None:
        books.put(5, Book("a/b", 10))
        assert rows() == [
            ("books/0000000000000005", b'{"isbn":"a/b","shelf":10}'),
            ("by-isbn/a/b", b"5"),
            ("by-shelf/000000000000000a/0000000000000005", b"null"),
        ]

    test = TestContext(context)
    test.run(run)
    assert [table[:2] for table in test.description.tables] == [
        ("books", ["number"]),
        ("by-isbn", ["text"]),
        ("by-shelf", ["number", "number"]),
    ]


def test_two_rows_cannot_have_what_only_one_may_have() -> None:
    def run() -> None:
        books.put(1, Book("a"))
        books.put(1, Book("a", 1))
        before = rows()
        with pytest.raises(Taken) as taken:
            books.put(2, Book("a"))
        assert (taken.value.index, rows()) == ("by-isbn", before)

    test = TestContext(context)
    test.run(run)
    refused = test.post("/books/2", {"isbn": "a"})
    assert (refused.status, refused.headers["content-type"]) == (409, "application/problem+json")
    with pytest.raises(Reject, match="another row has the same value in by-isbn"):
        test.deliver("library", "BookFound", "a", {"isbn": "a"})
    assert test.post("/books/1", {"isbn": "b"}).status == 204
    test.deliver("library", "BookFound", "a", {"isbn": "a"})
    assert test.run(lambda: (by_isbn.key("a"), by_isbn.key("b"))) == (7, 1)


def test_what_cannot_be_followed_changes_nothing() -> None:
    def run() -> None:
        books.put(1, Book("a", 7))
        host().state.put("by-isbn/a", b"no number")
        before = rows()
        for change in (lambda: books.put(1, Book("b", 8)), lambda: books.delete(1), lambda: books.put(1, Book("a", -1))):
            with pytest.raises(Fault):
                change()
            assert rows() == before

    TestContext(context).run(run)


def test_a_migration_makes_the_rows_that_would_be_stored() -> None:
    test = TestContext(context)

    def run() -> list[tuple[str, bytes]]:
        books.put(5, Book("a", 7))
        return rows()

    stored = test.run(run)
    (moved,) = test.migrate(0, [Entry("books/0000000000000005", b'{"isbn":"a","shelf":7}')])
    assert sorted((one.key, one.value) for one in moved) == stored


def test_an_entry_that_is_another_rows_stays_its_own() -> None:
    # A migration may have brought two rows with the same value.
    def run() -> None:
        books.put(1, Book("a"))
        host().state.put("books/0000000000000002", b'{"isbn":"a","shelf":null}')
        books.delete(2)
        assert by_isbn.key("a") == 1

    TestContext(context).run(run)


def test_an_index_has_its_types_and_is_a_table_of_the_context() -> None:
    with pytest.raises(TypeError, match="the index by-isbn needs its types: Unique"):
        Context("x", tables=[IndexedTable[U64, Book]("books", [Unique("by-isbn", lambda book: book.isbn)])])
    plain = Context("x", tables=[Table[U64, Book]("books")])
    with pytest.raises(Refused, match="by-isbn"):
        TestContext(plain).run(lambda: books.put(1, Book("a")))

    async def later(_: Book) -> str:
        return "a"

    with pytest.raises(TypeError, match="async"):
        Unique[str, U64, Book]("by-isbn", later)
    assert issubclass(Taken, Problem)


def test_a_row_is_found_by_several_values_at_once() -> None:
    by_both = Unique[tuple[str, U64], U64, Book]("by-both", lambda book: None if book.shelf is None else (book.isbn, book.shelf))
    shelved = IndexedTable[U64, Book]("shelved", [by_both])

    def run() -> None:
        shelved.put(1, Book("a", 1))
        shelved.put(2, Book("a", 2))
        shelved.put(3, Book("a"))
        assert (by_both.key(("a", 2)), by_both.key(("a", 3))) == (2, None)
        with pytest.raises(Taken):
            shelved.put(3, Book("a", 1))

    TestContext(Context("x", tables=[shelved])).run(run)
