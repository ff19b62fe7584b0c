import assert from "node:assert/strict";
import test from "node:test";
import { Failure } from "innkeeper-sdk";
import { TestContext } from "innkeeper-sdk/testing";
import delivery from "../src/index.js";
import { holds } from "../src/hold.js";

const DELIVERIES = "shop:delivery/deliveries";
const TAKEN = { orderId: 5, productId: 1, quantity: 2, productName: "Tea", customerId: "ada", customerName: "Ada", customerAddr: "1 Way", roomId: 9 };

/** The kinds that were published, each with its delivery told; timers that came due are handled. */
function kinds(guest) {
  const found = [];
  for (let events = guest.events(); events.length > 0; events = guest.events()) {
    for (const event of events) {
      if (event.kind === "DeliveryDue") guest.deliver("delivery", event.kind, event.subject, event.data);
      else found.push(event.kind);
    }
  }
  return found;
}

function started() {
  const guest = new TestContext(delivery, "delivery");
  guest.deliver("products", "StockTaken", 5, TAKEN);
  return guest;
}

const cancel = (guest) => guest.deliver("orders", "OrderCancelled", 5, { orderId: 5 });
const hold = (guest) => guest.call(DELIVERIES, "hold", 5);
const release = (guest, holdId) => guest.call(DELIVERIES, "release", 5, holdId);
const state = (guest) => guest.get("/deliveries/1").body.deliveryState;

test("what was taken is delivered once and completed by a timer", () => {
  const guest = started();
  guest.deliver("products", "StockTaken", 5, TAKEN);
  const shown = {
    deliveryId: 1,
    orderId: 5,
    productId: 1,
    productName: "Tea",
    quantity: 2,
    customerId: "ada",
    customerName: "Ada",
    deliveryAddress: "1 Way",
    roomId: 9,
    deliveryState: "DeliveryStarted",
  };
  assert.deepEqual(guest.get("/deliveries").body.items, [shown]);
  guest.advance(1999);
  assert.deepEqual([kinds(guest), state(guest)], [["DeliveryStarted"], "DeliveryStarted"]);
  guest.advance(1);
  assert.deepEqual([kinds(guest), state(guest)], [["DeliveryCompleted"], "DeliveryCompleted"]);
  assert.equal(guest.get("/deliveries/2").status, 404);
});

test("a cancellation before its time cancels it once", () => {
  const guest = started();
  cancel(guest);
  cancel(guest);
  guest.advance(60_000);
  assert.deepEqual([kinds(guest), state(guest)], [["DeliveryStarted", "DeliveryCancelled"], "DeliveryCancelled"]);
  assert.deepEqual(guest.timers(), []);
});

test("what is delivered stays delivered", () => {
  const guest = started();
  guest.advance(2000);
  kinds(guest);
  assert.throws(() => hold(guest), (error) => error instanceof Failure && error.kind === "completed");
  cancel(guest);
  assert.deepEqual([kinds(guest), state(guest)], [[], "DeliveryCompleted"]);
});

test("defect: nothing is delivered of an order that was cancelled first", () => {
  const guest = new TestContext(delivery, "delivery");
  cancel(guest);
  guest.deliver("products", "StockTaken", 5, TAKEN);
  assert.equal(guest.get("/deliveries").body.total, 0);
  assert.deepEqual(kinds(guest), []);
});

test("a delivery that is held is not completed before it is released", () => {
  const guest = started();
  const [first, second] = [hold(guest), hold(guest)];
  assert.notEqual(first, second);
  guest.advance(2000);
  assert.deepEqual([kinds(guest), state(guest)], [["DeliveryStarted"], "DeliveryStarted"]);
  // Whoever lets go ends their own hold, and none twice.
  release(guest, first);
  release(guest, first);
  assert.equal(state(guest), "DeliveryStarted");
  release(guest, second);
  assert.deepEqual([kinds(guest), state(guest)], [["DeliveryCompleted"], "DeliveryCompleted"]);
});

test("a delivery that is released in time takes its time", () => {
  const guest = started();
  release(guest, hold(guest));
  assert.equal(state(guest), "DeliveryStarted");
  guest.advance(2000);
  kinds(guest);
  assert.equal(state(guest), "DeliveryCompleted");
});

test("a cancellation ends the hold that it comes from", () => {
  const guest = new TestContext(delivery, "delivery");
  hold(guest);
  guest.deliver("products", "StockTaken", 5, TAKEN);
  guest.advance(2000);
  assert.deepEqual([kinds(guest), state(guest)], [["DeliveryStarted"], "DeliveryStarted"]);
  cancel(guest);
  assert.equal(state(guest), "DeliveryCancelled");
  assert.equal(guest.run(() => holds.count()), 0);
});

test("operators say how long it takes", () => {
  for (const [text, milliseconds] of [["500ms", 500], ["2s", 2000], ["1m", 60_000], ["24h", 86_400_000]]) {
    const guest = new TestContext(delivery, "delivery");
    guest.configure("delivery_time", text);
    assert.equal(guest.notReady(), undefined);
    guest.deliver("products", "StockTaken", 5, TAKEN);
    guest.advance(milliseconds - 1);
    assert.equal(guest.timers().length, 1, text);
    guest.advance(1);
    assert.equal(guest.timers().length, 0, text);
  }
  const guest = new TestContext(delivery, "delivery");
  for (const text of ["", "2", "s", "2 s", "-1s", "1.5s", "2d", "99999999999999999999s"]) {
    guest.configure("delivery_time", text);
    assert.match(guest.notReady(), /delivery_time/, text);
  }
});
