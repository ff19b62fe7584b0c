/** Requests to the outside, which a test plays. */

import assert from "node:assert/strict";
import test from "node:test";
import { context, f64, get, outbound, post, record, table, text } from "innkeeper-sdk";
import { TestContext } from "innkeeper-sdk/testing";

const Rate = record({ euros: f64 });
const rates = table("rates", text, f64);

const changer = context({
  summary: "Changes money.",
  tables: [rates],
  routes: [
    post("/rates/{currency}", ({ path }) => {
      const { euros } = outbound.get(`https://rates.example/${path.currency}`, { timeout: 500 }).json(Rate);
      rates.put(path.currency, euros);
      return euros;
    }),
    get("/asks/{how}", ({ path }) => ASKS[path.how]()),
  ],
});

/** What each says of the answer, or of why there is none. */
const ASKS = {
  json: () => outbound.post("https://a.example", { json: { large: 2n ** 63n, at: [1] }, headers: { "X-Own": 7 } }).text(),
  typed: () => outbound.post("https://a.example", { json: {}, headers: { "content-type": "application/x+json" } }).text(),
  text: () => outbound.request("PUT", "https://a.example", { body: "é", headers: [["x-a", "1"], ["X-A", "2"]] }).text(),
  bytes: () => [...outbound.post("https://a.example", { body: new Uint8Array([255]) }).body],
  status: () => outbound.get("https://a.example").status,
  both: () => outbound.post("https://a.example", { json: 1, body: "1" }),
  other: () => outbound.post("https://a.example", { body: { a: 1 } }),
  promise: () => outbound.post("https://a.example", { json: Promise.resolve(1) }),
  unknown: () => outbound.get("https://a.example", { timout: 1 }),
  half: () => outbound.get("https://a.example", { timeout: 0.5 }),
  waits: () => outbound.get("https://a.example", { timeout: "s3cret" }),
  nameless: () => outbound.request(undefined, "https://a.example"),
  methods: () => outbound.request(["s3cret"], "https://a.example"),
  error() {
    try {
      return outbound.get("https://a.example").json();
    } catch (error) {
      assert(error instanceof outbound.Error);
      return `${error.kind}: ${error.message}`;
    }
  },
};

/** What was asked, and what a context makes of the answer. */
function asked(how, answer) {
  const guest = new TestContext(changer, "changer");
  const all = [];
  guest.answerOutside((one) => {
    all.push(one);
    return answer;
  });
  const reply = guest.get(`/asks/${how}`);
  return { all, reply, logs: guest.logs().map(({ message }) => message).join() };
}

test("what is answered outside is read by a type, and kept with the commit", () => {
  const guest = new TestContext(changer, "changer");
  guest.answerOutside(({ method, url, timeout }) => {
    assert.deepEqual([method, url, timeout], ["GET", "https://rates.example/usd", 500]);
    return { body: { euros: 0.9, asOf: "today" } };
  });
  assert.equal(guest.post("/rates/usd").body, 0.9);
  assert.equal(guest.run(() => rates.get("usd")), 0.9);
});

test("a body is a text, bytes, or a value as JSON", () => {
  const { all: [json] } = asked("json");
  assert.deepEqual([json.method, json.headers], ["POST", { "x-own": "7", "content-type": "application/json" }]);
  assert.deepEqual(json.body, { large: 2n ** 63n, at: [1] });
  assert.equal(asked("typed").all[0].headers["content-type"], "application/x+json");
  const { all: [put] } = asked("text");
  assert.deepEqual([put.method, put.body, put.headers], ["PUT", "é", { "x-a": "1" }]);
  assert.deepEqual([...asked("bytes").all[0].body], [255]);
  assert.deepEqual(asked("bytes", { body: new Uint8Array([254]) }).reply.body, [254]);
  assert.equal(asked("status", { status: 503, body: "busy" }).reply.body, 503);
});

test("what is no request is not sent, and said", () => {
  for (const [how, said] of [
    ["both", /a `body` or a `json`/],
    ["other", /a text or bytes/],
    ["promise", /is a promise/],
    ["unknown", /no `timout`; there is headers, body, json, timeout/],
    ["half", /a whole number of milliseconds, from 0 on/],
    ["waits", /a whole number of milliseconds, from 0 on/],
    ["nameless", /the method of a request is a text, not undefined/],
    ["methods", /the method of a request is a text, not object/],
  ]) {
    const { all, reply, logs } = asked(how);
    assert.deepEqual([all.length, reply.status], [0, 500], how);
    assert.match(logs, said);
    assert.doesNotMatch(logs, /s3cret/);
  }
});

test("why there is no answer, or none that can be used, is an error with its kind", () => {
  const guest = new TestContext(changer, "changer");
  const said = () => guest.get("/asks/error").body;
  assert.match(said(), /^denied: nobody plays the outside/);
  guest.answerOutside(() => {
    throw new outbound.Error("timed-out", "it takes long");
  });
  assert.equal(said(), "timed-out: it takes long");
  assert.equal(guest.post("/rates/usd").status, 500);
  assert.equal(guest.run(() => rates.get("usd")), undefined);
  for (const [body, why] of [
    ["no JSON", /^broken: the body is not JSON/],
    [new Uint8Array([255]), /^broken: the body is not UTF-8/],
  ]) {
    guest.answerOutside(() => ({ body }));
    assert.match(said(), why);
  }
  guest.answerOutside(() => ({ body: { euros: "many" } }));
  guest.post("/rates/usd");
  assert.match(guest.logs().at(-1).message, /the body is not what is wanted: euros: invalid value/);
});
