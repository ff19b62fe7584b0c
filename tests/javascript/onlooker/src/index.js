/** Looks into the mirror with numbers that its types hold, and with some that they do not. */

import { calls, context, Failure, post } from "innkeeper-sdk";

const mirror = calls("test:numbers/mirror");

const OF = { a: 0, b: 4294967295, c: [2147483648, 0], d: 255, e: 1, f: -32768 };

/** What comes of a call, as a text. */
function seen(call) {
  try {
    return JSON.stringify(call());
  } catch (error) {
    return error instanceof Failure ? `${error.kind} ${error.value}` : `${error.message}`;
  }
}

export default context({
  summary: "Looks into the mirror.",
  calls: [mirror],
  routes: [
    post("/onlooker/sees", () => ({
      same: seen(() => mirror.same(3000000000, -5, OF)),
      fail: seen(() => mirror.fail(3000000000)),
      refused: [
        seen(() => mirror.same(-1, 0, OF)),
        seen(() => mirror.same(4294967296, 0, OF)),
        seen(() => mirror.same(1.5, 0, OF)),
        seen(() => mirror.same(0, NaN, OF)),
        seen(() => mirror.same(0, 0, { ...OF, d: 256 })),
        seen(() => mirror.same(0, 0, { ...OF, f: 32768 })),
        seen(() => mirror.same(0, 0, { ...OF, c: [0, -1] })),
        seen(() => mirror.same(0, 0, { a: 0 })),
      ],
    })),
  ],
});
