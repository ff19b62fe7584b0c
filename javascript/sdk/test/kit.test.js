/** The played host refuses what the real one does, and gives what it gives. */

import assert from "node:assert/strict";
import test from "node:test";
import * as sdk from "innkeeper-sdk";
import { Refused, TestContext } from "innkeeper-sdk/testing";
import { schema } from "../src/component.js";
import { answerBy } from "../src/host.js";

const { answer, big, context, counter, emit, emitAfter, event, get, ok, post, Problem, record, s64, table, text, u64 } = sdk;

const rows = table("rows", text, u64);
const pairs = table("pairs", [text, u64], u64);
const sums = counter("sums", text);
const wide = counter("wide", text, big(s64));
const said = event("Said", record({ subject: text }), { subject: ({ subject }) => subject });
const DAY = 24 * 60 * 60 * 1000;

const kept = context({
  summary: "Keeps.",
  tables: [rows, pairs, sums, wide],
  publishes: [said],
  routes: [
    get("/q", { query: { a: text } }, ({ query }) => query),
    get("/files/{*rest}", ({ path }) => path.rest),
    get("/early", () => answer(103)),
    get("/cookies", () => ok({ a: 1 }, { "Set-Cookie": ["a=1", "b=2"], "x-one": ["only"], "x-none": [], "x-number": 7 })),
    post("/notes", { body: record({ n: u64 }) }, ({ body }) => body),
  ],
});

test("a query is all that stands behind the first question mark", () => {
  const guest = new TestContext(kept);
  assert.deepEqual(guest.get("/q?a=a?b?c").body, { a: "a?b?c" });
  assert.deepEqual(guest.get("/q?a=").body, { a: "" });
  assert.equal(guest.get("/q").status, 400);
});

test("a HEAD is answered where a GET is, without the body", () => {
  const guest = new TestContext(kept);
  const head = guest.request("HEAD", "/cookies");
  assert.deepEqual([head.status, head.body, head.headers["content-type"]], [200, undefined, "application/json"]);
  assert.equal(guest.request("HEAD", "/notes").status, 404);
});

test("a path that is none, or leads elsewhere, and a body of another kind are answered by the host", () => {
  const guest = new TestContext(kept);
  for (const path of ["/files/../a", "/files/./a", "/files/%2e%2e/a", "/files/a%2f..", "/files/a\\b", "/files/%5c..", "/files/%zz", "/files/%ff"]) assert.equal(guest.get(path).status, 400, path);
  assert.equal(guest.get("/files/").status, 404);
  assert.equal(guest.get("/files/a/..b").body, "a/..b");
  const sentAs = (type) => guest.post("/notes", '{"n":1}', { headers: { "Content-Type": type } }).status;
  assert.deepEqual(["application/json", "Application/JSON; charset=utf-8"].map(sentAs), [200, 200]);
  assert.deepEqual(["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"].map(sentAs), [415, 415, 415]);
  const same = ["application/json", "Application/JSON; charset=utf8", "application/json;charset=\"UTF-8\"", "application/json ; version=1", "application/json; charset=us-ascii; x"];
  assert.ok(same.map(sentAs).every((status) => status !== 415), `${same.map(sentAs)}`);
  assert.equal(guest.post("/notes", { n: 1 }).status, 200);
});

test("what is too long, too far ahead, or no answer ends the invocation", () => {
  const guest = new TestContext(kept);
  const fits = [
    () => rows.put("k".repeat(1024 - "rows/".length), 1), () => emit(said, { subject: "é".repeat(512) }), () => emitAfter(400 * DAY, said, { subject: "" }),
    () => wide.add("a", 2n ** 63n - 1n),
  ];
  for (const run of fits) guest.run(run);
  const unfit = [
    () => rows.put("k".repeat(1025 - "rows/".length), 1), () => sums.add("é".repeat(512), 1), () => emit(said, { subject: "é".repeat(513) }), () => emitAfter(400 * DAY + 1, said, { subject: "" }),
    () => wide.add("a", 1),
  ];
  for (const run of unfit) assert.throws(() => guest.run(run), Refused, `${run}`);
  assert.throws(() => guest.get("/early"), Refused);
  for (const milliseconds of [NaN, -1, "7"]) assert.throws(() => guest.advance(milliseconds), TypeError);
});

test("a name may have several headers, and what is no header is an exception", () => {
  const guest = new TestContext(kept);
  const { headers, headerList } = guest.get("/cookies");
  assert.deepEqual(headers, { "set-cookie": "a=1, b=2", "x-one": "only", "x-number": "7", "content-type": "application/json" });
  assert.deepEqual(headerList.filter(([name]) => name === "set-cookie"), [["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  const bad = [{ location: undefined }, { a: null }, { a: {} }, { a: ["b", undefined] }, { a: "b\r\nc: d" }, { a: ["b\nc"] }, { "a b": "c" }, { "a\n": "c" }, { "": "c" }, { a: "\0" }, { a: "Zoë" }, { a: Symbol("b") }, { a: [["b"]] }];
  for (const headers of bad) {
    const odd = context({ summary: "x", routes: [get("/a", () => ok({}, headers)), get("/b", () => { throw new Problem(400, "x", { headers }); })] });
    const other = new TestContext(odd);
    assert.deepEqual(["/a", "/b"].map((path) => other.get(path).status), [500, 500], JSON.stringify(headers));
    assert.match(other.logs()[0].message, /header/);
  }
  for (const seconds of [NaN, undefined, Infinity, "soon"]) assert.throws(() => Problem.unavailable("Later.", seconds), RangeError);
  const waits = [7, 1.5, -1].map((seconds) => Problem.unavailable("Later.", seconds).headers["retry-after"]);
  assert.deepEqual(waits, ["7", "2", "0"]);
});

test("a limit is a whole number, and none, or less, is no rows", () => {
  const guest = new TestContext(kept);
  guest.run(() => {
    for (const key of ["a", "b", "c"]) rows.put(key, 1);
    for (const id of [1, 2, 3]) pairs.put(["a", id], 1);
  });
  const reads = [(n) => rows.first(n), (n) => rows.last(n), (n) => rows.after("a", n), (n) => rows.range("a", "z", n), (n) => pairs.of("a", n), (n) => pairs.lastOf("a", n)];
  for (const read of reads) {
    assert.deepEqual([0, -1, -1e9].map((limit) => guest.run(() => read(limit))), [[], [], []]);
    assert.equal(guest.run(() => read(2)).length, 2);
    assert.ok(guest.run(() => read(2 ** 40)).length >= 2, "there are never so many");
    for (const limit of [NaN, 1.5, Infinity, "2", undefined, null, 2n]) assert.throws(() => guest.run(() => read(limit)), /a limit is a whole number/);
  }
  for (const wanted of [{ size: NaN }, { size: 0 }, { size: 1.5 }, { size: "7" }, { page: -1 }, { page: 0.5 }, { page: null }]) assert.throws(() => new sdk.Paging(wanted), RangeError);
  for (const most of [NaN, 0, -1, 1.5, "7", undefined]) assert.throws(() => text.upTo(most), TypeError);
});

test("the number of a schema is one that the host takes, on each engine", () => {
  for (const number of [-1, 1.5, NaN, 2 ** 32, "1", null]) {
    if (number !== null) assert.throws(() => context({ summary: "x", schema: { number } }), /a schema is a whole number/);
    assert.throws(() => context({ summary: "x", schema: { number: 1, reads: [0, number] } }), /a schema is a whole number/);
  }
  const late = context({ summary: "x", schema: { number: 2 ** 32 - 1, reads: [3_000_000_000] } });
  assert.deepEqual(new TestContext(late).schema(), { number: 2 ** 32 - 1, reads: [3_000_000_000], rebuild: false });
  const before = answerBy({ takesSigned: true });
  try {
    assert.deepEqual(schema(late), { number: -1, reads: [3_000_000_000 | 0], rebuild: false });
  } finally {
    answerBy(before);
  }
});

test("the subject of an event is a text or a whole number, and whatever else is staged by a name has one", () => {
  const subjects = { typo: undefined, nothing: null, object: {}, list: ["a"], flag: true, half: 0.5, odd: NaN, date: new Date(0) };
  for (const [name, subject] of Object.entries(subjects)) {
    const odd = event("Odd", record({}), { subject: () => subject });
    const guest = new TestContext(context({ summary: "x", publishes: [odd] }));
    for (const stage of [() => emit(odd, {}), () => emitAfter(1, odd, {})]) assert.throws(() => guest.run(stage), /the subject of Odd is a text or a whole number, not/, name);
    assert.deepEqual([guest.events(), guest.timers()], [[], []]);
  }
  for (const subject of ["", "a", 0, -7, 2n ** 64n]) {
    const fine = event("Fine", record({}), { subject: () => subject });
    const guest = new TestContext(context({ summary: "x", publishes: [fine] }));
    guest.run(() => emit(fine, {}));
    assert.equal(guest.events()[0].subject, String(subject));
  }
  for (const kind of [undefined, null, {}, 7, ""]) assert.throws(() => event(kind, record({})), /the kind of an event is a text/);
  assert.throws(() => sdk.follow(undefined, said, () => {}), /whom a context follows/);
  for (const id of [undefined, null, 7, {}]) assert.throws(() => new TestContext(kept).run(() => sdk.cancel(id)), /a timer is cancelled by the id/);
  for (const key of [undefined, null, {}, 7, ["a"]]) assert.throws(() => new TestContext(kept).run(() => rows.get(key)), /a key is a text here/);
});

test("a counter can hold more than a number can say", () => {
  const guest = new TestContext(kept);
  const most = Number.MAX_SAFE_INTEGER;
  assert.deepEqual(guest.run(() => [sums.get("a"), wide.get("a")]), [0, 0n]);
  guest.run(() => [sums, wide].forEach((one) => [most, most, -7].forEach((delta) => one.add("a", delta))));
  assert.equal(guest.run(() => wide.get("a")), 2n * BigInt(most) - 7n);
  for (const read of [() => sums.get("a"), () => sums.first(1), () => sums.find("a")]) assert.throws(() => guest.run(read), /declare it as counter\("sums", …, big\(s64\)\)/);
  for (const delta of [2n ** 62n + 3n, -(2n ** 63n), -5n, 2n ** 53n]) {
    const one = new TestContext(kept);
    one.run(() => wide.add("b", delta));
    assert.equal(one.run(() => wide.get("b")), delta);
    assert.throws(() => one.run(() => sums.add("b", delta)), /a whole number is added/);
  }
  for (const delta of [2n ** 63n, 0.5, NaN, 2 ** 53, "1", undefined]) assert.throws(() => guest.run(() => wide.add("b", delta)), /is added, not/);
  assert.throws(() => counter("odd", text, u64), /s64/);
});

test("a body with an integer beyond 2^53 is told up to where", () => {
  const { status, body } = new TestContext(kept).post("/notes", '{"n":9007199254740993}');
  assert.equal(status, 422);
  assert.match(body.detail, /expected a whole number \(u64, up to 2\^53\)/);
});
