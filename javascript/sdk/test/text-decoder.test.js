/** What stands for `TextDecoder` does what Node's does. */

import assert from "node:assert/strict";
import test from "node:test";
import { TextDecoder as Own } from "../src/text-decoder.js";

const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 65, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 66]);

test("a view is decoded, and not the buffer that it is of", () => {
  const inputs = [
    bytes, bytes.subarray(4, 6), new DataView(bytes.buffer, 6, 4), bytes.buffer, bytes.buffer.slice(3, 4), new Uint16Array(new Uint8Array([65, 66, 67, 68, 69, 70]).buffer, 2, 1), new Int8Array([65]), Buffer.from("aé"),
    undefined, new Uint8Array(),
  ];
  for (const input of inputs) assert.equal(new Own().decode(input), new TextDecoder().decode(input));
  for (const input of ["text", 7, null, [65]]) assert.throws(() => new Own().decode(input), TypeError);
});

test("what is no UTF-8 is replaced, or refused by who wants that", () => {
  const broken = [
    [0xff], [65, 0x80, 66], [0xc3], [0xc3, 65], [0xe2, 0x82], [0xe2, 0x82, 65], [0xf0, 0x9f, 0x98], [0xf0, 0x9f, 65, 0x98], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80], [0xfe, 0xff], [0xf0, 0x80, 0x80, 0x80], [0xc3, 0xa9, 0xff, 0xc3, 0xa9],
  ];
  for (const list of broken) {
    const input = new Uint8Array(list);
    assert.equal(new Own().decode(input), new TextDecoder().decode(input), list.join());
    assert.throws(() => new Own("utf-8", { fatal: true }).decode(input), TypeError);
  }
  assert.equal(new Own("utf8", { fatal: true }).decode(bytes), "Aé😀B");
});

test("the mark at the beginning stays where that is wanted, and another encoding is none", () => {
  assert.equal(new Own("utf-8", { ignoreBOM: true }).decode(bytes), "\ufeffAé😀B");
  const { encoding, fatal, ignoreBOM } = new Own(" UTF8 ", { fatal: true });
  assert.deepEqual([encoding, fatal, ignoreBOM], ["utf-8", true, false]);
  // Libraries make some that they never use.
  for (const name of ["latin1", "utf-16le", "", "x"]) {
    const other = new Own(name);
    assert.throws(() => other.decode(bytes), RangeError);
  }
  assert.equal(new Own().decode(bytes, { stream: true }), "Aé😀B");
  for (const cut of [[0xf0, 0x9f, 0x98], [0xf0, 0x9f], [0xf0], [0x41, 0xc3], [0xe2, 0x82]]) {
    assert.throws(() => new Own().decode(new Uint8Array(cut), { stream: true }), TypeError);
  }
});
