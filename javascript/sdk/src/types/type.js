/**
 * What all types have in common.
 *
 * A value is written in one of three forms. In the state it is as docs/state.md says, so that versions in any language read it. In events and answers integers are numbers of any
 * size. A body is read strictly: nothing that nobody reads, and no text for a number.
 */

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

/** A value that is not what was wanted. */
export function wanted(what, value) {
  return new Mismatch(`invalid value: ${shown(value)}, expected ${what}`);
}
