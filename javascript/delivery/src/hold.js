/** Holds: while an order is about to be cancelled its delivery is not completed. Whoever holds it has a hold of their own, so none ends another's. */

import { table, text, u64, unit } from "innkeeper-sdk";

/** The holds, by order and hold. */
export const holds = table("holds", [u64, text], unit);

/** How many holds are looked at at once. */
const SOME = 100;

/** Whether anybody holds the delivery of an order. */
export function isHeld(orderId) {
  return holds.countOf(orderId) > 0;
}

/** Ends all holds of an order. */
export function endAll(orderId) {
  for (let some = holds.of(orderId, SOME); some.length > 0; some = holds.of(orderId, SOME)) {
    for (const [key] of some) holds.delete(key);
  }
}
