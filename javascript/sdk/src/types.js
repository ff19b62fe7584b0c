/**
 * What tables keep, events tell and bodies hold: types that describe themselves to the host, and read and write JSON.
 *
 * A value is written in one of three forms. In the state it is as docs/state.md says, so that versions in any language read it. In events and answers integers are numbers of any
 * size. A body is read strictly: nothing that nobody reads, and no text for a number.
 */

import { decode, encode, fromBase64, toBase64 } from "./bytes.js";
import { Fault } from "./problem.js";

/** How values are written. */
export const STATE = "state";
export const EVENT = "event";
export const BODY = "body";

/** How deep arrays and objects may lie in each other in the state. */
const DEEPEST = 32;

/** A value that is not of its type, and where. */
export class Mismatch extends Error {
  constructor(detail) {
    super(detail);
    this.name = "Mismatch";
    this.path = [];
  }

  /** Where it is: a JSON pointer (RFC 6901). */
  get pointer() {
    const escape = (part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1");
    return this.path.map((part) => `/${escape(part)}`).join("");
  }
}

/** Runs a part of a reading or writing, and notes where it was when it fails. */
function at(part, run) {
  try {
    return run();
  } catch (error) {
    if (error instanceof Mismatch) error.path.unshift(part);
    throw error;
  }
}

function shown(value) {
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean") return `${value}`;
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : "an object";
}

/** A type of values. Each kind says how it is described, read and written. */
export class Type {
  constructor() {
    /** Its name in the state, where that is another than in the code. */
    this.stored = null;
    /** Whether there is a value where a record lacks one, and how it is made. */
    this.hasDefault = false;
    this.fallback = undefined;
  }

  #changed(change) {
    const copy = Object.assign(Object.create(Object.getPrototypeOf(this)), this);
    change(copy);
    return copy;
  }

  /** The same type, with a value where a record lacks one. */
  or(fallback) {
    return this.#changed((copy) => {
      copy.hasDefault = true;
      copy.fallback = fallback;
    });
  }

  /** The same type, as a field that has another name in the state. */
  storedAs(name) {
    return this.#changed((copy) => {
      copy.stored = name;
    });
  }

  /** Whether `null` is one of its values. */
  get takesNull() {
    return false;
  }

  /** What a record has that lacks it, as a list of one; an empty list where it must not. */
  lacking() {
    return this.hasDefault ? [this.fallback] : [];
  }
}

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

function wanted(what, value) {
  return new Mismatch(`invalid value: ${shown(value)}, expected ${what}`);
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

function writeText(value) {
  if (typeof value !== "string") throw wanted("a text", value);
  if (!isWellFormed(value)) throw new Mismatch("the text has half a surrogate pair, which is no character");
  return JSON.stringify(value);
}

function readText(json) {
  if (typeof json !== "string") throw wanted("a text", json);
  if (!isWellFormed(json)) throw new Mismatch("the text has half a surrogate pair, which is no character");
  return json;
}

class Text extends Scalar {
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

/** What is described of a list, an object, or a text that stands for one. */
function deeper(depth, form) {
  if (form === STATE && depth >= DEEPEST) {
    throw new Mismatch(`its parts lie more than ${DEEPEST} deep in each other`);
  }
  return depth + 1;
}

class Optional extends Type {
  constructor(inner) {
    super();
    this.inner = inner;
  }

  get takesNull() {
    return true;
  }

  lacking() {
    return this.hasDefault ? [this.fallback] : [null];
  }

  describe(place) {
    return { tag: "optional", val: place(this.inner) };
  }

  read(json, form) {
    if (json === null) return null;
    if (!this.inner.takesNull) return this.inner.read(json, form);
    if (typeof json !== "object" || !Object.hasOwn(json, "some")) throw wanted('null or {"some": …}', json);
    return { some: this.inner.read(json.some, form) };
  }

  write(value, form, depth = 0) {
    if (value === null || value === undefined) return "null";
    if (!this.inner.takesNull) return this.inner.write(value, form, depth);
    return `{"some":${this.inner.write(value.some, form, deeper(depth, form))}}`;
  }
}

/** A value, or `null`. Where `null` is one of the values already, `{ some: value }` or `null`. */
export function optional(inner) {
  return new Optional(inner);
}

class List extends Type {
  constructor(item) {
    super();
    this.item = item;
  }

  describe(place) {
    return { tag: "list", val: place(this.item) };
  }

  read(json, form) {
    if (!Array.isArray(json)) throw wanted("a list", json);
    return json.map((item, index) => at(index, () => this.item.read(item, form)));
  }

  write(value, form, depth = 0) {
    if (!Array.isArray(value)) throw wanted("a list", value);
    const inside = deeper(depth, form);
    return `[${value.map((item, index) => at(index, () => this.item.write(item, form, inside))).join(",")}]`;
  }
}

/** Any number of values of one type: an array. */
export function list(item) {
  return new List(item);
}

class Tuple extends Type {
  constructor(parts) {
    super();
    this.parts = parts;
  }

  describe(place) {
    return { tag: "tuple", val: this.parts.map(place) };
  }

  read(json, form) {
    if (!Array.isArray(json) || json.length !== this.parts.length) throw wanted(`a list of ${this.parts.length}`, json);
    return this.parts.map((part, index) => at(index, () => part.read(json[index], form)));
  }

  write(value, form, depth = 0) {
    if (!Array.isArray(value) || value.length !== this.parts.length) throw wanted(`a list of ${this.parts.length}`, value);
    const inside = deeper(depth, form);
    return `[${this.parts.map((part, index) => at(index, () => part.write(value[index], form, inside))).join(",")}]`;
  }
}

/** One value of each type, in this order: an array. */
export function tuple(...parts) {
  return new Tuple(parts);
}

class Dictionary extends Type {
  constructor(key, value) {
    super();
    this.key = key;
    this.value = value;
  }

  get #hasTexts() {
    return this.key instanceof Text;
  }

  describe(place) {
    return { tag: "map", val: [place(this.key), place(this.value)] };
  }

  read(json, form) {
    const isObject = json !== null && typeof json === "object" && !Array.isArray(json);
    if (this.#hasTexts) {
      if (!isObject) throw wanted("an object", json);
      return new Map(Object.entries(json).map(([key, value]) => [key, at(key, () => this.value.read(value, form))]));
    }
    if (!Array.isArray(json)) throw wanted("a list of pairs", json);
    const pair = tuple(this.key, this.value);
    return new Map(json.map((entry, index) => at(index, () => pair.read(entry, form))));
  }

  write(value, form, depth = 0) {
    if (!(value instanceof Map)) throw wanted("a Map", value);
    const inside = deeper(depth, form);
    if (this.#hasTexts) {
      const member = ([key, kept]) => at(key, () => `${writeText(key)}:${this.value.write(kept, form, inside)}`);
      return `{${[...value].map(member).join(",")}}`;
    }
    const pair = tuple(this.key, this.value);
    return `[${[...value].map((entry, index) => at(index, () => pair.write(entry, form, inside))).join(",")}]`;
  }
}

/** Keys of one type with values of another: a `Map`. */
export function map(key, value) {
  return new Dictionary(key, value);
}

class Struct extends Type {
  constructor(fields) {
    super();
    this.fields = Object.entries(fields);
    const stored = this.fields.map(([name, type]) => type.stored ?? name);
    if (new Set(stored).size < stored.length) throw new TypeError("two fields of a record have one name in the state");
  }

  /** The name of a field in a form. */
  static #named(name, type, form) {
    return form === STATE ? (type.stored ?? name) : name;
  }

  describe(place, form) {
    const field = ([name, type]) => ({
      name: Struct.#named(name, type, form),
      value: place(type),
      hasDefault: type.hasDefault,
    });
    return { tag: "record", val: this.fields.map(field) };
  }

  read(json, form) {
    if (json === null || typeof json !== "object" || Array.isArray(json)) throw wanted("an object", json);
    const value = {};
    for (const [name, type] of this.fields) {
      const known = Struct.#named(name, type, form);
      if (Object.hasOwn(json, known)) {
        value[name] = at(known, () => type.read(json[known], form));
      } else {
        const lacking = type.lacking();
        if (lacking.length === 0) throw new Mismatch(`missing field \`${known}\``);
        [value[name]] = lacking;
      }
    }
    if (form === BODY) {
      const unknown = Object.keys(json).find((name) => !this.fields.some(([known]) => known === name));
      if (unknown !== undefined) {
        const names = this.fields.map(([known]) => `\`${known}\``).join(", ");
        const mismatch = new Mismatch(`unknown field \`${unknown}\`, expected ${names || "none"}`);
        mismatch.path.unshift(unknown);
        throw mismatch;
      }
    }
    return value;
  }

  write(value, form, depth = 0) {
    if (value === null || typeof value !== "object") throw wanted("an object", value);
    const inside = deeper(depth, form);
    const member = ([name, type]) => {
      const kept = value[name] === undefined && type.hasDefault ? type.fallback : value[name];
      return at(name, () => `${JSON.stringify(Struct.#named(name, type, form))}:${type.write(kept, form, inside)}`);
    };
    return `{${this.fields.map(member).join(",")}}`;
  }
}

/** Fields with names. Their order means nothing. */
export function record(fields) {
  return new Struct(fields);
}

class Variant extends Type {
  constructor(cases) {
    super();
    this.cases = cases;
  }

  describe(place) {
    const alternative = ([name, type]) => ({ name, value: type === null ? null : place(type) });
    return { tag: "variant", val: Object.entries(this.cases).map(alternative) };
  }

  /** The name of a case, and what it carries. */
  #taken(value) {
    const isObject = value !== null && typeof value === "object" && Object.keys(value).length === 1;
    const name = isObject ? Object.keys(value)[0] : value;
    if (typeof name !== "string" || !Object.hasOwn(this.cases, name) || (this.cases[name] !== null) !== isObject) {
      throw wanted(`one of ${Object.keys(this.cases).join(", ")}`, value);
    }
    return [name, this.cases[name]];
  }

  read(json, form) {
    const [name, type] = this.#taken(json);
    return type === null ? name : { [name]: at(name, () => type.read(json[name], form)) };
  }

  write(value, form, depth = 0) {
    const [name, type] = this.#taken(value);
    if (type === null) return JSON.stringify(name);
    const inside = deeper(depth, form);
    return `{${JSON.stringify(name)}:${at(name, () => type.write(value[name], form, inside))}}`;
  }
}

/** One of several cases: `variant({ Single: null, Suite: u32 })` has the values `"Single"` and `{ Suite: 7 }`. */
export function variant(cases) {
  return new Variant(cases);
}

/** One of several texts: `oneOf("open", "closed")`. */
export function oneOf(...names) {
  return new Variant(Object.fromEntries(names.map((name) => [name, null])));
}

/** The types of a description: each once, and known by its place. */
export class Types {
  constructor() {
    this.list = [];
    this.known = { [STATE]: new Map(), [EVENT]: new Map() };
  }

  /** The place of a type in a form. */
  place(type, form) {
    // A copy that differs in what a record says of a field is the same type; it is described again, which costs a few bytes.
    const found = this.known[form].get(type);
    if (found !== undefined) return found;
    const place = this.list.length;
    this.known[form].set(type, place);
    this.list.push(null);
    this.list[place] = type.describe((inner) => this.place(inner, form), form);
    return place;
  }
}

/** The text of a value, as the state or an event has it. */
export function stringify(type, value, form, what) {
  try {
    return type.write(value, form);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw new Fault(`${what}: ${error.pointer === "" ? "" : `${error.pointer.slice(1)}: `}${error.message}`);
  }
}

/** The value of a text in the state. */
export function parse(type, stored, what) {
  const json = decode(stored);
  if (json === null) throw new Fault(`${what}: it is not UTF-8`);
  try {
    return type.read(JSON.parse(json), STATE);
  } catch (error) {
    if (error instanceof Mismatch) {
      throw new Fault(`${what}: ${error.pointer === "" ? "" : `${error.pointer.slice(1)}: `}${error.message}`);
    }
    if (error instanceof SyntaxError) throw new Fault(`${what}: it is not JSON`);
    throw error;
  }
}
