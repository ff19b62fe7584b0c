/** What a context in JavaScript may do, and what becomes of it. It stands in the place of the app's `room`. */

import { answer, big, calls, context, counter, emit, emitAfter, event, Failure, follow, get, invocation, ok, post, Problem, record, Reject, table, text, u64 } from "innkeeper-sdk";

const payments = calls("stay:payment/payments");

const Mark = record({ name: text });
const marks = table("marks", text, Mark);
const rings = counter("rings", text);
const marked = event("Marked", Mark, { subject: ({ name }) => name });
const roomUnavailable = event("RoomUnavailable", record({ rsvId: u64, reason: text }), { subject: ({ rsvId }) => rsvId });
const due = event("Due", Mark, { subject: ({ name }) => name });

// It is drawn once, when the component is made, and is the same in each invocation.
const early = Math.random();

function deep(level) {
  return deep(level + 1) + 1;
}

const FAILURES = {
  type: () => undefined.nothing,
  text: () => {
    throw "a text";
  },
  nothing: () => {
    throw undefined;
  },
  deep: () => deep(0),
  answer: () => ({
    toJSON() {
      throw new TypeError("no JSON on purpose");
    },
  }),
  promise: () => Promise.resolve({ a: 1 }),
  later: () => ok({ deep: [Promise.reject(new Error("later"))] }),
  status: () => answer("ok"),
  bare: () => {
    throw Object.create(null);
  },
  contract: () => {
    throw { tag: "declined" };
  },
  state: () => marks.put("x", { name: 7 }),
  // The host takes characters only, and this has half of one.
  half: () => {
    throw new TypeError("half \ud800");
  },
  problem: () => {
    throw Problem.conflict("As asked.");
  },
  fraction: () => payments.approve(1.5, 1),
  negative: () => payments.approve(-1, 1),
  lacking: () => payments.approve(1),
  limit: () => marks.first(NaN),
  header: () => ok({}, { location: undefined }),
};

export default context({
  summary: "What a context in JavaScript may do.",
  calls: [payments],
  offers: {
    "stay:room/rooms": {
      hold(roomId, rsvId) {
        if (roomId === 404) throw new Failure("not-found", "There is no such room.");
        if (roomId === 500) throw new TypeError("on purpose");
        if (roomId === 501) throw new Failure("haunted", "There is somebody.");
        if (roomId === 502) return Promise.resolve();
        if (roomId === 503) throw new Failure("declined", "it was another's");
        marks.put(`${roomId}`, { name: `held by ${rsvId}` });
      },
      release(roomId) {
        marks.delete(`${roomId}`);
      },
    },
  },
  compensations: { "stay:room/rooms": { hold: "release" } },
  tables: [marks, rings],
  routes: [
    post("/scripted/fail/{how}", ({ path }) => {
      marks.put("failed", { name: path.how });
      return FAILURES[path.how]();
    }),
    get("/scripted/marks", () => marks.first(100).map(([, { name }]) => name)),
    get("/scripted/own", () => ({ early, random: Math.random(), date: Date.now(), now: invocation.now(), uuid: crypto.randomUUID(), identity: invocation.identity ?? null })),
    post("/scripted/pay/{rsv}", { path: { rsv: u64 } }, ({ path }) => {
      const paid = payments.approve(path.rsv, 1);
      marks.put("paid", { name: `${paid}` });
      if (path.rsv % 2 === 1) throw Problem.conflict("Odd ones are not kept.");
      return { paid };
    }),
    post("/scripted/marks/{name}", ({ path }) => {
      emit(marked, { name: path.name });
      emitAfter(1, due, { name: path.name });
    }),
    post("/scripted/read", { body: record({ number: big(u64) }) }, ({ body }) => body),
    get("/scripted/asks", () => {
      const { subject, issuer, scopes } = invocation.requireIdentity();
      const { identity } = invocation;
      return { subject, issuer, scopes, mayLook: identity.hasScope("look"), rooms: identity.claim("rooms"), photo: identity.claim("photo") ?? null };
    }),
    get("/scripted/rings/{name}", ({ path }) => rings.get(path.name)),
  ],
  publishes: [marked, due, roomUnavailable],
  follows: [
    follow("room", marked, ({ name }, { subject }) => {
      if (name === "rejected") throw new Reject(`${subject} is rejected`);
      if (name === "boom" && invocation.attempt < 2) throw new TypeError("on purpose");
      // What looks like an end of the contract is none: it is tried again.
      if (name === "odd" && invocation.attempt < 2) throw { tag: "reject", val: "mine" };
      rings.add(name, 1);
    }),
    follow("room", due, ({ name }) => rings.add(name, 10)),
  ],
});
