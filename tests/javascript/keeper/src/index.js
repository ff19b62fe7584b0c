/** Keeps books, and finds them by their ISBNs and shelves. The same as tests/components/keeper, which is in Rust; each goes on with the other's indexes. */

import { context, del, get, optional, put, record, table, text, u64 } from "innkeeper-sdk";

const Book = record({ isbn: text, shelf: optional(u64) });
const books = table("books", u64, Book);
const byIsbn = books.unique("by-isbn", text, ({ isbn }) => isbn);
const byShelf = books.index("by-shelf", u64, ({ shelf }) => shelf);

export default context({
  summary: "Keeps books.",
  tables: [books],
  routes: [
    put("/books/{id}", { path: { id: u64 }, body: Book }, ({ path, body }) => books.put(path.id, body)),
    del("/books/{id}", { path: { id: u64 } }, ({ path }) => books.delete(path.id)),
    get("/isbns/{isbn}", ({ path }) => ({ id: byIsbn.key(path.isbn) ?? null })),
    get("/shelves/{shelf}", { path: { shelf: u64 } }, ({ path }) => ({ ids: byShelf.keysOf(path.shelf, 10), last: byShelf.lastOf(path.shelf, 1), count: byShelf.countOf(path.shelf) })),
  ],
});
