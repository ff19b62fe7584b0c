/** A played state: what is there, and what an invocation stages. */

import { decode, encode } from "../bytes.js";

/** How many bytes a key may have. */
const LONGEST_KEY = 1024;

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
    const { length } = encode(key);
    if (length > LONGEST_KEY) this.refuse(`a key of ${length} bytes is not allowed; keys have 1 to ${LONGEST_KEY}`);
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
    const sum = BigInt(now === undefined ? 0 : decode(now).replaceAll('"', "")) + BigInt(delta);
    if (BigInt.asIntN(64, sum) !== sum) this.refuse(`the sum ${sum} under ${key} has more than 64 bits`);
    // As the state has each integer.
    this.rows.set(key, encode(Number.isSafeInteger(Number(sum)) ? `${sum}` : `"${sum}"`));
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
