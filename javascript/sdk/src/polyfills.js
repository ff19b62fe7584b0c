/**
 * What libraries expect to be there, and QuickJS has not. The log, randomness and ids are the invocation's own in each engine: one that was started once, and is copied for each invocation,
 * would draw the same numbers each time.
 */

import { encode } from "./bytes.js";
import { host } from "./host.js";
import { log } from "./log.js";
import { TextDecoder } from "./text-decoder.js";

/** A generator of 32-bit numbers (splitmix32), from a seed. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

// What runs while the component is built can ask no host.
let isBuilt = false;
let next = null;
const early = generator(1);

function random32() {
  if (!isBuilt) return early();
  next ??= generator(Number.parseInt(host().invocation.newId().slice(0, 8), 16));
  return next();
}

/** From now on randomness is the invocation's. */
export function built() {
  isBuilt = true;
}

Math.random = () => (random32() * 0x200000 + (random32() >>> 11)) / 0x20000000000000;

function provide(name, value) {
  if (globalThis[name] === undefined) Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

provide("console", {});
Object.assign(globalThis.console, {
  trace: log.trace, debug: log.debug, log: log.info, info: log.info, warn: log.warn, error: log.error,
});

provide("TextEncoder", class TextEncoder {
  encoding = "utf-8";

  encode(text = "") {
    return encode(String(text));
  }
});

provide("TextDecoder", TextDecoder);

/** An id of 128 bits, as RFC 9562 writes one. */
function randomUUID() {
  const id = host().invocation.newId();
  const variant = ((Number.parseInt(id[16], 16) & 3) | 8).toString(16);
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-${variant}${id.slice(17, 20)}-${id.slice(20)}`;
}

provide("crypto", {});
Object.defineProperty(globalThis.crypto, "randomUUID", { value: randomUUID, configurable: true, writable: true });
