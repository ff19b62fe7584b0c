/** What a route says that it answers with success. */

import { big, EVENT, list, Mismatch, mismatchText, record, u32, u64 } from "./types.js";
import { encode } from "./bytes.js";
import { LONGEST_NAME, Type } from "./types/type.js";

/** The type of a part of a collection: what a `Page` of such items is as JSON. */
export function pageOf(item) {
  // It begins either at a page or behind an item.
  const page = record({ items: list(item), page: u32.or(0), after: big(u64).or(0n), size: u32, total: u64 });
  return page.named(pageName(item), "A part of a collection, oldest first.");
}

/** As in Rust: `Page`, behind the name of what is on it. */
function pageName(item) {
  const own = `${item.ownName ?? ""}Page`;
  return encode(own).length <= LONGEST_NAME ? own : "Page";
}

/** The types of what a route named `what` answers, by status; `null` is no body. Those that it names are all its successes. */
export function answersOf(what, answers = {}) {
  const byStatus = Object.entries(answers instanceof Type ? { 200: answers } : answers);
  for (const [status, type] of byStatus) {
    if (!/^[23]\d\d$/.test(status)) throw new TypeError(`${what} says what it answers with ${status}: \`answers\` has what is a success, 200 to 399`);
    if (type !== null && !(type instanceof Type)) throw new TypeError(`${what} says no type of what it answers with ${status}, and not null, which is no body`);
  }
  return new Map(byStatus.map(([status, type]) => [Number(status), type]));
}

/** For the documents, with their types among those. */
export function documentAnswers(answers, types) {
  const document = ([status, type]) => ({
    status,
    mediaType: type === null ? null : "application/json",
    value: type === null ? null : types.place(type, EVENT),
  });
  return [...answers].map(document);
}

/** In what an answer differs from what the route says; undefined where it is as it says. `json` is the body as JSON, undefined where it is none. */
export function difference(answers, { status, body }, json) {
  if (status >= 400 || answers.size === 0) return undefined;
  const type = answers.get(status);
  if (type === undefined) return "its `answers` do not have this status";
  if (type === null) return body.length === 0 ? undefined : "it has a body, and by its `answers` none";
  if (json === undefined) return "it is no JSON";
  try {
    type.read(json, EVENT);
    return undefined;
  } catch (error) {
    if (error instanceof Mismatch) return mismatchText(error);
    throw error;
  }
}
