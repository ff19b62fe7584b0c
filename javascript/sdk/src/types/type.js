/**
 * What all types have in common.
 *
 * A value is written in one of three forms. In the state it is as docs/state.md says, so that versions in any language read it. In events it is as serde writes it in Rust: integers are
 * numbers of any size, and the keys of maps are members. A body is read like that, and strictly: nothing that nobody reads, no text for a number, and no longer than it may be.
 */

import { encode } from "../bytes.js";
import { isWellFormed } from "../text.js";

/** How values are written. */
export const STATE = "state";
export const EVENT = "event";
export const BODY = "body";

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
export function at(part, run) {
  try {
    return run();
  } catch (error) {
    if (error instanceof Mismatch) error.path.unshift(part);
    throw error;
  }
}

/** How much of a text is repeated to whoever sent it. */
const SHOWN = 100;

/** How many bytes the name of a type may have in the documents of the app. */
export const LONGEST_NAME = 128;
/** How many bytes what is said of a type may have. */
const LONGEST_DESCRIPTION = 4096;
/** What keywords are called. */
const KEYWORD = /^[A-Za-z0-9-]{1,64}$/;

function shown(value) {
  if (typeof value === "string") {
    return value.length > SHOWN ? `the text ${JSON.stringify(value.slice(0, SHOWN))}…` : `the text ${JSON.stringify(value)}`;
  }
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean") return `${value}`;
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : "an object";
}

/** A value of its own: nobody who changes it changes another. */
function copied(value) {
  if (Array.isArray(value)) return value.map(copied);
  if (value instanceof Map) return new Map([...value].map(([key, kept]) => [copied(key), copied(kept)]));
  if (value instanceof Uint8Array) return value.slice();
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, kept]) => [name, copied(kept)]));
}

/** A type of values. Each kind says how it is described, read and written. It has no private members: a copy of it must be as whole as itself. */
export class Type {
  constructor() {
    /** Its name in the state, where that is another than in the code. */
    this.stored = null;
    /** Whether there is a value where a record lacks one, and which. */
    this.hasDefault = false;
    this.fallback = undefined;
    /** What its author says of it to people. */
    this.remarks = [];
  }

  /** The same type, with something else said of it. */
  but(changed) {
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this, changed);
  }

  /** The same type, with a value where a record lacks one. */
  or(fallback) {
    return this.but({ hasDefault: true, fallback });
  }

  /** The same type, as a field that has another name in the state. */
  storedAs(name) {
    return this.but({ stored: name });
  }

  /** The same type with a name, and with what it is for, where that is given. */
  named(name, description) {
    const said = [["name", name, LONGEST_NAME], ["description", description, LONGEST_DESCRIPTION]].filter(([, said]) => said !== undefined);
    for (const [what, text, most] of said) {
      if (typeof text !== "string" || text === "" || !isWellFormed(text) || encode(text).length > most) {
        throw new TypeError(`the ${what} of a type is a text of 1 to ${most} bytes, not ${shown(text)}`);
      }
    }
    const others = this.remarks.filter(({ tag }) => tag === "keyword");
    return this.but({ remarks: [...said.map(([tag, val]) => ({ tag, val })), ...others] });
  }

  /** The name that it has; undefined where it has none. */
  get ownName() {
    return this.remarks.find(({ tag }) => tag === "name")?.val;
  }

  /** The same type, with a keyword of JSON Schema, or of OpenAPI, in the documents. */
  keyword(name, value) {
    const json = JSON.stringify(value);
    if (typeof name !== "string" || !KEYWORD.test(name)) throw new TypeError(`a keyword is letters, digits and hyphens, at most 64, not ${shown(name)}`);
    if (json === undefined) throw new TypeError(`the value of the keyword ${name} is no JSON`);
    const others = this.remarks.filter(({ tag, val }) => tag !== "keyword" || val[0] !== name);
    return this.but({ remarks: [...others, { tag: "keyword", val: [name, json] }] });
  }

  /** What documents say of it, in the form that is given, besides what it is made of. */
  annotations() {
    return [];
  }

  /** Whether `null` is one of its values. */
  get takesNull() {
    return false;
  }

  /** Whether each of its values has a text outside of JSON, in which there is no other one. */
  get hasText() {
    return false;
  }

  /** Whether its values have a text that can be the name of a member: only then it is the key of a map outside the state. */
  get namesMembers() {
    return false;
  }

  /** The value of a text outside of JSON: in a path, a query, the configuration, the name of a member. */
  readText(text) {
    return this.read(text, BODY);
  }

  /** The text of a value that names a member. */
  writeText(value) {
    return String(JSON.parse(this.write(value, EVENT)));
  }

  /** What a record has that lacks it, as a list of one; an empty list where it must not. */
  lacking() {
    return this.hasDefault ? [copied(this.fallback)] : [];
  }
}

/** A value that is not what was wanted. */
export function wanted(what, value) {
  return new Mismatch(`invalid value: ${shown(value)}, expected ${what}`);
}
