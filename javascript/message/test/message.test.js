import assert from "node:assert/strict";
import test from "node:test";
import { Reject } from "innkeeper-sdk";
import { TestContext } from "innkeeper-sdk/testing";
import message from "../src/index.js";

test("one message is written for each occasion", () => {
  const guest = new TestContext(message, "message");
  for (const kind of ["ReservationConfirmed", "ReservationConfirmed", "ReservationCancelled", "ReservationCancelled"]) {
    guest.deliver("reservation", kind, "5", { rsvId: 5, roomId: 1, status: "any", payId: 3 });
  }
  const messages = guest.get("/messages").body;
  assert.equal(messages.total, 2);
  assert.deepEqual(messages.items[0], { msgId: 1, roomId: 1, content: "Your reservation 5 of room 1 is confirmed." });
  assert.equal(messages.items[1].msgId, 2);
  assert.deepEqual(guest.get("/messages/2").body, messages.items[1]);
  assert.equal(guest.get("/messages/3").status, 404);
});

test("an event without its data is rejected", () => {
  const guest = new TestContext(message, "message");
  assert.throws(() => guest.deliver("reservation", "ReservationConfirmed", "5", { rsvId: 5 }), Reject);
  assert.throws(() => guest.deliver("reservation", "Other", "5", {}), Reject);
});
