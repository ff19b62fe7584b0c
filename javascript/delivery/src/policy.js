/** What delivery does about events. Those of products and of orders come in any order. */

import { cancel as cancelTimer, emit, emitAfter } from "innkeeper-sdk";
import { byOrder, deliveries, ended, ofOrder } from "./delivery.js";
import { deliveryCancelled, deliveryCompleted, deliveryDue, deliveryStarted, fact } from "./events.js";
import { endAll, isHeld } from "./hold.js";
import { deliveryTime } from "./settings.js";

/** What was taken for an order is delivered, unless the order has ended meanwhile. */
export function start({ customerAddr, ...taken }) {
  if (ended.has(taken.orderId) || byOrder.has(taken.orderId)) return;
  const deliveryId = deliveries.nextId();
  const timer = emitAfter(deliveryTime(), deliveryDue, { deliveryId });
  const delivery = { ...taken, deliveryId, deliveryAddress: customerAddr, deliveryState: "DeliveryStarted", timer };
  emit(deliveryStarted, fact(delivery));
  byOrder.put(delivery.orderId, deliveryId);
  deliveries.put(deliveryId, delivery);
}

/** A delivery arrives. One that somebody holds waits for them. */
export function due({ deliveryId }) {
  const delivery = deliveries.get(deliveryId);
  if (delivery?.deliveryState !== "DeliveryStarted") return;
  const arriving = { ...delivery, timer: null };
  if (isHeld(delivery.orderId)) deliveries.put(deliveryId, arriving);
  else complete(arriving);
}

/** It has arrived. */
export function complete(delivery) {
  const completed = { ...delivery, deliveryState: "DeliveryCompleted" };
  emit(deliveryCompleted, fact(completed));
  deliveries.put(completed.deliveryId, completed);
}

/** Nothing is delivered of an order that was cancelled. */
export function cancel({ orderId }) {
  endAll(orderId);
  const delivery = ofOrder(orderId);
  if (delivery === undefined) {
    ended.put(orderId, null);
    return;
  }
  if (delivery.deliveryState !== "DeliveryStarted") return;
  if (delivery.timer !== null) cancelTimer(delivery.timer);
  const cancelled = { ...delivery, timer: null, deliveryState: "DeliveryCancelled" };
  emit(deliveryCancelled, fact(cancelled));
  deliveries.put(cancelled.deliveryId, cancelled);
}
