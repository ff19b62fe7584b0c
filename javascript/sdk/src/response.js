/** What every answer has, whoever made it: it is looked at where an exception is still one. */

import { textOf, toWellFormed } from "./text.js";

/** A status, if it is one from the least on. */
export function checkedStatus(what, least, status) {
  if (!Number.isInteger(status) || status < least || status > 599) {
    throw new RangeError(`${what} has a status from ${least} to 599, not ${textOf(status)}`);
  }
  return status;
}

/** Headers as the host takes them. */
export function headerList(headers) {
  return Object.entries(headers).map(([name, value]) => [toWellFormed(name.toLowerCase()), textOf(value)]);
}
