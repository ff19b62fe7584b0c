/**
 * Indexes: other ways to find the rows of a table, kept in the same commit as these. What they have is rows of tables of their own, as every SDK has them, so a version in another language
 * goes on with them.
 */

import { plain } from "./exact.js";
import { refuseAsync, refusePromise } from "./immediate.js";
import { big, tuple, u64 } from "./types.js";

/** The type of a table's keys, as values. A number in a key may be larger than a number of JavaScript. */
export function keyValues({ isList, parts }) {
  const types = parts.map((part) => (part === u64 ? big(u64) : part));
  return isList ? tuple(...types) : types[0];
}

/** What rows are found by: a function says it of each row. */
class Finder {
  /** `rows` is the table of what it has, `keys` are the keys of what is found. */
  constructor(rows, keys, of) {
    refuseAsync(`what ${rows.name} finds rows by`, of);
    Object.assign(this, { rows, keys, of });
  }

  get name() {
    return this.rows.name;
  }

  /** What a row is found by; undefined where it is not in the index. */
  found(row) {
    return row === undefined ? undefined : (refusePromise(`what ${this.name} finds a row by`, this.of(row)) ?? undefined);
  }

  /** What follows for the index when a row is changed: entries, and keys that are removed. */
  changes(key, old, row) {
    const [before, after] = [this.found(old), this.found(row)];
    const added = after === undefined ? undefined : this.entry(after, key);
    const removed = before === undefined ? undefined : this.keyOf(before, key);
    if (removed !== undefined && removed === added?.key) return [];
    const changes = [];
    if (removed !== undefined && this.has(before, key)) changes.push({ key: removed });
    if (added !== undefined) changes.push(added);
    return changes;
  }
}

/** Finds the one row that has a value: no two rows may have the same. */
export class Unique extends Finder {
  /** The key of the row that has this value; undefined where there is none. */
  key(value) {
    return plain(this.rows.get(value));
  }

  /** Whether another row than that of the key has what this one has. */
  isTaken(key, row) {
    const value = this.found(row);
    const found = value === undefined ? undefined : this.key(value);
    return found !== undefined && !this.isSame(found, key);
  }

  /** Whether it is the row of this key that has a value. Rows that a migration brought may have had the same: then the entry is the other one's. */
  has(value, key) {
    const found = this.key(value);
    return found !== undefined && this.isSame(found, key);
  }

  /** Whether two keys are one. */
  isSame(key, other) {
    return this.keys.write(key) === this.keys.write(other);
  }

  keyOf(value) {
    return this.rows.text(value);
  }

  entry(value, key) {
    const part = (type, one) => (type === u64 ? BigInt(one) : one);
    const { isList, parts } = this.keys;
    return this.rows.entry(value, isList ? parts.map((type, place) => part(type, key[place])) : part(parts[0], key));
  }
}

/** Finds all rows that have a value. */
export class Index extends Finder {
  /** How many rows have this value. It costs a look at the key of each. */
  countOf(value) {
    return this.rows.countOf(value);
  }

  /** The keys of the rows that have this value, in their order, at most so many. */
  keysOf(value, limit) {
    return this.rows.of(value, limit).map(([[, key]]) => key);
  }

  /** The last of these keys, the last one first, at most so many. */
  lastOf(value, limit) {
    return this.rows.lastOf(value, limit).map(([[, key]]) => key);
  }

  isTaken() {
    return false;
  }

  has() {
    return true;
  }

  keyOf(value, key) {
    return this.rows.text([value, key]);
  }

  entry(value, key) {
    return this.rows.entry([value, key], null);
  }
}
