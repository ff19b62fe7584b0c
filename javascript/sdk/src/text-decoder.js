/** What stands for `TextDecoder` where an engine has none: for UTF-8, which is all that the host speaks. */

import { decode, ownBytes } from "./bytes.js";

const NAMES = ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"];
const MARK = "\ufeff";

/** The bytes of what is decoded: a view has a part of its buffer alone. */
function bytesOf(input) {
  if (input === undefined) return new Uint8Array();
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  const isBuffer = Object.prototype.toString.call(input) === "[object ArrayBuffer]" || Object.prototype.toString.call(input) === "[object SharedArrayBuffer]";
  if (!isBuffer) throw new TypeError("what is decoded is an ArrayBuffer, or a view of one");
  return ownBytes(new Uint8Array(input));
}

/** What may follow a first byte: how many bytes, and from where to where the next one is, where not from 0x80 to 0xbf (RFC 3629). */
function sequence(first) {
  if (first >= 0xc2 && first <= 0xdf) return [1, 0x80, 0xbf];
  if (first >= 0xe0 && first <= 0xef) return [2, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf];
  if (first >= 0xf0 && first <= 0xf4) return [3, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf];
  return first < 0x80 ? [0, 0, 0] : null;
}

/** Where the character ends that begins at a place, and whether it is one; what is none ends before the first byte that cannot be of it. */
function character(bytes, start) {
  const found = sequence(bytes[start]);
  if (found === null) return [start + 1, false];
  let [left, least, most] = found;
  let at = start + 1;
  for (; left > 0; left -= 1, at += 1) {
    if (at >= bytes.length || bytes[at] < least || bytes[at] > most) return [at, false];
    [least, most] = [0x80, 0xbf];
  }
  return [at, true];
}

/** Whether bytes end within a character. */
function isCutOff(bytes) {
  const last = bytes.subarray(-3).findLastIndex((byte) => byte >= 0xc0);
  const start = bytes.length - Math.min(bytes.length, 3) + last;
  return last >= 0 && start + (sequence(bytes[start])?.[0] ?? 0) >= bytes.length;
}

/** The text of bytes, with U+FFFD for what is no UTF-8, as the standard of the web has it. */
function decodeLoosely(bytes) {
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const [end, isCharacter] = character(bytes, at);
    if (!isCharacter) {
      text += `${decode(bytes.subarray(from, at))}\ufffd`;
      from = end;
    }
    at = end;
  }
  return text + decode(bytes.subarray(from));
}

export class TextDecoder {
  constructor(encoding = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    const name = String(encoding).trim().toLowerCase();
    this.encoding = NAMES.includes(name) ? "utf-8" : name;
    this.fatal = Boolean(fatal);
    this.ignoreBOM = Boolean(ignoreBOM);
  }

  decode(input, { stream = false } = {}) {
    // Libraries make decoders that they do not use.
    if (this.encoding !== "utf-8") throw new RangeError(`there is no encoding ${this.encoding} here, but utf-8 alone`);
    const bytes = bytesOf(input);
    if (stream && isCutOff(bytes)) throw new TypeError("a text is decoded as a whole here: give `decode` all of its bytes, without `stream`");
    const exact = decode(bytes);
    if (exact === null && this.fatal) throw new TypeError("the bytes are not UTF-8");
    const text = exact ?? decodeLoosely(bytes);
    return !this.ignoreBOM && text.startsWith(MARK) ? text.slice(1) : text;
  }
}
