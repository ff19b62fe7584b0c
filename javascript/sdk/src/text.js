/** Texts of whatever it may be: anything can be thrown, logged, or given as a header. */

import { decode, encode } from "./bytes.js";

/** Whether a text has no half of a surrogate pair, which is no character. */
export function isWellFormed(text) {
  return text.isWellFormed?.() ?? decode(encode(text)) === text;
}

/** A text with U+FFFD for each half of a surrogate pair: the host takes characters only. */
export function toWellFormed(text) {
  return isWellFormed(text) ? text : decode(encode(text));
}

/** The text of a value. It throws nothing. */
export function textOf(value) {
  try {
    return toWellFormed(String(value));
  } catch {
    return "a value that has no text";
  }
}

/** The reason that something thrown gives. It throws nothing. */
export function reasonOf(error) {
  try {
    return error instanceof Error ? textOf(error.message) : textOf(error);
  } catch {
    return "an exception that cannot be read";
  }
}

/** What is known of something thrown, for the log. It throws nothing. */
export function describeError(error) {
  try {
    if (!(error instanceof Error)) return textOf(error);
    const stack = textOf(error.stack ?? "");
    const message = textOf(error.message);
    // QuickJS has the message apart from the stack, Node in it.
    return stack.includes(message) ? stack : `${textOf(error.name)}: ${message}\n${stack}`.trimEnd();
  } catch {
    return reasonOf(error);
  }
}
