/**
 * JSON whose integers keep all their digits. A number of JavaScript cannot say each integer beyond 2^53; here such a one is a bigint. `JSON.parse` has rounded it before anybody could
 * look, so it is given to it as a text.
 */

import { toBase64 } from "./bytes.js";
import { refusePromise } from "./immediate.js";

const LONG = /\d{16}/;
const NUMBERS = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(\s*:)?/g;
/** As many digits as an integer of 128 bits can have. Longer ones fit into none, and would take long to read. */
const LONG_INTEGER = /^-?[1-9]\d{15,38}$/;

/** Where the text ends that begins at a quote in JSON; -1 where it does not. */
function endOfText(json, start) {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end - 1;
    while (json[before] === "\\") before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

function isName(json, end) {
  let at = end + 1;
  while (" \t\n\r".includes(json[at] ?? ":")) at += 1;
  return json[at] === ":";
}

/**
 * JSON with what `change` makes of each of its texts, with its quotes, and `changeRest` of what is between them. The names of members stay. It looks for quotes only: what is no JSON is
 * passed through, too.
 */
function changed(json, change, changeRest) {
  const parts = [];
  let at = 0;
  for (let start = json.indexOf('"'); start >= 0; start = json.indexOf('"', at)) {
    const end = endOfText(json, start);
    if (end < 0) break;
    const text = json.slice(start, end + 1);
    parts.push(changeRest(json.slice(at, start)), isName(json, end) ? text : change(text));
    at = end + 1;
  }
  parts.push(changeRest(json.slice(at)));
  return parts.join("");
}

/** How deep arrays and objects may lie in each other, as in Rust: what takes them apart would need as many calls. */
const DEEPEST = 127;

/** Whether there are more brackets than may lie in each other, so that it has to be looked how they do. */
function hasManyBrackets(text) {
  let left = DEEPEST;
  const opening = /[[{]/g;
  while (opening.test(text)) {
    left -= 1;
    if (left < 0) return true;
  }
  return false;
}

/** Refuses what lies deeper in each other than it may. */
function refuseDeep(text) {
  if (!hasManyBrackets(text)) return;
  let depth = 0;
  const look = (rest) => {
    for (const bracket of rest.match(/[[\]{}]/g) ?? []) {
      depth += bracket === "[" || bracket === "{" ? 1 : -1;
      if (depth > DEEPEST) throw new SyntaxError(`its parts lie more than ${DEEPEST} deep in each other`);
    }
    return "";
  };
  changed(text, () => "", look);
}

/** What a long integer or a text is, by the mark that was set before it. */
function unmarked(_, value) {
  if (typeof value !== "string") return value;
  const rest = value.slice(1);
  if (value[0] === "s") return rest;
  const number = Number(rest);
  return Number.isSafeInteger(number) ? number : BigInt(rest);
}

/** The value of a JSON text. An integer that a number cannot say exactly is a bigint. */
export function parseJson(text) {
  refuseDeep(text);
  if (!LONG.test(text)) return JSON.parse(text);
  const markLong = (number, colon) => (LONG_INTEGER.test(number) && colon === undefined ? `"i${number}"` : number);
  const marked = changed(text, (one) => `"s${one.slice(1)}`, (rest) => rest.replace(NUMBERS, markLong));
  try {
    return JSON.parse(marked, unmarked);
  } catch (error) {
    // What is wrong with it is said of the text as it came.
    JSON.parse(text);
    throw error;
  }
}

/** What JSON has no word for: bytes are Base64, the keys of a `Map` are members, and an integer is its digits. */
function writer(onLarge, mark) {
  return function write(name, value) {
    // What has a `toJSON` of its own, such as the bytes of Node, has used it already.
    const own = this[name];
    if (own instanceof Uint8Array) return mark("s", toBase64(own));
    refusePromise("a part of the answer", value);
    if (typeof value === "string" || value instanceof String) return mark("s", String(value));
    if (value instanceof Map) return Object.fromEntries(value);
    if (typeof value !== "bigint") return value;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : onLarge(value);
  };
}

/** A value as JSON; undefined where it has no word for it. */
export function writeJson(value) {
  let hasLarge = false;
  const noted = () => {
    hasLarge = true;
    return 0;
  };
  const plain = JSON.stringify(value, writer(noted, (_, text) => text));
  if (!hasLarge) return plain;
  const marked = (letter, text) => `${letter}${text}`;
  const written = JSON.stringify(value, writer((integer) => marked("i", integer), marked));
  return changed(written, (one) => (one[1] === "i" ? one.slice(2, -1) : `"${one.slice(2)}`), (rest) => rest);
}
