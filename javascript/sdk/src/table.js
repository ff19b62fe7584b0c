/** Tables: the typed parts of a context's state, and the only thing that outlives an invocation. */

import { decode, encode } from "./bytes.js";
import { host } from "./host.js";
import { Index, keyValues, Unique } from "./indexes.js";
import { Key } from "./key.js";
import { Page } from "./paging.js";
import { Fault, Problem, Taken } from "./problem.js";
import { textOf } from "./text.js";
import { parse, s64, STATE, stringify, unit } from "./types.js";

/** The host takes a limit of 32 bits, and one engine a sign among them: there are never so many rows. */
const LARGEST_LIMIT = 2 ** 31 - 1;

/** What reads a table. */
class TableReader {
  constructor(name, key, value) {
    if (typeof name !== "string" || name === "" || name.includes("/")) {
      throw new TypeError("a table has a name without `/`");
    }
    this.name = name;
    this.key = new Key(key);
    this.value = value;
  }

  /** The tables of the state that it is. */
  get tables() {
    return [this];
  }

  /** For the description. */
  describe(types) {
    return { name: this.name, key: this.key.describe(), value: types.place(this.value, STATE) };
  }

  /** The value of a key; undefined where there is none. */
  get(key) {
    const stored = host().state.get(this.text(key));
    return stored === null || stored === undefined ? undefined : this.decode(stored);
  }

  /** The value of a key; where there is none, the problem is thrown, without one 404. */
  find(key, problem = Problem.notFound("There is no such entry.")) {
    const found = this.get(key);
    if (found === undefined) throw problem;
    return found;
  }

  /** Whether a key is there. */
  has(key) {
    const stored = host().state.get(this.text(key));
    return stored !== null && stored !== undefined;
  }

  /** How many keys there are: of any number, it costs the same. */
  count() {
    return Number(host().state.count(`${this.name}/`, `${this.name}0`));
  }

  /** The first rows, at most so many: `[key, value]`. */
  first(limit) {
    return this.rows(`${this.name}/`, `${this.name}0`, limit, false);
  }

  /** The last rows, the last one first, at most so many. */
  last(limit) {
    return this.rows(`${this.name}/`, `${this.name}0`, limit, true);
  }

  /** The rows behind a key, whether or not it is there, at most so many. */
  after(key, limit) {
    return this.rows(this.behind(key), `${this.name}0`, limit, false);
  }

  /** The rows from a key up to another one, which is not among them, at most so many. */
  range(from, to, limit) {
    return this.rows(this.text(from), this.text(to), limit, false);
  }

  /** The rows whose keys begin with this part, in their order, at most so many. */
  of(first, limit) {
    return this.rows(...this.#beginning(first), limit, false);
  }

  /** The last rows whose keys begin with this part, the last one first, at most so many. */
  lastOf(first, limit) {
    return this.rows(...this.#beginning(first), limit, true);
  }

  /** How many keys begin with this part. It costs a look at each of them. */
  countOf(first) {
    return Number(host().state.count(...this.#beginning(first)));
  }

  /** The next id, from 1. Ids may be skipped, and never come again once something was done with them. */
  nextId() {
    return Number(host().state.nextSequence(this.name));
  }

  /** A page of a table whose key is a number, in the order of the ids. */
  page(paging) {
    return Page.of(this, paging);
  }

  /** Whether an entry of the state is a row of this table. */
  holds(entry) {
    return entry.key.startsWith(`${this.name}/`);
  }

  /** The key of a row. */
  keyOf(entry) {
    const key = this.holds(entry) ? this.key.read(entry.key.slice(this.name.length + 1)) : undefined;
    if (key === undefined) throw new Fault(`${entry.key} is no row of ${this.name}`);
    return key;
  }

  /** The value of a row. */
  read(entry) {
    if (!this.holds(entry)) throw new Fault(`${entry.key} is no row of ${this.name}`);
    return this.decode(entry.value);
  }

  #beginning(first) {
    const start = `${this.name}/${this.key.beginning(first)}`;
    const last = start.charCodeAt(start.length - 1);
    return [start, start.slice(0, -1) + String.fromCharCode(last + 1)];
  }

  behind(key) {
    return `${this.text(key)}\0`;
  }

  text(key) {
    return `${this.name}/${this.key.write(key)}`;
  }

  rows(start, end, limit, isReverse) {
    if (!Number.isInteger(limit)) throw new Fault(`a limit is a whole number, not ${textOf(limit)}`);
    // For the host 0 is as many as there are.
    if (limit <= 0) return [];
    return host()
      .state.scan(start, end, Math.min(limit, LARGEST_LIMIT), isReverse)
      .map((entry) => [this.keyOf(entry), this.decode(entry.value)]);
  }

  encode(value) {
    return encode(stringify(this.value, value, STATE, `a record of ${this.name} cannot be stored`));
  }

  decode(stored) {
    return parse(this.value, stored, `a record of ${this.name} cannot be read`);
  }
}

class Table extends TableReader {
  #type;
  #indexes = [];

  constructor(name, key, value) {
    super(name, key, value);
    this.#type = key;
  }

  get tables() {
    return [this, ...this.#indexes.map(({ rows }) => rows)];
  }

  /**
   * An index by which the one row is found that has a value, of a type for keys: a function says of each row which it has, or nothing for one that is not in the index. No two rows may have the
   * same.
   */
  unique(name, type, of) {
    return this.#indexedBy(new Unique(new Table(name, type, keyValues(this.key)), this.key, of));
  }

  /** An index by which all rows are found that have a value, likewise. */
  index(name, type, of) {
    if (this.key.isList || Array.isArray(type)) throw new TypeError(`the index ${name} finds rows by one value, and by keys of one part`);
    return this.#indexedBy(new Index(new Table(name, [type, this.#type], unit), this.key, of));
  }

  #indexedBy(index) {
    this.#indexes.push(index);
    return index;
  }

  /** Stores a value under a key. Where another row has what only one may have, the problem is thrown, without one a `Taken`; then nothing is changed. */
  put(key, value, problem) {
    const taken = this.#indexes.find((index) => index.isTaken(key, value));
    if (taken !== undefined) throw problem ?? new Taken(taken.name);
    this.#change(key, value, this.#row(key, value));
  }

  /** Removes a key. Removing what is not there is no error. */
  delete(key) {
    this.#change(key, undefined, { key: this.text(key) });
  }

  /** The row that `put` would store, for a migration. */
  entry(key, value) {
    if (this.#indexes.length > 0) throw new TypeError(`${this.name} has indexes: \`entries\` has what they have of the row, too`);
    return this.#row(key, value);
  }

  /** The row that `put` would store, and what the indexes have of it, for a migration. */
  entries(key, value) {
    return [this.#row(key, value), ...this.#indexes.flatMap((index) => index.changes(key, undefined, value))];
  }

  #row(key, value) {
    return { key: this.text(key), value: this.encode(value) };
  }

  /** Changes a row and what the indexes have of it, or nothing. */
  #change(key, row, change) {
    const old = this.#indexes.length === 0 ? undefined : this.get(key);
    const { state } = host();
    for (const one of [change, ...this.#indexes.flatMap((index) => index.changes(key, old, row))]) {
      if (one.value === undefined) state.delete(one.key);
      else state.put(one.key, one.value);
    }
  }
}

/** A typed part of the context's state: one of the `tables` of its declaration. */
export function table(name, key, value) {
  return new Table(name, key, value);
}

/** The largest number that is added, and the smallest: what a counter holds has 64 bits. */
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

/** What is added, as numbers that are exact: not every engine hands a bigint over. Of a larger one a multiple of 2^53 is a number of its own. */
function exactParts(delta) {
  if (Number.isSafeInteger(Number(delta))) return [Number(delta)];
  const rest = delta % 2n ** 53n;
  return [Number(delta - rest), Number(rest)];
}

/** Numbers that are added to without being read, so that additions do not conflict with each other. */
class Counter extends TableReader {
  constructor(name, key, value) {
    super(name, key, value);
    if (value?.name !== "s64") throw new TypeError(`the counter ${name} has numbers of s64, or bigints of big(s64)`);
  }

  /** Adds to a number, which is 0 where nothing is there. */
  add(key, delta) {
    const { isBig } = this.value;
    const isWhole = Number.isSafeInteger(delta) || (isBig && typeof delta === "bigint" && delta >= LEAST && delta <= MOST);
    if (!isWhole) throw new Fault(`a whole number${isBig ? " or a bigint of 64 bits" : ""} is added, not ${textOf(delta)}`);
    for (const part of exactParts(delta)) host().state.add(this.text(key), part);
  }

  /** The sum. */
  get(key) {
    return super.get(key) ?? (this.value.isBig ? 0n : 0);
  }

  /** Removes the number. */
  delete(key) {
    host().state.delete(this.text(key));
  }

  decode(stored) {
    if (!this.value.isBig && !isSafe(stored)) {
      throw new Fault(`the sum in ${this.name} is larger than a number of JavaScript can be: declare it as counter("${this.name}", …, big(s64)), and it is a bigint`);
    }
    return super.decode(stored);
  }
}

/** Whether a sum is a number that is exact; what is no sum is told by its type. */
function isSafe(stored) {
  const digits = /^"?(-?\d+)"?$/.exec(decode(stored) ?? "");
  return digits === null || Number.isSafeInteger(Number(digits[1]));
}

/** A table of numbers that are added to: one of the `tables` of the declaration. They are numbers, or with `big(s64)` bigints, which hold all that 64 bits do. */
export function counter(name, key, value = s64) {
  return new Counter(name, key, value);
}
