/** Types that are not made of others. */

import { fromBase64, toBase64 } from "../bytes.js";
import { isWellFormed } from "../text.js";
import { BODY, EVENT, Mismatch, STATE, Type, wanted } from "./type.js";

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

  get hasText() {
    return this.name !== "unit";
  }

  get namesMembers() {
    return this.name === "char";
  }

  describe() {
    return { tag: "scalar", val: this.name };
  }
}

/** Digits, as many as an integer of 128 bits has: more would only take long to read. */
const DIGITS = /^-?\d{1,39}$/;
/** The one text of a whole number. */
const CANONICAL = /^(0|-?[1-9]\d{0,38})$/;

/** An integer: `readText` and maps are the same for numbers and bigints. */
class Integer extends Scalar {
  constructor(name, read, write) {
    super(name, read, write);
    /** From where to where it is, where that is narrower than its name says. */
    this.bounds = null;
    /** Whether its values are bigints. */
    this.isBig = false;
  }

  annotations() {
    return this.bounds === null ? [] : [{ tag: "value", val: this.bounds }];
  }

  get namesMembers() {
    return true;
  }

  readText(text) {
    if (!CANONICAL.test(text)) throw wanted("a whole number", text);
    const number = Number(text);
    return this.read(Number.isSafeInteger(number) ? number : BigInt(text), BODY);
  }

  writeText(value) {
    return this.write(value, EVENT);
  }
}

/** An integer that is a `number`: exact, up to 2^53. */
function integer(name, least, most) {
  const what = `a whole number (${name})`;
  const fits = (value) => Number.isSafeInteger(value) && value >= least && value <= most;
  const read = (json, form) => {
    let value = json;
    if (form === STATE && typeof json === "string" && DIGITS.test(json)) value = Number(json);
    if (typeof value === "number" && fits(value)) return value + 0;
    const isLarge = typeof value === "bigint" || (typeof json === "string" && Number.isInteger(value));
    if (isLarge && form === BODY && name.endsWith("64")) throw wanted(`a whole number (${name}, up to 2^53)`, json);
    if (isLarge && form !== BODY && (name === "u64" || name === "s64")) {
      throw new Mismatch(`${json} is larger than a number of JavaScript can be; its type must be big(${name})`);
    }
    throw wanted(what, json);
  };
  const write = (value) => {
    if (typeof value !== "number" || !fits(value)) throw wanted(what, value);
    return String(value);
  };
  const type = new Integer(name, read, write);
  return name.endsWith("64") ? type.but({ bounds: { least, most } }) : type;
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
    if (typeof json === "bigint" || Number.isSafeInteger(json)) value = BigInt(json);
    if (form !== BODY && typeof json === "string" && DIGITS.test(json)) value = BigInt(json);
    if (value === null || !fits(value)) throw wanted(what, json);
    return value;
  };
  const write = (value, form) => {
    if (typeof value !== "bigint" || !fits(value)) throw wanted(what, value);
    const isLarge = value > SAFE || value < -SAFE;
    return isLarge && form === STATE ? `"${value}"` : String(value);
  };
  return new Integer(name, read, write).but({ isBig: true });
}

const ODD = { NaN, Infinity, "-Infinity": -Infinity };
/** A number as JSON writes it: no other base, no name, nothing around it. */
const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A floating-point number. Outside of the state it is finite. */
class Float extends Scalar {
  readText(text) {
    if (!DECIMAL.test(text)) throw wanted("a number", text);
    return this.read(Number(text), BODY);
  }
}

function float(name) {
  const what = `a number (${name})`;
  /** The nearest one that there is. One that is too large is not turned into an infinite one. */
  const nearest = (value) => {
    const near = name === "f32" ? Math.fround(value) : value;
    if (!Number.isFinite(near)) throw new Mismatch(`the number is larger than an ${name} can be`);
    return near;
  };
  const read = (json, form) => {
    if (typeof json === "number" || typeof json === "bigint") return nearest(Number(json));
    if (form === STATE && typeof json === "string" && Object.hasOwn(ODD, json)) return ODD[json];
    throw wanted(what, json);
  };
  const write = (value, form) => {
    if (typeof value !== "number") throw wanted(what, value);
    if (!Number.isFinite(value)) {
      if (form === STATE) return `"${value}"`;
      throw new Mismatch(`${value} cannot be told as JSON`);
    }
    const near = nearest(value);
    return Object.is(near, -0) ? "-0.0" : String(near);
  };
  return new Float(name, read, write);
}

function wellFormed(value) {
  if (typeof value !== "string") throw wanted("a text", value);
  if (!isWellFormed(value)) throw new Mismatch("the text has half a surrogate pair, which is no character");
  return value;
}

/** A text as JSON. */
export function quoted(value) {
  return JSON.stringify(wellFormed(value));
}

export class Text extends Type {
  constructor() {
    super();
    this.name = "string";
    /** How many characters it may have in a body, and when it is written; null where that is not said. */
    this.most = null;
  }

  get hasText() {
    return true;
  }

  get namesMembers() {
    return true;
  }

  /** A text that is not blank and has at most so many characters. What is there already is read however long it is, since it may have been allowed to be. */
  upTo(most) {
    if (most !== Infinity && (!Number.isSafeInteger(most) || most < 1)) throw new TypeError(`a text is up to a whole number of characters, from 1 on: text.upTo(500)`);
    return this.but({ most });
  }

  describe() {
    return { tag: "scalar", val: "string" };
  }

  annotations(form) {
    if (this.most === null || form !== BODY) return [];
    const most = Number.isSafeInteger(this.most) ? this.most : null;
    return [{ tag: "length", val: { least: 1, most } }, { tag: "pattern", val: "\\S" }];
  }

  read(json, form) {
    const text = wellFormed(json);
    return form === BODY ? this.fitting(text) : text;
  }

  write(value) {
    return quoted(this.fitting(wellFormed(value)));
  }

  /** The text, if it is not blank, and as long as it may be. */
  fitting(text) {
    if (this.most === null) return text;
    if (text.trim() === "") throw new Mismatch("must not be blank");
    if (text.length > this.most && [...text].length > this.most) throw new Mismatch(`must have at most ${this.most} characters`);
    return text;
  }
}

const oneCharacter = (text) => {
  if ([...text].length !== 1) throw wanted("one character", text);
  return text;
};

class Bool extends Scalar {
  get namesMembers() {
    return true;
  }

  readText(text) {
    if (text !== "true" && text !== "false") throw wanted("true or false", text);
    return text === "true";
  }
}

export const unit = new Scalar(
  "unit",
  (json) => {
    if (json !== null) throw wanted("null", json);
    return null;
  },
  () => "null",
);
export const bool = new Bool(
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
export const char = new Scalar("char", (json) => oneCharacter(wellFormed(json)), (value) => quoted(oneCharacter(wellFormed(value))));
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
  if (!Object.hasOwn(BIG, type.name)) throw new TypeError("big() takes u64 or s64: the others fit into a number, or are bigints already");
  const { stored, hasDefault, fallback, remarks } = type;
  return BIG[type.name].but({ stored, hasDefault, remarks, fallback: hasDefault ? BigInt(fallback) : fallback });
}
