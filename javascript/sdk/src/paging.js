/** Parts of collections: `?after=17&size=20`, what comes after an item, or `?page=0&size=20`, pages from 0. */

import { host } from "./host.js";
import { Problem } from "./problem.js";
import { textOf } from "./text.js";
import { big, optional, u32, u64 } from "./types.js";

const SIZE = 20;
const MAX_SIZE = 100;
/** What is read of a query, as the documents say it. */
export const PAGING_TYPES = { page: optional(u32), after: optional(big(u64)), size: optional(u32.but({ bounds: { least: 1, most: MAX_SIZE } })) };
export const PAGING_NAMES = Object.keys(PAGING_TYPES);

const LARGEST_PAGE = 2n ** 32n - 1n;
const LARGEST_ID = 2n ** 64n - 1n;

/** A number in its canonical form: digits, no sign, no leading zero. One that a number cannot say exactly is a bigint. */
function plainNumber(value, most) {
  if (!/^(0|[1-9]\d{0,19})$/.test(value) || BigInt(value) > most) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

function number(query, name, wanted, most) {
  const values = query.filter(([found]) => found === name).map(([, value]) => value);
  if (values.length > 1) throw new Problem(400, `Invalid ${name} in the query: it is there twice.`);
  if (values.length === 0) return undefined;
  const read = plainNumber(values[0], most);
  if (read === undefined) {
    throw new Problem(400, `Invalid ${name} in the query: ${JSON.stringify(values[0])} is not ${wanted}.`);
  }
  return read;
}

/** As many as a limit can be, and one more is asked for. */
const MOST_ITEMS = 2 ** 31 - 2;

/** What a context makes of it by itself is looked at, too. */
function refuseNumber(what, value, least, most) {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`the ${what} of a paging is a whole number from ${least} to ${most}, not ${textOf(value)}`);
  }
}

/** Which part of a collection is wanted. */
export class Paging {
  constructor({ page, after, size = SIZE, asked }) {
    refuseNumber("size", size, 1, MOST_ITEMS);
    if (page !== undefined) refuseNumber("page", page, 0, Number(LARGEST_PAGE));
    this.page = after === undefined ? (page ?? 0) : undefined;
    this.after = after;
    this.size = size;
    this.asked = asked;
  }

  /** What a request asks for; other values are answered 400. */
  static of(request) {
    const page = number(request.query, "page", "a page number", LARGEST_PAGE);
    const after = number(request.query, "after", "the id of an item", LARGEST_ID);
    const size = number(request.query, "size", "a number of items", LARGEST_PAGE) ?? SIZE;
    if (size < 1 || size > MAX_SIZE) {
      throw new Problem(400, `Invalid size in the query: it must be from 1 to ${MAX_SIZE}.`);
    }
    if (page !== undefined && after !== undefined) {
      throw new Problem(400, "Invalid query: it has both page and after; send the one that you want to begin at.");
    }
    const kept = request.query.filter(([name]) => !PAGING_NAMES.includes(name));
    const encode = (part) => encodeURIComponent(part).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
    const asked = kept.map(([name, value]) => `${encode(name)}=${encode(value)}&`).join("");
    return new Paging({ page, after, size, asked: `${request.path}?${asked}` });
  }
}

/** A part of a collection, oldest first. */
export class Page {
  constructor(items, total, paging, next) {
    this.items = items;
    this.total = total;
    this.paging = paging;
    this.next = next;
  }

  /** A page of a table whose key is a number. */
  static of(table, paging) {
    const total = table.count();
    const { page, after, size } = paging;
    let entries;
    let hasMore;
    if (after !== undefined) {
      // One more tells whether there is more.
      entries = table.after(after, size + 1);
      hasMore = entries.length > size;
      entries = entries.slice(0, size);
    } else {
      const offset = page * size;
      entries = rows(table, offset, size, total);
      hasMore = offset + entries.length < total;
    }
    const last = entries.at(-1)?.[0];
    return new Page(entries.map(([, value]) => value), total, paging, hasMore ? last : undefined);
  }

  /** The same page, with each item turned into another. */
  map(change) {
    return new Page(this.items.map(change), this.total, this.paging, this.next);
  }

  toJSON() {
    const { page, after, size } = this.paging;
    const start = after === undefined ? { page } : { after };
    return { items: this.items, ...start, size, total: this.total };
  }

  /** Where the other parts are, as a `Link` header says it (RFC 8288). */
  get links() {
    const { page, size, asked } = this.paging;
    if (asked === undefined) return undefined;
    const last = Math.floor(Math.max(this.total - 1, 0) / size);
    const links = [["page=0", "first"]];
    if (page > 0) links.push([`page=${page - 1}`, "prev"]);
    if (this.next !== undefined) links.push([`after=${this.next}`, "next"]);
    links.push([`page=${last}`, "last"]);
    return links.map(([start, relation]) => `<${asked}${start}&size=${size}>; rel="${relation}"`).join(", ");
  }
}

/** So many rows, or less at the end, behind the first `offset` of all `total`. */
function rows(table, offset, size, total) {
  const left = total - offset;
  if (left <= 0) return [];
  if (left <= size) return table.last(left).reverse();
  if (offset <= left) {
    const first = firstBehind(table, offset);
    return first === undefined ? [] : from(table, first, size);
  }
  const first = firstOfLast(table, left);
  return first === undefined ? [] : from(table, first, size);
}

function from(table, first, limit) {
  return table.rows(table.text(first), `${table.name}0`, limit, false);
}

function countBetween(start, end) {
  return BigInt(host().state.count(start, end));
}

const bounded = (id) => (id < 0n ? 0n : id > LARGEST_ID ? LARGEST_ID : id);

/** An id that has exactly `n` ids of the table before it: `n` ids take at least `n` numbers, so as many are skipped as are missing, and counted. */
function firstBehind(table, n) {
  let id = 0n;
  let missing = BigInt(n);
  while (missing > 0n) {
    const next = bounded(id + missing);
    const skipped = countBetween(table.text(id), table.text(next));
    missing -= skipped;
    id = next;
    if (skipped === 0n) {
      const [row] = from(table, id, 1);
      if (row === undefined) return undefined;
      id = BigInt(row[0]);
    }
  }
  return id;
}

/** An id that has exactly `n` ids of the table from it on: the same from the other end. */
function firstOfLast(table, n) {
  let end = `${table.name}0`;
  let missing = BigInt(n);
  for (;;) {
    const [last] = table.rows(`${table.name}/`, end, 1, true);
    if (last === undefined) return undefined;
    const first = bounded(BigInt(last[0]) - (missing - 1n));
    const start = table.text(first);
    missing -= countBetween(start, end);
    if (missing <= 0n) return first;
    end = start;
  }
}
