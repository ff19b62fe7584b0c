/** Indexes follow what becomes of the rows of their tables. */

import assert from "node:assert/strict";
import test from "node:test";
import { context, del, event, follow, optional, Problem, put, record, table, Taken, text, u64, unit } from "innkeeper-sdk";
import { TestContext } from "innkeeper-sdk/testing";
import { host } from "../src/host.js";

const Book = record({ isbn: text, shelf: optional(u64) });
const books = table("books", u64, Book);
const byIsbn = books.unique("by-isbn", text, ({ isbn }) => isbn);
const byShelf = books.index("by-shelf", u64, ({ shelf }) => shelf);
const pairs = table("pairs", [u64, text], Book);
const byPair = pairs.unique("by-pair", [text, u64], ({ isbn, shelf }) => (shelf === null ? undefined : [isbn, shelf]));
const brought = event("Brought", Book);

const library = context({
  summary: "Books.",
  tables: [books, pairs],
  routes: [
    put("/books/{id}", { path: { id: u64 }, body: Book }, ({ path, body }) => books.put(path.id, body)),
    put("/own/{id}", { path: { id: u64 }, body: Book }, ({ path, body }) => books.put(path.id, body, Problem.conflict("This ISBN is there."))),
    del("/books/{id}", { path: { id: u64 } }, ({ path }) => books.delete(path.id)),
  ],
  offers: { "a:b/c": { bring: (id, isbn) => books.put(id, { isbn, shelf: null }) } },
  follows: [follow("others", brought, (book) => books.put(9, book))],
});

/** All that the state has of tables, as texts. */
function raw(...names) {
  return names.flatMap((name) => {
    const one = table(name, text, unit);
    one.decode = (bytes) => new TextDecoder().decode(bytes);
    return one.first(100).map(([key, value]) => [`${name}/${key}`, value]);
  });
}

test("indexes follow what becomes of rows", () => {
  const guest = new TestContext(library);
  guest.run(() => {
    books.put(1, { isbn: "a", shelf: 7 });
    books.put(2, { isbn: "b", shelf: 7 });
    books.put(3, { isbn: "c", shelf: null });
    assert.deepEqual([byShelf.countOf(7), byShelf.keysOf(7, 9), byShelf.lastOf(7, 1)], [2, [1, 2], [2]]);
    books.put(1, { isbn: "d", shelf: 8 });
    assert.deepEqual([byIsbn.key("a"), byIsbn.key("d")], [undefined, 1]);
    assert.deepEqual([byShelf.keysOf(7, 9), byShelf.keysOf(8, 9)], [[2], [1]]);
    books.delete(2);
    books.delete(9);
    assert.deepEqual([byIsbn.key("b"), byShelf.countOf(7), books.count()], [undefined, 0, 2]);
  });
});

test("what an index has is stored as in Rust", () => {
  const guest = new TestContext(library);
  guest.run(() => {
    books.put(42, { isbn: "a/b", shelf: 3 });
    pairs.put([5, "x"], { isbn: "c", shelf: 1 });
    books.put(2n ** 63n, { isbn: "large", shelf: null });
    assert.deepEqual(raw("by-isbn", "by-shelf", "by-pair"), [
      ["by-isbn/a/b", "42"],
      ["by-isbn/large", '"9223372036854775808"'],
      ["by-shelf/0000000000000003/000000000000002a", "null"],
      ["by-pair/c\u00010000000000000001", '[5,"x"]'],
    ]);
    assert.deepEqual([byIsbn.key("large"), byPair.key(["c", 1])], [2n ** 63n, [5, "x"]]);
    const entries = books.entries(42, { isbn: "a/b", shelf: 3 }).map(({ key, value }) => [key, new TextDecoder().decode(value)]);
    assert.deepEqual(entries.slice(1), [["by-isbn/a/b", "42"], ["by-shelf/0000000000000003/000000000000002a", "null"]]);
    assert.throws(() => books.entry(1, { isbn: "a", shelf: null }), /entries/);
  });
  const { tables, types } = guest.description;
  assert.deepEqual(tables.map(({ name, key, value }) => [name, key, types[value].tag]), [
    ["books", ["number"], "record"],
    ["by-isbn", ["text"], "scalar"],
    ["by-shelf", ["number", "number"], "scalar"],
    ["pairs", ["number", "text"], "record"],
    ["by-pair", ["text", "number"], "tuple"],
  ]);
  assert.deepEqual(types[tables[1].value], { tag: "scalar", val: "u64" });
  assert.deepEqual(types[tables[2].value], { tag: "scalar", val: "unit" });
});

test("two rows cannot have what only one may have, however it is tried", () => {
  const guest = new TestContext(library);
  assert.equal(guest.put("/books/1", { isbn: "a", shelf: null }).status, 204);
  assert.equal(guest.put("/books/1", { isbn: "a", shelf: 1 }).status, 204, "it is its own");
  const before = guest.run(() => raw("books", "by-isbn", "by-shelf"));
  assert.equal(guest.put("/books/2", { isbn: "a", shelf: null }).status, 409);
  assert.equal(guest.put("/own/2", { isbn: "a", shelf: null }).body.detail, "This ISBN is there.");
  assert.throws(() => guest.deliver("others", "Brought", 1, { isbn: "a", shelf: null }), { name: "Reject", message: "another row has the same value in by-isbn" });
  assert.throws(() => guest.call("a:b/c", "bring", 2, "a"), { kind: "unavailable" });
  guest.run(() => {
    assert.throws(() => books.put(2, { isbn: "a", shelf: 5 }), (error) => error instanceof Taken && error.index === "by-isbn");
  });
  assert.deepEqual(guest.run(() => raw("books", "by-isbn", "by-shelf")), before);
  guest.delete("/books/1");
  assert.equal(guest.put("/books/2", { isbn: "a", shelf: null }).status, 204);
});

test("whether another row has a value is asked once", () => {
  const guest = new TestContext(library);
  guest.run(() => {
    books.put(1, { isbn: "a", shelf: null });
    const { state } = host();
    const asked = [];
    const { get } = Object.getPrototypeOf(state);
    state.get = (key) => {
      asked.push(key);
      return get.call(state, key);
    };
    assert.equal(byIsbn.isTaken(1, { isbn: "a", shelf: null }), false);
    assert.equal(byIsbn.isTaken(2, { isbn: "a", shelf: null }), true);
    assert.equal(byIsbn.isTaken(2, { isbn: "b", shelf: null }), false);
    assert.deepEqual(asked, ["by-isbn/a", "by-isbn/a", "by-isbn/b"]);
  });
});

test("what cannot be followed changes nothing", () => {
  const guest = new TestContext(library);
  guest.run(() => {
    books.put(1, { isbn: "a", shelf: 7 });
    const isbns = table("by-isbn", text, text);
    isbns.put("a", "no number");
    const before = raw("books", "by-isbn", "by-shelf");
    assert.throws(() => books.put(1, { isbn: "b", shelf: 8 }), /a record of by-isbn cannot be read/);
    assert.throws(() => books.delete(1), /a record of by-isbn cannot be read/);
    assert.throws(() => books.put(2, { isbn: "x", shelf: "no" }), /a record of books cannot be stored|a key is a whole number/);
    assert.deepEqual(raw("books", "by-isbn", "by-shelf"), before);
  });
});

test("an index that cannot be is refused when it is declared", () => {
  assert.throws(() => pairs.index("by-x", u64, () => 1), /keys of one part/);
  assert.throws(() => books.unique("by-x", text, async () => "x"), /is async/);
});
