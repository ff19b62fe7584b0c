/** The values of calls between contexts, as far as they can be looked at without their types in WIT. */

import { isBytes, ownBytes } from "./bytes.js";
import { Fault } from "./problem.js";
import { isWellFormed } from "./text.js";

const LARGEST = 2 ** 64;

/** Why a value cannot be said exactly, or was not; undefined where it can. */
function inexact(value) {
  const isWhole = typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= LARGEST;
  if ((isWhole && !Number.isSafeInteger(value)) || (typeof value === "bigint" && !Number.isSafeInteger(Number(value)))) {
    return `${value}, which is larger than a number of JavaScript can say exactly: up to ${Number.MAX_SAFE_INTEGER}`;
  }
  if (typeof value === "string" && !isWellFormed(value)) return "a text with half a surrogate pair, which is no character";
  if (value === null || typeof value !== "object" || isBytes(value)) return undefined;
  for (const part of Object.values(value)) {
    const found = inexact(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * A value with a number for each bigint that is one, and an array for each typed one but bytes: engines differ in what they give. What has nothing of these stays what it is.
 */
export function plain(value) {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (isBytes(value)) return ownBytes(value);
  if (ArrayBuffer.isView(value)) return Array.from(value, plain);
  const changed = [];
  for (const [name, part] of Object.entries(value)) {
    // What is not there is `null` in one engine, and nothing in another.
    const made = part === undefined ? null : plain(part);
    if (made !== part) changed.push([name, made]);
  }
  if (changed.length === 0) return value;
  return Object.assign(Array.isArray(value) ? [...value] : { ...value }, Object.fromEntries(changed));
}

/**
 * A value as it crosses between contexts. Integers that a number cannot say are refused: an integer of 64 bits is a number here, and was rounded, or would be. A floating-point number of that
 * size is refused with them, since nothing tells it apart. And texts that are none: the host takes characters.
 */
export function exact(what, value) {
  const found = inexact(value);
  if (found !== undefined) throw new Fault(`${what} has ${found}`);
  return plain(value);
}
