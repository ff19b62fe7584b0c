/** The numbers of calls between contexts, which WIT types. */

import { Fault } from "./problem.js";

const LARGEST = 2 ** 64;

/**
 * Refuses integers that a number cannot say: an integer of 64 bits is a number here, and was rounded, or would be. A floating-point number of that size is refused with them, since
 * nothing tells it apart. Answers what was looked at.
 */
export function refuseRounded(what, value) {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= LARGEST) {
    throw new Fault(`${what} has ${value}, which is larger than a number of JavaScript can say exactly: up to ${Number.MAX_SAFE_INTEGER}`);
  }
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) refuseRounded(what, part);
  return value;
}
