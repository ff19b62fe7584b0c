/** The values of calls between contexts, which WIT types. */

import { Fault } from "./problem.js";
import { isWellFormed } from "./text.js";

const LARGEST = 2 ** 64;

/** Why a value cannot be said exactly, or was not; undefined where it can. */
function inexact(value) {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= LARGEST) {
    return `${value}, which is larger than a number of JavaScript can say exactly: up to ${Number.MAX_SAFE_INTEGER}`;
  }
  if (typeof value === "string" && !isWellFormed(value)) return "a text with half a surrogate pair, which is no character";
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return undefined;
  for (const part of Object.values(value)) {
    const found = inexact(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a value can be said exactly. */
export function isExact(value) {
  return inexact(value) === undefined;
}

/**
 * Refuses integers that a number cannot say: an integer of 64 bits is a number here, and was rounded, or would be. A floating-point number of that size is refused with them, since
 * nothing tells it apart. And texts that are none: the host takes characters. Answers what was looked at.
 */
export function refuseInexact(what, value) {
  const found = inexact(value);
  if (found !== undefined) throw new Fault(`${what} has ${found}`);
  return value;
}
