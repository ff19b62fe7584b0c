/** Types that are not made of others. */

import { decode, encode, fromBase64, toBase64 } from "../bytes.js";
import { BODY, Mismatch, STATE, Type, wanted } from "./type.js";

/** A type that is not made of others. */
class Scalar extends Type {
  constructor(name, read, write) {
    super();
    this.name = name;
    this.read = read;
    this.write = write;
  }

  get takesNull() {
    return this.name === "unit";
  }

  describe() {
    return { tag: "scalar", val: this.name };
  }
}

/** An integer that is a `number`: exact, up to 2^53. */
function integer(name, least, most) {
  const what = `a whole number (${name})`;
  const fits = (value) => Number.isSafeInteger(value) && value >= least && value <= most;
  const read = (json, form) => {
    let value = json;
    if (form === STATE && typeof json === "string" && /^-?\d+$/.test(json)) value = Number(json);
    if (typeof value === "number" && fits(value)) return value + 0;
    if (typeof value === "number" && Number.isInteger(value) && form === STATE && (name === "u64" || name === "s64")) {
      throw new Mismatch(`${json} is larger than a number of JavaScript can be; its type must be big(${name})`);
    }
    throw wanted(what, json);
  };
  const write = (value) => {
    if (typeof value !== "number" || !fits(value)) throw wanted(what, value);
    return String(value);
  };
  return new Scalar(name, read, write);
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** An integer that is a `bigint`. */
function bigInteger(name, bits, isSigned) {
  const what = `a whole number of ${bits} bits (a bigint)`;
  const least = isSigned ? -(1n << BigInt(bits - 1)) : 0n;
  const most = isSigned ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  const fits = (value) => value >= least && value <= most;
  const read = (json, form) => {
    let value = null;
    if (typeof json === "number" && Number.isSafeInteger(json)) value = BigInt(json);
    if (form !== BODY && typeof json === "string" && /^-?\d+$/.test(json)) value = BigInt(json);
    if (value === null || !fits(value)) throw wanted(what, json);
    return value;
  };
  const write = (value, form) => {
    if (typeof value !== "bigint" || !fits(value)) throw wanted(what, value);
    const isLarge = value > SAFE || value < -SAFE;
    return isLarge && form === STATE ? `"${value}"` : String(value);
  };
  return new Scalar(name, read, write);
}

const ODD = { NaN, Infinity, "-Infinity": -Infinity };

function float(name) {
  const what = "a number";
  const read = (json, form) => {
    if (typeof json === "number") return json;
    if (form === STATE && typeof json === "string" && Object.hasOwn(ODD, json)) return ODD[json];
    throw wanted(what, json);
  };
  const write = (value, form) => {
    if (typeof value !== "number") throw wanted(what, value);
    const exact = name === "f32" ? Math.fround(value) : value;
    if (Number.isFinite(exact)) return Object.is(exact, -0) ? "-0.0" : String(exact);
    if (form === STATE) return `"${exact}"`;
    throw new Mismatch(`${exact} cannot be told as JSON`);
  };
  return new Scalar(name, read, write);
}

function isWellFormed(text) {
  return text.isWellFormed?.() ?? decode(encode(text)) === text;
}

export function writeText(value) {
  if (typeof value !== "string") throw wanted("a text", value);
  if (!isWellFormed(value)) throw new Mismatch("the text has half a surrogate pair, which is no character");
  return JSON.stringify(value);
}

function readText(json) {
  if (typeof json !== "string") throw wanted("a text", json);
  if (!isWellFormed(json)) throw new Mismatch("the text has half a surrogate pair, which is no character");
  return json;
}

export class Text extends Scalar {
  constructor() {
    super("string", readText, writeText);
  }

  /** A text that is not blank and has at most so many characters. */
  upTo(most) {
    const checked = (text) => {
      if (text.trim() === "") throw new Mismatch("must not be blank");
      if (text.length > most && [...text].length > most) throw new Mismatch(`must have at most ${most} characters`);
      return text;
    };
    const copy = new Text();
    copy.read = (json) => checked(readText(json));
    copy.write = (value) => writeText(checked(value));
    return copy;
  }
}

const oneCharacter = (text) => {
  if ([...text].length !== 1) throw wanted("one character", text);
  return text;
};

export const unit = new Scalar(
  "unit",
  (json) => {
    if (json !== null) throw wanted("null", json);
    return null;
  },
  () => "null",
);
export const bool = new Scalar(
  "bool",
  (json) => {
    if (typeof json !== "boolean") throw wanted("true or false", json);
    return json;
  },
  (value) => {
    if (typeof value !== "boolean") throw wanted("true or false", value);
    return String(value);
  },
);
export const u8 = integer("u8", 0, 0xff);
export const u16 = integer("u16", 0, 0xffff);
export const u32 = integer("u32", 0, 0xffffffff);
export const u64 = integer("u64", 0, Number.MAX_SAFE_INTEGER);
export const s8 = integer("s8", -0x80, 0x7f);
export const s16 = integer("s16", -0x8000, 0x7fff);
export const s32 = integer("s32", -0x80000000, 0x7fffffff);
export const s64 = integer("s64", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const u128 = bigInteger("u128", 128, false);
export const s128 = bigInteger("s128", 128, true);
export const f32 = float("f32");
export const f64 = float("f64");
export const char = new Scalar("char", (json) => oneCharacter(readText(json)), (value) => writeText(oneCharacter(value)));
export const text = new Text();
export const bytes = new Scalar(
  "bytes",
  (json) => {
    const read = typeof json === "string" ? fromBase64(json) : null;
    if (read === null) throw wanted("bytes in Base64", json);
    return read;
  },
  (value) => {
    if (!(value instanceof Uint8Array)) throw wanted("bytes (a Uint8Array)", value);
    return `"${toBase64(value)}"`;
  },
);

const BIG = { u64: bigInteger("u64", 64, false), s64: bigInteger("s64", 64, true) };

/** `u64` or `s64` as a `bigint`, with all of its 64 bits. */
export function big(type) {
  const found = BIG[type.name];
  if (found === undefined) throw new TypeError("big() takes u64 or s64: the others fit into a number, or are bigints already");
  return found;
}
