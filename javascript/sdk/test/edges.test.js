/** Whatever a context returns or throws, and whatever a client sends: the host gets an answer of the contract. */

import assert from "node:assert/strict";
import test from "node:test";
import * as sdk from "innkeeper-sdk";
import { Refused, TestContext } from "innkeeper-sdk/testing";
import { live, offers, onEvent, ready, web } from "../src/component.js";
import { answerBy } from "../src/host.js";

const { answer, big, bytes, calls, config, context, emit, event, Failure, follow, get, list, map, ok, optional, post, Problem, record, Reject, Retry, table, text, u32, u64, u8 } = sdk;

const unreadable = Object.create(null);
const hostile = new Proxy(new Error("x"), {
  get() {
    throw new TypeError("not even that");
  },
});

/** What may be thrown that is no end of the contract's. */
const THROWN = [new TypeError("boom"), "a text", undefined, null, 7n, Symbol("s"), unreadable, hostile, { tag: "declined" }, { tag: "reject", val: "mine" }, { payload: { tag: "declined" } }, new Failure("declined", "No."), [], () => 1];

/** What stands for a promise: of an async function, of any library, and one that is rejected. */
const PROMISES = [() => Promise.resolve({ a: 1 }), () => Promise.reject(new Error("later")), () => ({ then: (done) => done(1) })];

/** The imports that a component has, as far as these need them. */
function served(run) {
  const lines = [];
  const before = answerBy({ logging: { log: (...line) => lines.push(line) }, config: { getAll: () => [] }, calls: {} });
  try {
    return [run(), lines];
  } finally {
    answerBy(before);
  }
}

function thrownBy(run) {
  try {
    run();
  } catch (error) {
    return { error };
  }
  return undefined;
}

const request = { method: "GET", route: "/a", path: "/a", parameters: [], query: [], headers: [], body: new Uint8Array() };
const heard = event("Heard", record({}));
const delivered = { id: "1", kind: "Heard", source: "other", subject: "", time: 0, contentType: "application/json", data: new TextEncoder().encode("{}"), extensions: [] };

function throwing(thrown) {
  return () => {
    throw thrown;
  };
}

test("whatever is thrown is an answer of the contract, and is in the log", () => {
  for (const [place, thrown] of THROWN.entries()) {
    const what = `what is thrown at ${place}`;
    const odd = context({
      summary: "Throws.",
      routes: [get("/a", throwing(thrown))],
      follows: [follow("other", heard, throwing(thrown))],
      offers: { "a:b/c": { run: throwing(thrown) } },
      ready: throwing(thrown),
      live: throwing(thrown),
    });
    const [response, lines] = served(() => web(odd, request));
    assert.equal(response.status, 500, what);
    assert.equal(lines.length, 1, what);
    const [end] = served(() => thrownBy(() => onEvent(odd, delivered)));
    assert.deepEqual([Object.keys(end.error), end.error.tag, typeof end.error.val], [["tag", "val"], "retry", "string"], what);
    const known = { "a:b/c": { run: { errors: { taken: "string", unavailable: "string" } } } };
    const [failure] = served(() => thrownBy(() => offers(odd, "a:b/c", known).run()));
    assert.deepEqual([failure.error.tag, typeof failure.error.val], ["unavailable", "string"], what);
    for (const check of [ready, live]) {
      const [reason] = served(() => thrownBy(() => check(odd)));
      assert.equal(typeof reason.error, "string", what);
    }
  }
});

test("a promise is an exception, wherever it is returned", () => {
  for (const promise of PROMISES) {
    const odd = context({
      summary: "Promises.",
      routes: [get("/a", promise), get("/b", () => ok(promise())), get("/c", () => ({ deep: [promise()] }))],
      follows: [follow("other", heard, promise)],
      offers: { "a:b/c": { run: promise } },
      ready: promise,
      live: promise,
      schema: { number: 1, migrate: promise },
    });
    const guest = new TestContext(odd);
    for (const path of ["/a", "/b", "/c"]) assert.equal(guest.get(path).status, 500, path);
    assert.throws(() => guest.deliver("other", "Heard", "", {}), Retry);
    assert.throws(() => guest.call("a:b/c", "run"), (error) => error.kind === "unavailable" && /promise/.test(error.value));
    assert.match(guest.notReady(), /promise/);
    assert.match(guest.notLive(), /promise/);
    const migrated = thrownBy(() => guest.migrate(0, [{ key: "a/b", value: new Uint8Array() }]));
    assert.match(String(migrated.error), /promise/);
  }
  assert.throws(() => new TestContext(context({ summary: "x" })).run(async () => 1), /promise/);
  const later = async () => 1;
  const declared = [
    { routes: [get("/a", later)] }, { follows: [follow("a", heard, later)] }, { offers: { "a:b/c": { later } } }, { ready: later }, { live: later },
    { schema: { number: 1, migrate: later } }, { publishes: [event("A", record({}), { subject: later })] }, { routes: [get("/a", function* () {})] },
  ];
  for (const parts of declared) assert.throws(() => context({ summary: "x", ...parts }), /async/);
});

test("what an answer is made of is looked at where an exception is still one", () => {
  const statuses = ["ok", 99, 600, 200.5, NaN, undefined];
  const odd = context({
    summary: "Answers.",
    routes: [
      get("/status/{which}", { path: { which: u8 } }, ({ path }) => answer(statuses[path.which], {})),
      get("/headers", () => answer(200, "x", { "Content-Type": "text/plain", "X-Number": 7, "X-Odd": unreadable })),
      get("/problem", () => {
        throw new Problem(503, "Later.", { headers: { "Retry-After": 5 }, errors: [{ pointer: "/a", detail: 2n ** 60n }] });
      }),
      get("/broken-problem", () => {
        throw new Problem(422, "x", { errors: [{ toJSON: () => undefined.nothing }] });
      }),
      get("/bytes", () => ({ bytes: new Uint8Array([0, 255, 16]), large: 2n ** 64n - 1n, map: new Map([[7, [new Uint8Array([1])]]]) })),
      get("/buffer", () => ok({ bytes: Buffer.from([0, 255, 16]) })),
      get("/raw", () => answer(200, new Uint8Array([1, 2]), { "content-type": "image/png" })),
      get("/changed-answer", () => Object.assign(ok({}), { status: 99 })),
      get("/changed-problem", () => {
        throw Object.assign(Problem.notFound("x"), { status: "odd" });
      }),
    ],
  });
  for (const place of statuses.keys()) {
    const [response] = served(() => web(odd, { ...request, route: "/status/{which}", parameters: [["which", `${place}`]] }));
    assert.equal(response.status, 500, `${statuses[place]}`);
  }
  const at = (route) => served(() => web(odd, { ...request, route }))[0];
  for (const route of ["/headers", "/problem"]) {
    for (const [name, value] of at(route).headers) assert.deepEqual([name.toLowerCase(), typeof value], [name, "string"]);
  }
  assert.deepEqual([at("/problem").status, at("/broken-problem").status], [503, 500]);
  assert.deepEqual([at("/changed-answer").status, at("/changed-problem").status], [500, 500]);
  const body = (route) => new TextDecoder().decode(at(route).body);
  assert.equal(body("/bytes"), '{"bytes":"AP8Q","large":18446744073709551615,"map":{"7":["AQ=="]}}');
  assert.equal(body("/buffer"), '{"bytes":"AP8Q"}');
  assert.deepEqual(at("/raw").body, new Uint8Array([1, 2]));
});

test("no name that a client sends is taken for what every object has", () => {
  const names = Object.getOwnPropertyNames(Object.prototype);
  const odd = context({
    summary: "Names.",
    tables: [table("kept", text, u8)],
    routes: [
      get("/query", { query: { word: optional(text) } }, ({ query }) => query),
      get("/plain", ({ request: { query } }) => query.length),
      post("/body", { body: record({ word: optional(text), counts: map(text, u8).or(new Map()) }) }, ({ body }) => body),
      get("/path/{name}", ({ path }) => path.name),
      get("/odd/{constructor}", ({ path }) => path.constructor),
    ],
  });
  const guest = new TestContext(odd);
  for (const name of names) {
    assert.equal(guest.get(`/query?${name}=1`).status, 400, name);
    assert.equal(guest.post("/body", `{"${name}":1}`).status, 422, name);
    assert.equal(guest.post("/body", `{"counts":{"${name}":1}}`).status, 200, name);
    assert.equal(guest.get(`/path/${name}`).body, name);
    assert.equal(guest.get("/path/a", { headers: { [name]: "1" } }).status, 200, name);
  }
  assert.equal(guest.get("/odd/7").body, "7");
});

test("what a client sends is read or answered below 500, whatever it is", () => {
  const odd = context({
    summary: "Reads.",
    tables: [table("notes", u64, record({}))],
    routes: [
      get("/u64/{id}", { path: { id: u64 } }, ({ path }) => path),
      get("/big/{id}", { path: { id: big(u64) } }, ({ path }) => path),
      get("/float", { query: { x: sdk.f64 } }, ({ query }) => query),
      get("/notes", { paging: true }, ({ paging }) => table("notes", u64, record({})).page(paging)),
      post("/body", { body: record({ n: big(u64).or(0n), x: sdk.f32.or(0) }) }, ({ body }) => body),
    ],
  });
  const guest = new TestContext(odd);
  const status = (path) => guest.get(path).status;
  for (const id of ["9007199254740993", "18446744073709551615"]) {
    assert.equal(status(`/u64/${id}`), 400);
    assert.equal(guest.get(`/big/${id}`).body.id, BigInt(id));
    assert.equal(guest.post("/body", `{"n":${id}}`).body.n, BigInt(id));
  }
  for (const id of ["18446744073709551616", "-1", "01", "0x1", "1e3", "1n", "", " 1", "9".repeat(5000)]) {
    assert.ok([400, 404].includes(status(`/big/${encodeURIComponent(id)}`)), id);
  }
  for (const x of ["NaN", "Infinity", "0x10", "1e400", "", "1_0"]) assert.equal(status(`/float?x=${x}`), 400, x);
  assert.equal(guest.get("/float?x=-1.5e3").body.x, -1500);
  for (const json of ['{"x":1e300}', '{"x":1e400}', '{"n":"7"}', '{"n":1.5}', `{"n":${"9".repeat(100_000)}}`]) {
    assert.equal(guest.post("/body", json).status, 422, json.slice(0, 20));
  }
  assert.ok(guest.post("/body", { n: "x".repeat(100_000) }).body.detail.length < 300, "a long text is not repeated");
  for (const [query, wanted] of [["page=4294967295", 200], ["page=4294967296", 400], ["after=18446744073709551615", 200], ["after=18446744073709551616", 400], ["size=101", 400]]) {
    assert.equal(status(`/notes?${query}`), wanted, query);
  }
  assert.equal(guest.get("/notes?after=18446744073709551615").body.after, 2n ** 64n - 1n);
});

test("what lies too deep in each other is no JSON, wherever it comes from, as in Rust", () => {
  const deep = (levels) => `{"deep":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  const nested = (levels) => (levels === 0 ? text : list(nested(levels - 1)));
  const Deep = record({ deep: nested(126) });
  const guest = new TestContext(context({
    summary: "Reads.",
    routes: [post("/deep", { body: Deep }, () => "read"), post("/flat", { body: record({ flat: list(list(text)) }) }, ({ body }) => body.flat.length)],
    follows: [follow("other", event("Deep", Deep), () => {})],
  }));
  assert.equal(guest.post("/deep", deep(127)).body, "read");
  guest.deliver("other", "Deep", "", deep(127), { contentType: "application/vnd.test+json" });
  for (const levels of [128, 100_000]) {
    const reply = guest.post("/deep", deep(levels));
    assert.deepEqual([reply.status, /127 deep/.test(reply.body.detail)], [400, true]);
    assert.throws(() => guest.deliver("other", "Deep", "", deep(levels), { contentType: "application/vnd.test+json" }), (error) => error instanceof Reject && /127 deep/.test(error.message));
  }
  assert.equal(guest.post("/flat", { flat: Array.from({ length: 1000 }, () => ["]", "["]) }).body, 1000);
});

test("no half of a surrogate pair reaches the host", () => {
  const half = "half \ud800";
  const halved = event("Halved", record({}), { subject: () => half });
  const odd = context({
    summary: "Halves.",
    publishes: [halved],
    routes: [
      get("/e", () => emit(halved, {})),
      get("/a", throwing(new TypeError(half))),
      get("/b", () => answer(200, half, { "content-type": half, [half]: half })),
      get("/c", throwing(new Problem(400, half, { headers: { a: half } }))),
      get("/d", () => sdk.log.info(half, { half })),
    ],
    follows: [follow("other", heard, throwing(new Retry(half)))],
    offers: {
      "a:b/c": { run: throwing(new TypeError(half)), fail: throwing(new Failure("taken", half)), answer: () => [half], count: throwing(new Failure("count", 2 ** 60)) },
    },
    ready: throwing(half),
    live: throwing(new Error(half)),
  });
  const given = [
    ...["/a", "/b", "/c", "/d"].map((route) => served(() => web(odd, { ...request, route }))),
    served(() => thrownBy(() => onEvent(odd, delivered))),
    ...["run", "fail", "answer", "count"].map((name) => served(() => thrownBy(() => offers(odd, "a:b/c")[name]()))),
    ...[ready, live].map((check) => served(() => thrownBy(() => check(odd)))),
  ];
  const texts = (value) => (typeof value === "string" ? [value] : value === null || typeof value !== "object" || ArrayBuffer.isView(value) ? [] : Object.values(value).flatMap(texts));
  const all = texts(given);
  assert.ok(all.filter((one) => one.includes("half \ufffd")).length > 8, "they are told with U+FFFD");
  for (const one of all) assert.ok(one.isWellFormed(), JSON.stringify(one));
  for (const [{ error }] of given.slice(5, 9)) assert.equal(error.tag, "unavailable");
  const guest = new TestContext(odd);
  guest.get("/e");
  assert.equal(guest.events()[0].subject, "half \ufffd");
});

test("who has signed in is behind what is asked, and a token says no more than the manifest names", () => {
  const seen = [];
  const look = () => {
    const { identity } = sdk.invocation;
    seen.push(identity?.subject);
    return identity;
  };
  const guest = new TestContext(context({
    summary: "Who asks.",
    routes: [
      post("/notes", () => {
        const signer = sdk.invocation.requireIdentity();
        if (!signer.hasScope("write")) throw new Problem(403, "This needs the scope `write`.");
        return { by: signer.subject, of: signer.issuer, room: signer.claim("room"), other: signer.claim("constructor") ?? "nothing" };
      }),
      get("/notes", () => void look()),
    ],
    follows: [follow("other", heard, () => void look())],
    offers: { "a:b/c": { run: () => void look() } },
  }));
  assert.equal(guest.post("/notes").status, 401);
  guest.signIn("alice");
  assert.equal(guest.post("/notes").status, 403);
  guest.signIn("alice", { scopes: ["write", "read"], claims: { room: 7 } });
  assert.deepEqual(guest.post("/notes").body, { by: "alice", of: "https://login.example", room: 7, other: "nothing" });
  guest.get("/notes", { headers: { authorization: "Bearer of another" } });
  guest.deliver("other", "Heard", "", {});
  guest.call("a:b/c", "run");
  guest.signIn();
  guest.get("/notes");
  assert.deepEqual(seen, ["alice", "alice", "alice", undefined]);
});

test("a problem in a policy is a retry, as any other exception", () => {
  for (const problem of [Problem.unavailable("Later.", 1), Problem.notFound("Not yet.")]) {
    const guest = new TestContext(context({ summary: "x", follows: [follow("other", heard, throwing(problem))] }));
    assert.throws(() => guest.deliver("other", "Heard", "", {}), Retry);
    assert.equal(guest.logs().length, 1);
  }
});

test("data that says that it is no JSON is a text or bytes, for whoever reads such", () => {
  const kinds = { Text: text, Bytes: bytes, List: list(u8), Number: u32, Maybe: optional(text), Made: record({ a: u8 }) };
  const got = [];
  const guest = new TestContext(context({
    summary: "Reads.",
    follows: Object.entries(kinds).map(([kind, type]) => follow("other", event(kind, type), (data) => got.push(data))),
  }));
  const read = (kind, data, contentType) => {
    guest.deliver("other", kind, "", data, { contentType });
    return got.pop();
  };
  assert.equal(read("Text", "7", "text/plain"), "7");
  assert.equal(read("Text", "<a/>", "text/xml"), "<a/>");
  assert.deepEqual(read("Bytes", new Uint8Array([1, 255]), "image/png"), new Uint8Array([1, 255]));
  assert.deepEqual(read("Bytes", "AAAA", "text/plain"), new Uint8Array([65, 65, 65, 65]), "no Base64");
  assert.deepEqual(read("List", new Uint8Array([1, 255]), "image/png"), [1, 255]);
  assert.equal(read("Number", "7", "text/plain"), 7, "it is JSON, whatever it says");
  assert.equal(read("Maybe", '"a"', "text/plain"), "a");
  assert.deepEqual(read("Made", '{"a":1}', "text/plain"), { a: 1 });
  assert.throws(() => read("Text", new Uint8Array([255]), "image/png"), Reject);
  assert.throws(() => read("Text", "<a/>", "application/json; charset=utf-8"), Reject);
});

test("a failure of another context, and one that a function does not name, are unavailable to the caller", () => {
  const payments = calls("stay:payment/payments");
  const middle = context({
    summary: "Between.",
    calls: [payments],
    offers: {
      "a:b/c": {
        through: () => payments.approve(1),
        own: (kind) => {
          throw new Failure(kind, kind === "gone" ? undefined : "text");
        },
        odd: (kind) => {
          throw new Failure(kind, { no: "text" });
        },
        turned: () => {
          try {
            payments.approve(1);
          } catch (error) {
            throw new Failure("taken", `because of ${error.kind}`);
          }
        },
      },
    },
  });
  const guest = new TestContext(middle);
  guest.answer("stay:payment/payments", "approve", () => {
    throw new Failure("taken", "by another");
  });
  const kind = (run) => thrownBy(run).error.kind;
  assert.equal(kind(() => guest.call("a:b/c", "through")), "unavailable");
  assert.equal(guest.logs().length, 1);
  assert.equal(kind(() => guest.call("a:b/c", "turned")), "taken");
  const known = { errors: { taken: "string", gone: null, unavailable: "string" } };
  const signatures = { "a:b/c": { own: known, odd: known } };
  const end = (name, wanted) => served(() => thrownBy(() => offers(middle, "a:b/c", signatures)[name](wanted)))[0].error.tag;
  assert.deepEqual(["taken", "gone", "other", "constructor"].map((wanted) => end("own", wanted)), ["taken", "gone", "unavailable", "unavailable"]);
  assert.deepEqual(["taken", "gone"].map((wanted) => end("odd", wanted)), ["unavailable", "unavailable"]);
});

test("an integer that was rounded, or would be, is refused in a call", () => {
  const payments = calls("stay:payment/payments");
  const asked = context({
    summary: "Calls.",
    calls: [payments],
    routes: [post("/ask", { body: record({ n: sdk.f64 }) }, ({ body }) => payments.approve({ deep: [body.n] })), get("/get", () => payments.get())],
    offers: { "a:b/c": { same: (n) => n, large: () => [2 ** 60], float: () => 1e300 } },
  });
  const guest = new TestContext(asked);
  guest.answer("stay:payment/payments", "approve", ({ deep: [n] }) => n);
  guest.answer("stay:payment/payments", "get", () => ({ id: 2 ** 53 }));
  assert.equal(guest.post("/ask", { n: 2 ** 53 - 1 }).status, 200);
  assert.equal(guest.post("/ask", { n: 1.5 }).status, 200);
  assert.equal(guest.post("/ask", { n: 2 ** 53 }).status, 500);
  assert.equal(guest.calls().filter(({ isDone }) => isDone).length, 2, "what would be rounded is not called");
  assert.equal(guest.get("/get").status, 500);
  assert.equal(guest.call("a:b/c", "same", 7), 7);
  assert.equal(guest.call("a:b/c", "float"), 1e300);
  for (const [name, ...parameters] of [["same", 2 ** 60], ["large"]]) {
    assert.throws(() => guest.call("a:b/c", name, ...parameters), (error) => error.kind === "unavailable");
  }
});

test("the played host takes the closest route, and timers in the order in which they come due", () => {
  const due = event("Due", record({ n: u8 }), { subject: () => "" });
  const many = context({
    summary: "Routes.",
    publishes: [due],
    routes: [
      get("/{*rest}", () => "rest"),
      get("/notes/{id}", () => "id"),
      get("/notes/{id}/pages", () => "pages"),
      get("/notes/{*rest}", () => "below"),
      get("/notes/new", () => "new"),
      get("/notes/note-{id}", () => "part"),
      get("/set", () => [3, 1, 2, 1].map((n) => sdk.emitAfter(n * 10, due, { n })).length),
    ],
  });
  const guest = new TestContext(many);
  const paths = ["/notes/new", "/notes/7", "/notes/note-7", "/notes/7/pages", "/notes/7/other", "/other/a"];
  assert.deepEqual(paths.map((path) => guest.get(path).body), ["new", "id", "part", "pages", "below", "rest"]);
  guest.get("/set");
  guest.advance(100);
  assert.deepEqual(guest.events().map(({ data }) => data.n), [1, 1, 2, 3]);
});

test("what is published says its integers exactly, and can be followed", () => {
  const Large = record({ id: big(u64), counts: map(u32, u8) });
  const said = event("Said", Large, { subject: ({ id }) => id });
  const got = [];
  const guest = new TestContext(context({
    summary: "x",
    publishes: [said],
    routes: [post("/say", () => emit(said, { id: 2n ** 64n - 1n, counts: new Map([[7, 1]]) }))],
    follows: [follow("context", said, (data) => got.push(data))],
  }));
  guest.post("/say");
  const [one] = guest.events();
  assert.deepEqual(one.data, { id: 2n ** 64n - 1n, counts: { 7: 1 } });
  guest.deliver("context", "Said", one.subject, one.data);
  assert.deepEqual(got, [{ id: 2n ** 64n - 1n, counts: new Map([[7, 1]]) }]);
  const later = context({ summary: "x", publishes: [said], routes: [post("/later", { body: record({ in: sdk.f64 }) }, ({ body }) => sdk.emitAfter(body.in, said, { id: 1n, counts: new Map() }))] });
  for (const wait of [-1, 0.5, 1e300]) assert.equal(new TestContext(later).post("/later", { in: wait }).status, 500);
});

test("a configuration may not have what every object has either", () => {
  const settings = config({ most: u32.or(3) });
  const guest = new TestContext(context({ summary: "x", config: settings, routes: [get("/a", () => settings.read())] }));
  guest.configure("constructor", "1");
  assert.match(guest.notReady(), /nobody reads constructor/);
  assert.throws(() => guest.run(() => table("others", text, u8).put("a", 1)), Refused);
});

test("an integer of 64 bits is a number in a call, and a list an array, whatever the engine makes of them", () => {
  const payments = calls("stay:payment/payments");
  const own = { toString: () => "mine" };
  const said = [];
  const asked = context({
    summary: "Calls.",
    calls: [payments],
    routes: [
      get("/get", () => payments.get()),
      get("/fails", () => {
        try {
          return payments.fail();
        } catch ({ value }) {
          return value;
        }
      }),
    ],
    offers: { "a:b/c": { keep: (...given) => said.push(...given), fail: () => { throw new Failure("large", 5n); }, large: () => 2n ** 60n } },
  });
  const guest = new TestContext(asked);
  guest.answer("stay:payment/payments", "get", () => ({ ids: new BigUint64Array([1n, 2n]), small: [new Uint16Array([3]), 4n], bytes: new Uint8Array([5]), none: undefined }));
  assert.deepEqual(guest.get("/get").body, { ids: [1, 2], small: [[3], 4], bytes: "BQ==", none: null });
  guest.answer("stay:payment/payments", "fail", () => {
    throw new Failure("taken", { by: 7n });
  });
  assert.deepEqual(guest.get("/fails").body, { by: 7 });
  guest.call("a:b/c", "keep", 1n, { at: new BigInt64Array([-1n]) }, own);
  assert.deepEqual(said.slice(0, 2), [1, { at: [-1] }]);
  assert.equal(said[2], own, "what has nothing of it is not copied");
  assert.throws(() => guest.call("a:b/c", "keep", 2n ** 53n), (error) => error.kind === "unavailable");
  assert.throws(() => guest.call("a:b/c", "large"), (error) => error.kind === "unavailable");
  assert.throws(() => guest.call("a:b/c", "fail"), (error) => error.value === 5);
});
