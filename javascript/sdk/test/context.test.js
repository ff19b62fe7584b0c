/** Contexts as their authors write them, against the played host. */

import assert from "node:assert/strict";
import test from "node:test";
import * as sdk from "innkeeper-sdk";
import { Refused, TestContext } from "innkeeper-sdk/testing";

const { calls, config, context, counter, created, del, emit, emitAfter, cancel, event, Failure, follow, get, log, noContent, patch, post, Problem, record, Reject, table, text, u32, u64 } = sdk;

const Note = record({ id: u64, text, tag: sdk.optional(text) });
const notes = table("notes", u64, Note);
const hits = counter("hits", text);
const noteLeft = event("NoteLeft", Note, { subject: ({ id }) => id });
const wakeDue = event("WakeDue", record({ room: u64 }), { subject: ({ room }) => room });
const wakes = table("wakes", u64, text);
const payments = calls("stay:payment/payments");
const settings = config({ greeting: text.or("hello"), most: u32.or(3) });

function leave({ body }) {
  const note = { id: notes.nextId(), ...body };
  notes.put(note.id, note);
  hits.add("notes", 1);
  emit(noteLeft, note);
  return created(`/notes/${note.id}`, note);
}

const desk = context({
  summary: "Notes left at the desk.",
  calls: [payments],
  offers: {
    "stay:desk/keys": {
      take(room) {
        if (room > 9) throw new Failure("taken", "It is gone.");
        notes.put(room, { id: room, text: "key", tag: null });
        return room;
      },
      giveBack: (room) => notes.delete(room),
    },
  },
  compensations: { "stay:desk/keys": { take: "giveBack" } },
  tables: [notes, hits, wakes],
  routes: [
    post("/notes", { body: record({ text: text.upTo(20), tag: sdk.optional(text) }) }, leave),
    get("/notes", { paging: true }, ({ paging }) => notes.page(paging)),
    get("/notes/{id}", { path: { id: u64 } }, ({ path }) => notes.find(path.id, Problem.notFound(`There is no note ${path.id}.`))),
    del("/notes/{id}", { path: { id: u64 } }, ({ path }) => notes.delete(path.id)),
    get("/hits", () => hits.get("notes")),
    get("/search", { query: { word: text, most: u32.or(7) } }, ({ query }) => query),
    get("/greeting", () => settings.read()),
    get("/fails", () => undefined.nothing),
    get("/smuggles", () => table("others", u64, u64).put(1, 1)),
    post("/pay/{id}", { path: { id: u64 } }, ({ path }) => {
      const paid = payments.approve(path.id, 1);
      if (path.id === 13) throw Problem.conflict("Not that one.");
      return { paid };
    }),
    patch("/rooms/{room}/wake", { path: { room: u64 } }, ({ path }) => {
      if (wakes.has(path.room)) cancel(wakes.get(path.room));
      wakes.put(path.room, emitAfter(60_000, wakeDue, { room: path.room }));
      return noContent();
    }),
  ],
  publishes: [noteLeft, wakeDue],
  follows: [
    follow("isbn", event("TitleChanged", record({ id: u64, title: text })), ({ id, title }, { subject }) => {
      if (title === "") throw new Reject("the title is empty");
      if (title === "boom") throw new Error("boom");
      notes.put(id, { id, text: `${title} of ${subject}`, tag: null });
    }),
  ],
  config: settings,
});

test("what a request stages is committed when its status is below 400, and not otherwise", () => {
  const guest = new TestContext(desk, "desk");
  const reply = guest.post("/notes", { text: "Wake me at six." });
  assert.deepEqual([reply.status, reply.headers.location], [201, "/notes/1"]);
  assert.deepEqual(guest.get("/notes/1").body, { id: 1, text: "Wake me at six.", tag: null });
  assert.deepEqual(guest.events().map(({ kind, subject }) => [kind, subject]), [["NoteLeft", "1"]]);
  assert.equal(guest.get("/hits").body, 1);
  assert.deepEqual(guest.get("/notes/7").body.detail, "There is no note 7.");
  assert.equal(guest.delete("/notes/1").status, 204);
  assert.equal(guest.get("/notes").body.total, 0);
});

test("a request that does not fit is answered before its handler runs, and says where", () => {
  const guest = new TestContext(desk, "desk");
  const pointer = (body) => {
    const reply = guest.post("/notes", body);
    return [reply.status, reply.body.errors?.[0].pointer];
  };
  assert.deepEqual(pointer("{"), [400, undefined]);
  assert.deepEqual(pointer([]), [422, ""]);
  assert.deepEqual(pointer({}), [422, ""]);
  assert.deepEqual(pointer({ text: 7 }), [422, "/text"]);
  assert.deepEqual(pointer({ text: " " }), [422, "/text"]);
  assert.deepEqual(pointer({ text: "x".repeat(21) }), [422, "/text"]);
  assert.deepEqual(pointer({ text: "x", id: 1 }), [422, "/id"]);
  assert.equal(guest.get("/notes/x").status, 400);
  assert.equal(guest.get("/notes/01").status, 400);
  assert.equal(guest.get("/notes?size=0").status, 400);
  assert.deepEqual(guest.get("/search?word=a").body, { word: "a", most: 7 });
  for (const path of ["/search", "/search?word=a&word=b", "/search?word=a&most=x", "/search?word=a&other=1"]) {
    assert.equal(guest.get(path).status, 400, path);
  }
});

test("pages are those of Rust: from either end, and with links", () => {
  const guest = new TestContext(desk, "desk");
  for (let id = 1; id <= 25; id += 1) {
    guest.post("/notes", { text: `note ${id}` });
    if (id % 5 === 0) guest.delete(`/notes/${id - 1}`);
  }
  const ids = (query) => guest.get(`/notes?${query}`).body.items.map(({ id }) => id);
  assert.deepEqual(ids("size=3"), [1, 2, 3]);
  assert.deepEqual(ids("page=1&size=3"), [5, 6, 7]);
  assert.deepEqual(ids("page=5&size=3"), [20, 21, 22]);
  assert.deepEqual(ids("page=6&size=3"), [23, 25]);
  assert.deepEqual(ids("page=7&size=3"), []);
  assert.deepEqual(ids("after=22&size=9"), [23, 25]);
  const { headers, body } = guest.get("/notes?page=1&size=3");
  assert.deepEqual([body.page, body.size, body.total], [1, 3, 20]);
  assert.equal(
    headers.link,
    '</notes?page=0&size=3>; rel="first", </notes?page=0&size=3>; rel="prev", </notes?after=7&size=3>; rel="next", </notes?page=6&size=3>; rel="last"',
  );
});

test("an exception is a problem or a retry, never a trap, and the log says what it was", () => {
  const guest = new TestContext(desk, "desk");
  const reply = guest.get("/fails");
  assert.deepEqual([reply.status, reply.body.title], [500, "Internal Server Error"]);
  const [{ level, message }] = guest.logs();
  assert.equal(level, "critical");
  assert.match(message, /GET \/fails: TypeError/);
  const ends = (title) => {
    try {
      guest.deliver("isbn", "TitleChanged", "3", { id: 3, title });
      return "done";
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  };
  assert.equal(ends("Dune"), "done");
  assert.equal(guest.get("/notes/3").body.text, "Dune of 3");
  assert.equal(ends(""), "Reject: the title is empty");
  assert.equal(ends("boom"), "Retry: boom");
  assert.match(ends(7), /^Reject: the data of TitleChanged cannot be read: title: /);
  assert.throws(() => guest.deliver("isbn", "Other", "3", {}), Reject);
});

test("what the context does not describe ends the invocation", () => {
  const guest = new TestContext(desk, "desk");
  assert.throws(() => guest.get("/smuggles"), Refused);
});

test("calls are undone where their caller does not commit", () => {
  const guest = new TestContext(desk, "desk");
  guest.answer("stay:payment/payments", "approve", (rsv) => {
    if (rsv === 7) throw new Failure("declined", "No.");
    return rsv * 10;
  });
  assert.deepEqual(guest.post("/pay/4", undefined).body, { paid: 40 });
  assert.deepEqual(guest.calls(), [{ function: "stay:payment/payments#approve", parameters: [4, 1], isDone: true, undone: false }]);
  assert.equal(guest.post("/pay/13").status, 409);
  assert.equal(guest.calls()[0].undone, true);
  assert.equal(guest.post("/pay/7").status, 500);
  assert.equal(guest.calls()[0].undone, false);
});

test("what is offered answers its ok value, or a case of its error", () => {
  const guest = new TestContext(desk, "desk");
  assert.equal(guest.call("stay:desk/keys", "take", 4), 4);
  assert.throws(() => guest.call("stay:desk/keys", "take", 10), (error) => error.kind === "taken" && error.value === "It is gone.");
  assert.equal(guest.get("/notes").body.total, 1);
  guest.call("stay:desk/keys", "give-back", 4);
  assert.equal(guest.get("/notes").body.total, 0);
  const [compensation] = desk.describe({ "stay:desk/keys": "stay:desk/keys@0.1.0" }).compensations;
  assert.deepEqual(compensation, { function: "stay:desk/keys@0.1.0#take", undo: "stay:desk/keys@0.1.0#give-back" });
});

test("timers fire once their time has come, unless they were cancelled", () => {
  const guest = new TestContext(desk, "desk");
  guest.patch("/rooms/7/wake", undefined);
  guest.advance(30_000);
  guest.patch("/rooms/7/wake", undefined);
  guest.advance(59_000);
  assert.deepEqual(guest.events(), []);
  guest.advance(1_000);
  assert.deepEqual(guest.events().map(({ kind, data }) => [kind, data]), [["WakeDue", { room: 7 }]]);
});

test("the configuration is typed, and looked at before the context serves", () => {
  const guest = new TestContext(desk, "desk");
  assert.deepEqual(guest.get("/greeting").body, { greeting: "hello", most: 3 });
  guest.configure("most", "5");
  assert.deepEqual([guest.notReady(), guest.get("/greeting").body.most], [undefined, 5]);
  guest.configure("most", "many");
  assert.equal(guest.notReady(), "the configuration cannot be used: most is not a whole number");
  guest.configure("most", "-1");
  assert.equal(guest.notReady(), "the configuration cannot be used: most is not a whole number (u32)");
  guest.configure("most", "5");
  guest.configure("mots", "5");
  assert.match(guest.notReady(), /nobody reads mots/);
});

test("what is logged is a line, whatever it is", () => {
  const guest = new TestContext(context({ summary: "x" }));
  const ring = {};
  ring.self = ring;
  guest.run(() => log.warn("a", 7, { b: 1 }, ring, undefined, Object.create(null), 1n));
  guest.run(() => log.error(new TypeError("on purpose")));
  const [one, other] = guest.logs();
  assert.deepEqual([one.level, one.message], ["warn", 'a 7 {"b":1} [object Object] undefined {} 1']);
  assert.equal(other.level, "error");
  assert.match(other.message, /^TypeError: on purpose/);
});

test("what cannot be declared is said at once", () => {
  assert.throws(() => context({ summary: "x", rotues: [] }), /rotues/);
  assert.throws(() => context({}), /summary/);
  assert.throws(() => get("/a/{id}", { path: { di: u64 } }, () => 1), /\{di\}/);
  assert.throws(() => context({ summary: "x", routes: [get("/a", async () => 1)] }), /async/);
  assert.throws(() => table("a/b", u64, u64), /without `\/`/);
  assert.throws(() => table("a", s64OfKeys(), u64), /a key is/);
  function s64OfKeys() {
    return sdk.s64;
  }
});

test("rows of another schema are migrated by what the context says", () => {
  const old = table("entries", u64, record({ text }));
  const fresh = table("counted", u64, record({ text, words: u64 }));
  const moved = context({
    summary: "Counts.",
    tables: [fresh],
    schema: {
      number: 1,
      migrate: (_, entry) => {
        if (!old.holds(entry)) return [entry];
        const { text: said } = old.read(entry);
        return [fresh.entry(old.keyOf(entry), { text: said, words: said.split(" ").length })];
      },
    },
  });
  const guest = new TestContext(moved);
  assert.deepEqual(guest.schema(), { number: 1, reads: [], rebuild: false });
  const [[entry]] = guest.migrate(0, [old.entry(7, { text: "two words" })]);
  assert.deepEqual([fresh.keyOf(entry), fresh.read(entry)], [7, { text: "two words", words: 2 }]);
});

test("a list in a path or a query stands between commas", () => {
  const { f64, list, oneOf, optional } = sdk;
  const query = { tags: list(text), sizes: optional(list(f64)), kinds: list(oneOf("a", "b")).or(["a"]) };
  const guest = new TestContext(
    context({ summary: "Lists.", routes: [get("/lists/{ids}", { path: { ids: list(u64) }, query }, ({ path, query: found }) => ({ ...path, ...found }))] }),
  );
  assert.deepEqual(guest.get("/lists/1,2?tags=x,%20y%20,,z&sizes=0.5&kinds=b,a").body, { ids: [1, 2], tags: ["x", "y", "z"], sizes: [0.5], kinds: ["b", "a"] });
  assert.deepEqual(guest.get("/lists/7?tags=").body, { ids: [7], tags: [], sizes: null, kinds: ["a"] });
  for (const path of ["/lists/1?sizes=1", "/lists/1,x?tags=", "/lists/1?tags=&sizes=1,x", "/lists/1?tags=&kinds=a,c", "/lists/1?tags=a&tags=b"]) {
    assert.equal(guest.get(path).status, 400, path);
  }
  assert.match(guest.get("/lists/1,x?tags=").body.detail, /"1,x" is not a whole number, or several with commas between them/);
});

test("what has no text cannot be in a path or a query", () => {
  const { list, map, optional, tuple, unit, variant } = sdk;
  const without = [Note, tuple(u64, u64), map(text, u64), unit, list(list(u64)), list(Note), optional(tuple(u64)), variant({ all: null, some: u64 }), undefined];
  for (const type of without) {
    assert.throws(() => get("/a/{x}", { path: { x: type } }, () => null), /GET \/a\/\{x\}: x cannot be in the path/);
    assert.throws(() => get("/a", { query: { x: type } }, () => null), /GET \/a: x cannot be in the query/);
  }
  for (const type of [text, sdk.char, sdk.bytes, sdk.bool, sdk.s128, sdk.f32, sdk.big(u64), text.upTo(3), variant({ all: null }), optional(optional(u64))]) {
    for (const one of [type, list(type), optional(type), optional(list(type))]) get("/a/{x}", { path: { x: one }, query: { y: one } }, () => null);
  }
});
