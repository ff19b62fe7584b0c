/**
 * Values that go to another context or come from one, by their types in WIT (tools/signatures.js). Engines make something else of what does not fit, and say nothing: 256 is 0 as a `u8`, and
 * a `u32` of 32 bits is negative in one of them.
 */

import { isBytes, ownBytes } from "./bytes.js";
import { exact, plain } from "./exact.js";
import { imported } from "./host.js";
import { Fault } from "./problem.js";
import { isWellFormed } from "./text.js";
import { mismatchText } from "./types.js";
import { at, Mismatch, wanted } from "./types/type.js";

const SAFE = Number.MAX_SAFE_INTEGER;
/** Which numbers an integer can be. One of 64 bits is a number, too, and may be no larger than that can say exactly. */
const RANGES = {
  u8: [0, 0xff], u16: [0, 0xffff], u32: [0, 0xffffffff], u64: [0, SAFE],
  s8: [-0x80, 0x7f], s16: [-0x8000, 0x7fff], s32: [-0x80000000, 0x7fffffff], s64: [-SAFE, SAFE],
};

function integer(name, given) {
  const value = typeof given === "bigint" && Number.isSafeInteger(Number(given)) ? Number(given) : given;
  const [least, most] = RANGES[name];
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const isLarge = most === SAFE && (typeof value === "bigint" || (Number.isInteger(value) && Math.abs(value) > SAFE));
  if (isLarge) throw new Mismatch(`${value} is larger than a number of JavaScript can say exactly: up to ${SAFE}`);
  throw wanted(`a whole number from ${least} to ${most} (${name})`, value);
}

function float(name, given) {
  const value = typeof given === "bigint" && Number.isSafeInteger(Number(given)) ? Number(given) : given;
  if (typeof value !== "number") throw wanted(`a number (${name})`, value);
  if (name === "f32" && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) throw new Mismatch("the number is larger than an f32 can be");
  return value;
}

function characters(name, value) {
  if (typeof value !== "string") throw wanted(name === "char" ? "one character" : "a text", value);
  if (!isWellFormed(value)) throw new Mismatch("a text with half a surrogate pair, which is no character");
  if (name === "char" && [...value].length !== 1) throw wanted("one character", value);
  return value;
}

/** A value of a type that is not made of others. What is no such type is passed on as it is. */
function scalar(name, value) {
  if (Object.hasOwn(RANGES, name)) return integer(name, value);
  if (name === "f32" || name === "f64") return float(name, value);
  if (name === "string" || name === "char") return characters(name, value);
  if (name === "bool" && typeof value !== "boolean") throw wanted("true or false", value);
  return plain(value);
}

/** A member of an object: what every object has is none. */
function member(value, name) {
  return Object.hasOwn(value, name) || !(name in Object.prototype) ? value[name] : undefined;
}

function needObject(what, value) {
  if (value === null || typeof value !== "object") throw wanted(what, value);
}

function items(value) {
  if (Array.isArray(value)) return value;
  // It may be of another realm, which an engine's bindings have for themselves.
  if (ArrayBuffer.isView(value) && value[Symbol.toStringTag] !== "DataView") return Array.from(value);
  throw wanted("a list", value);
}

/** `{ tag, val }` with one of these cases. */
function tagged(value, cases, part) {
  const isCase = value !== null && typeof value === "object" && typeof value.tag === "string" && Object.hasOwn(cases, value.tag);
  if (!isCase) throw wanted(`{ tag, val } with the tag ${Object.keys(cases).join(", ")}`, value);
  const { tag, val } = value;
  return cases[tag] === null ? { tag } : { tag, val: at(tag, () => part(val, cases[tag])) };
}

/** The types that are made of others: `part` is what a part becomes. */
const MADE = {
  list(value, part, of, length) {
    if (of === "u8" && isBytes(value) && length === undefined) return ownBytes(value);
    const list = items(value);
    if (length !== undefined && list.length !== length) throw wanted(`a list of ${length}`, value);
    // Each place is looked at, also one at which nothing is.
    return Array.from(list, (item, place) => at(place, () => part(item, of)));
  },
  option(value, part, of) {
    // Where nothing is one of the values already, it is told apart by a tag.
    if (of[0] === "option") return tagged(value, { none: null, some: of }, part);
    return value === null || value === undefined ? null : part(value, of);
  },
  tuple(value, part, of) {
    const list = items(value);
    if (list.length !== of.length) throw wanted(`a list of ${of.length}`, value);
    return of.map((one, place) => at(place, () => part(list[place], one)));
  },
  record(value, part, of) {
    needObject("an object", value);
    return Object.fromEntries(Object.entries(of).map(([name, one]) => [name, at(name, () => part(member(value, name), one))]));
  },
  variant: (value, part, of) => tagged(value, of, part),
  result: (value, part, ok, error) => tagged(value, { ok, err: error }, part),
  enum(value, part, of) {
    if (typeof value !== "string" || !of.includes(value)) throw wanted(`one of ${of.join(", ")}`, value);
    return value;
  },
  flags(value, part, of) {
    needObject("an object", value);
    const unknown = Object.keys(value).find((name) => !of.includes(name));
    if (unknown !== undefined) throw new Mismatch(`there is no flag ${unknown}; there is ${of.join(", ")}`);
    return Object.fromEntries(of.map((name) => [name, at(name, () => scalar("bool", member(value, name) ?? false))]));
  },
};

/** A value of a type, with what each of its scalars becomes. */
function crossed(value, shape, become) {
  if (shape === null) return undefined;
  if (typeof shape === "string") return become(shape, value);
  const [kind, ...of] = shape;
  return Object.hasOwn(MADE, kind) ? MADE[kind](value, (part, one) => crossed(part, one, become), ...of) : plain(value);
}

/** A scalar as the engine takes it: some take a `u32` as the signed number of the same bits. */
function leaving(name, value) {
  const fitting = scalar(name, value);
  return name === "u32" && imported()?.takesSigned === true ? fitting | 0 : fitting;
}

/** A scalar as the context is given it: one engine gives a `u32` as the signed number of the same bits, another a negative `s64` as the bigint without a sign. */
function arriving(name, value) {
  if (name === "u32" && typeof value === "number") return value >>> 0;
  return scalar(name, name === "s64" && typeof value === "bigint" ? BigInt.asIntN(64, value) : value);
}

/** Says what does not fit of what. */
function fitting(what, run) {
  try {
    return run();
  } catch (error) {
    if (error instanceof Mismatch) throw new Fault(`${what} does not fit: ${mismatchText(error)}`);
    throw error;
  }
}

/** A value that is sent, as the engine takes it. Without its type it is looked at as far as it can be. */
export function sent(what, value, shape) {
  return shape === undefined ? exact(what, value) : fitting(what, () => crossed(value, shape, leaving));
}

/** A value that has come, as the context is given it, likewise. */
export function received(what, value, shape) {
  return shape === undefined ? exact(what, value) : fitting(what, () => crossed(value, shape, arriving));
}

function each(parameters, types, become) {
  return Object.entries(types).map(([name, shape], place) => at(name, () => crossed(parameters[place], shape, become)));
}

/** The parameters of a function that is called. Those at the end that may be nothing can be left out. */
export function sentParameters(what, parameters, types) {
  return types === undefined ? exact(what, parameters) : fitting(what, () => each(parameters, types, leaving));
}

/** The parameters of a function that is offered. */
export function receivedParameters(what, parameters, types) {
  return types === undefined ? exact(what, parameters) : fitting(what, () => each(parameters, types, arriving));
}
