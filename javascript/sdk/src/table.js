/** Tables: the typed parts of a context's state, and the only thing that outlives an invocation. */

import { encode } from "./bytes.js";
import { host } from "./host.js";
import { Key } from "./key.js";
import { Page } from "./paging.js";
import { Fault, Problem } from "./problem.js";
import { parse, s64, STATE, stringify } from "./types.js";

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
    if (limit === 0) return [];
    return host()
      .state.scan(start, end, limit, isReverse)
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
  /** Stores a value under a key. */
  put(key, value) {
    host().state.put(this.text(key), this.encode(value));
  }

  /** Removes a key. Removing what is not there is no error. */
  delete(key) {
    host().state.delete(this.text(key));
  }

  /** The row that `put` would store, for a migration. */
  entry(key, value) {
    return { key: this.text(key), value: this.encode(value) };
  }
}

/** A typed part of the context's state: one of the `tables` of its declaration. */
export function table(name, key, value) {
  return new Table(name, key, value);
}

/** Numbers that are added to without being read, so that additions do not conflict with each other. */
class Counter extends TableReader {
  constructor(name, key) {
    super(name, key, s64);
  }

  /** Adds to a number, which is 0 where nothing is there. */
  add(key, delta) {
    if (!Number.isSafeInteger(delta)) throw new Fault(`a whole number is added, not ${delta}`);
    host().state.add(this.text(key), delta);
  }

  /** The sum. */
  get(key) {
    return super.get(key) ?? 0;
  }

  /** Removes the number. */
  delete(key) {
    host().state.delete(this.text(key));
  }
}

/** A table of numbers that are added to: one of the `tables` of the declaration. */
export function counter(name, key) {
  return new Counter(name, key);
}
