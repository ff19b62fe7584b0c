/** What delivery offers to other contexts. */

import { Failure, invocation } from "innkeeper-sdk";
import { ofOrder } from "./delivery.js";
import { holds, isHeld } from "./hold.js";
import { complete } from "./policy.js";

/** Keeps the delivery of an order from being completed, until the order is cancelled. */
export function hold(orderId) {
  if (ofOrder(orderId)?.deliveryState === "DeliveryCompleted") throw new Failure("completed", `Order ${orderId} is delivered.`);
  const holdId = invocation.newId();
  holds.put([orderId, holdId], null);
  return holdId;
}

/** What undoes it. A delivery whose time came while it was held arrives. */
export function release(orderId, holdId) {
  holds.delete([orderId, holdId]);
  const delivery = ofOrder(orderId);
  if (delivery?.deliveryState === "DeliveryStarted" && delivery.timer === null && !isHeld(orderId)) complete(delivery);
}
