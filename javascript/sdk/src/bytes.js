/** Texts and bytes. QuickJS has neither `TextEncoder` nor `btoa`. */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes of a text in UTF-8; half a surrogate pair becomes U+FFFD. */
export function encode(text) {
  const length = text.length;
  let bytes = new Uint8Array(length);
  let at = 0;
  for (; at < length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) break;
    bytes[at] = unit;
  }
  if (at === length) return bytes;
  const wide = new Uint8Array(at + (length - at) * 3);
  wide.set(bytes.subarray(0, at));
  bytes = wide;
  let to = at;
  while (at < length) {
    const point = text.codePointAt(at);
    at += point > 0xffff ? 2 : 1;
    if (point < 0x80) {
      bytes[to++] = point;
    } else if (point < 0x800) {
      bytes[to++] = 0xc0 | (point >> 6);
      bytes[to++] = 0x80 | (point & 63);
    } else if (point < 0x10000) {
      const kept = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
      bytes[to++] = 0xe0 | (kept >> 12);
      bytes[to++] = 0x80 | ((kept >> 6) & 63);
      bytes[to++] = 0x80 | (kept & 63);
    } else {
      bytes[to++] = 0xf0 | (point >> 18);
      bytes[to++] = 0x80 | ((point >> 12) & 63);
      bytes[to++] = 0x80 | ((point >> 6) & 63);
      bytes[to++] = 0x80 | (point & 63);
    }
  }
  return bytes.slice(0, to);
}

/** Whether a value is bytes: also what an engine's bindings have made, which may have globals of their own, so that it is no instance of ours. */
export function isBytes(value) {
  return ArrayBuffer.isView(value) && value[Symbol.toStringTag] === "Uint8Array";
}

/** Bytes as an instance of the `Uint8Array` that contexts know. */
export function ownBytes(value) {
  if (value instanceof Uint8Array) return value;
  return isBytes(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : Uint8Array.from(value);
}

/** As many bytes as a function can be called with. */
const CHUNK = 4096;

/** The text of bytes in UTF-8; null where they are not. What goes through each byte is the engine's own: an interpreter would take long to. */
export function decode(bytes) {
  const all = ownBytes(bytes);
  let units = "";
  for (let at = 0; at < all.length; at += CHUNK) units += String.fromCharCode.apply(null, all.subarray(at, at + CHUNK));
  if (!/[^\0-\x7f]/.test(units)) return units;
  try {
    return decodeURIComponent(escape(units));
  } catch {
    return null;
  }
}

/** Bytes in Base64 (RFC 4648, section 4, with padding). */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const three = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += DIGITS[three >> 18] + DIGITS[(three >> 12) & 63];
    text += (left > 1 ? DIGITS[(three >> 6) & 63] : "=") + (left > 2 ? DIGITS[three & 63] : "=");
  }
  return text;
}

/** The bytes of a text in Base64; null where it is none. */
export function fromBase64(text) {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let to = 0;
  for (let at = 0; at < text.length; at += 4) {
    let four = 0;
    for (let digit = 0; digit < 4; digit += 1) {
      const value = DIGITS.indexOf(text[at + digit]);
      four = (four << 6) | (value < 0 ? 0 : value);
    }
    for (const byte of [four >> 16, (four >> 8) & 255, four & 255]) {
      if (to < bytes.length) bytes[to++] = byte;
    }
  }
  // What the padding leaves over must be nothing: each value has one text.
  return toBase64(bytes) === text ? bytes : null;
}
