/** A played state: what is there, and what an invocation stages. */

import { encode } from "../bytes.js";

/** The order of two keys: that of their bytes. */
function compare(one, other) {
  const [a, b] = [encode(one), encode(other)];
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}

export class State {
  constructor() {
    this.rows = new Map();
    this.sequences = new Map();
  }

  /** The state as an invocation sees and changes it. `refuse` ends the invocation. */
  unit(tables, refuse) {
    return new Unit(this, tables, refuse);
  }
}

class Unit {
  constructor(state, tables, refuse) {
    this.state = state;
    this.tables = tables;
    this.refuse = refuse;
    this.rows = new Map(state.rows);
  }

  #check(key) {
    const table = key.split("/", 1)[0];
    if (!key.includes("/") || !this.tables.includes(table)) {
      this.refuse(`a key of the table ${table} was written, which the context does not describe: name it under \`tables\``);
    }
  }

  get(key) {
    return this.rows.get(key) ?? null;
  }

  put(key, value) {
    this.#check(key);
    if (!(value instanceof Uint8Array)) this.refuse("a value is bytes");
    this.rows.set(key, value);
  }

  add(key, delta) {
    this.#check(key);
    const now = this.rows.get(key);
    const sum = Number(now === undefined ? 0 : new TextDecoder().decode(now).replaceAll('"', "")) + delta;
    this.rows.set(key, encode(String(sum)));
  }

  delete(key) {
    this.rows.delete(key);
  }

  scan(start, end, limit, isReverse) {
    const inside = (key) => compare(key, start) >= 0 && (end === "" || compare(key, end) < 0);
    const keys = [...this.rows.keys()].filter(inside).sort(compare);
    if (isReverse) keys.reverse();
    return keys.slice(0, limit === 0 ? 10_000 : limit).map((key) => ({ key, value: this.rows.get(key) }));
  }

  count(start, end) {
    return this.scan(start, end, Number.MAX_SAFE_INTEGER, false).length;
  }

  nextSequence(name) {
    const next = (this.state.sequences.get(name) ?? 0) + 1;
    this.state.sequences.set(name, next);
    return next;
  }

  commit() {
    this.state.rows = this.rows;
  }
}
