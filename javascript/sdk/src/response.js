/** What every answer has, whoever made it: it is looked at where an exception is still one. */

import { textOf, toWellFormed } from "./text.js";

/** A status, if it is one from the least on. */
export function checkedStatus(what, least, status) {
  if (!Number.isInteger(status) || status < least || status > 599) {
    throw new RangeError(`${what} has a status from ${least} to 599, not ${textOf(status)}`);
  }
  return status;
}

/** The text of a header's value. What is nothing, or an object, has none that anybody means. */
function valueOf(name, value) {
  if (!["string", "number", "bigint", "boolean"].includes(typeof value)) {
    throw new TypeError(`the header ${name} has a text, or a list of texts, not ${value === null ? "null" : `a value of the type ${typeof value}`}`);
  }
  return textOf(value);
}

/** Headers as the host takes them: one for each value, where a name has a list of them. */
export function headerList(headers) {
  return Object.entries(headers).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) => [toWellFormed(name.toLowerCase()), valueOf(name, one)]);
  });
}

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** What a value may not have: the host takes what HTTP calls visible, and blanks. */
const UNFIT = /[^\t\x20-\x7e]/;

/** The headers of an answer: what would be none is told while an exception is still one. */
export function answerHeaders(headers) {
  const list = headerList(headers);
  const [name] = list.find(([known, value]) => !NAME.test(known) || UNFIT.test(value)) ?? [];
  if (name !== undefined) throw new TypeError(`${JSON.stringify(name)} cannot be the header of an answer: its name has other characters than a name may have, or its value something else than visible ASCII characters and blanks; encode that, as encodeURIComponent does`);
  return list;
}
