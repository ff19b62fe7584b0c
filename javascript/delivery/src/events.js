/** The events that delivery publishes, and what it reads of those that it follows. */

import { event, optional, record, text, u64 } from "innkeeper-sdk";
import { State } from "./delivery.js";

/** A delivery, as it is shown and as events tell it. */
export const DeliveryFact = record({
  deliveryId: u64,
  orderId: u64,
  productId: u64,
  productName: text,
  quantity: u64,
  customerId: text,
  customerName: text,
  deliveryAddress: text,
  roomId: optional(u64),
  deliveryState: State,
}).named("DeliveryFact", "A delivery, as it is shown and as events tell it.");

/** The delivery, as it is shown and as events tell it. */
export function fact(delivery) {
  const told = { ...delivery };
  delete told.timer;
  return told;
}

const ofDelivery = { subject: ({ deliveryId }) => deliveryId };

export const deliveryStarted = event("DeliveryStarted", DeliveryFact, ofDelivery);
export const deliveryCompleted = event("DeliveryCompleted", DeliveryFact, ofDelivery);
export const deliveryCancelled = event("DeliveryCancelled", DeliveryFact, ofDelivery);
/** It is time for a delivery to arrive. */
export const deliveryDue = event("DeliveryDue", record({ deliveryId: u64 }), ofDelivery);

export const stockTaken = event(
  "StockTaken",
  record({ orderId: u64, productId: u64, productName: text, quantity: u64, customerId: text, customerName: text, customerAddr: text, roomId: optional(u64) }),
);
export const orderCancelled = event("OrderCancelled", record({ orderId: u64 }));
