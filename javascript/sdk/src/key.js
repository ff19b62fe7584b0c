/** What rows are found by, and how that is written, so that the order of the texts is the order of the keys (docs/state.md). */

import { Fault } from "./problem.js";
import { isWellFormed, textOf } from "./text.js";
import { text, u16, u32, u64, u8 } from "./types.js";

const END = "\u0001";
const ESCAPE = "\u0002";

/** The largest number of each type that has a smaller one than `u64`. */
const LARGEST = { u8: 0xff, u16: 0xffff, u32: 0xffffffff };
const NUMBERS = new Map([u8, u16, u32, u64].map((type) => [type.name, type]));

function isText(part) {
  return part === text;
}

function writePart(part, value) {
  if (isText(part)) {
    if (typeof value !== "string") throw new Fault(`a key is a text here, not ${typeof value}`);
    if (!isWellFormed(value)) throw new Fault("a key has half a surrogate pair, which is no character");
    return value;
  }
  const isNumber = Number.isSafeInteger(value) || (typeof value === "bigint" && value < 1n << 64n);
  if (!isNumber || value < 0 || value > LARGEST[part.name]) throw new Fault(`a key is a whole number (${part.name}) here, not ${textOf(value)}`);
  return value.toString(16).padStart(16, "0");
}

function escaped(value) {
  // eslint-disable-next-line no-control-regex -- These are the characters that mean something in a key.
  return value.replace(/[\u0000-\u0002]/g, (character) => ESCAPE + character.charCodeAt(0));
}

function writeBefore(part, value) {
  return isText(part) ? escaped(writePart(part, value)) + END : `${writePart(part, value)}/`;
}

/** A part's value, and what is left of the text; null where it is no such part. */
function readPart(part, from, isLast) {
  if (isText(part)) {
    if (isLast) return [from, ""];
    const end = from.indexOf(END);
    if (end < 0) return null;
    // eslint-disable-next-line no-control-regex -- It is what a character in a key is escaped by.
    const unescaped = from.slice(0, end).replace(/\u0002([012])/g, (_, digit) => String.fromCharCode(Number(digit)));
    return [unescaped, from.slice(end + 1)];
  }
  const digits = from.slice(0, 16);
  if (!/^[0-9a-f]{16}$/.test(digits) || (isLast ? from.length !== 16 : from[16] !== "/")) return null;
  const value = Number.parseInt(digits, 16);
  if (value > LARGEST[part.name]) return null;
  // What a number cannot say exactly is a bigint.
  return [Number.isSafeInteger(value) ? value : BigInt(`0x${digits}`), from.slice(17)];
}

/** The key of a table: `u64` or another unsigned number, `text`, or a list of up to three of these. */
export class Key {
  constructor(type) {
    this.isList = Array.isArray(type);
    this.parts = this.isList ? type : [type];
    const isPart = (part) => isText(part) || NUMBERS.get(part?.name) === part;
    if (this.parts.length < 1 || this.parts.length > 3 || !this.parts.every(isPart)) {
      throw new TypeError("a key is u8 to u64, text, or a list of up to three of these");
    }
  }

  /** What it is made of, for the description. */
  describe() {
    return this.parts.map((part) => (isText(part) ? "text" : "number"));
  }

  /** The key's text. */
  write(key) {
    const values = this.isList ? key : [key];
    if (!Array.isArray(values) || values.length !== this.parts.length) {
      throw new Fault(`a key has ${this.parts.length} parts here`);
    }
    const last = this.parts.length - 1;
    const one = (part, index) => (index < last ? writeBefore(part, values[index]) : writePart(part, values[index]));
    return this.parts.map(one).join("");
  }

  /** The beginning of all keys whose first part is this. */
  beginning(first) {
    if (!this.isList || this.parts.length < 2) throw new TypeError("the key has one part only");
    return writeBefore(this.parts[0], first);
  }

  /** The key of a text; undefined where it is none. */
  read(from) {
    const values = [];
    let left = from;
    for (const [index, part] of this.parts.entries()) {
      const read = readPart(part, left, index === this.parts.length - 1);
      if (read === null) return undefined;
      values.push(read[0]);
      left = read[1];
    }
    return this.isList ? values : values[0];
  }
}
