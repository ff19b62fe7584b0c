/** The aggregate Delivery: it starts, and is then completed or cancelled. */

import { oneOf, optional, record, table, text, u64, unit } from "innkeeper-sdk";

/** How far a delivery has come: it is under way, has arrived, or its order was cancelled. */
export const State = oneOf("DeliveryStarted", "DeliveryCompleted", "DeliveryCancelled");

const Delivery = record({
  /** Its id. */
  deliveryId: u64.storedAs("delivery_id"),
  /** The order. */
  orderId: u64.storedAs("order_id"),
  /** What is delivered. */
  productId: u64.storedAs("product_id"),
  /** Its name. */
  productName: text.storedAs("product_name"),
  /** How many. */
  quantity: u64,
  /** Who ordered. */
  customerId: text.storedAs("customer_id"),
  /** Their name. */
  customerName: text.storedAs("customer_name"),
  /** Where to. */
  deliveryAddress: text.storedAs("delivery_address"),
  /** The room of `stay` that it is delivered to, if it is to one. */
  roomId: optional(u64).storedAs("room_id"),
  /** How far it has come. */
  deliveryState: State.storedAs("delivery_state"),
  /** The timer that completes it, while it is set. */
  timer: optional(text),
});

/** The deliveries. */
export const deliveries = table("deliveries", u64, Delivery);

/** The delivery of each order. */
export const byOrder = table("by-order", u64, u64);

/** The orders that were cancelled before a delivery had started: none starts for them any more. */
export const ended = table("ended", u64, unit);

/** The delivery of an order; undefined where there is none. */
export function ofOrder(orderId) {
  const deliveryId = byOrder.get(orderId);
  return deliveryId === undefined ? undefined : deliveries.get(deliveryId);
}
