/** How keys and values are written: the vectors of the contract, which every SDK is tested with. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import * as sdk from "innkeeper-sdk";
import { decode, encode } from "../src/bytes.js";
import { parseJson } from "../src/json.js";
import { Key } from "../src/key.js";
import { EVENT, parse, STATE, stringify } from "../src/types.js";

const { big, bool, bytes, char, f32, f64, list, map, oneOf, optional, record, s128, s64, s8, text, tuple, u128, u16, u32, u64, u8, unit, variant } = sdk;
const vectors = JSON.parse(readFileSync(new URL("../wit/records.json", import.meta.url), "utf8"));

const TYPES = {
  bool,
  u64: big(u64),
  s64: big(s64),
  u128,
  s8,
  f64,
  f32,
  char,
  string: text,
  bytes,
  unit,
  "option<u8>": optional(u8),
  "option<option<u8>>": optional(optional(u8)),
  "list<u16>": list(u16),
  "tuple<u8, string>": tuple(u8, text),
  "map<string, u8>": map(text, u8),
  "map<u32, bool>": map(u32, bool),
  "record { rsv_id: u64, confirmed: bool }": record({ rsvId: u64.storedAs("rsv_id"), confirmed: bool }),
  "variant { Single, twin, Suite(u32), Pair(tuple<u8, string>), Named(record { name: string, floor: s8 }) }": variant({
    Single: null,
    twin: null,
    Suite: u32,
    Pair: tuple(u8, text),
    Named: record({ name: text, floor: s8 }),
  }),
};

/** JSON as what it says, its integers with all their digits, so that no value is taken for another; `1.0` and `1` are one, `0` and `-0.0` are not. */
function exactly(json) {
  const said = parseJson(json.replace(/(?<![\w".])-0\.0(?!\d)/g, '"minus zero"'));
  return JSON.stringify(said, (_, value) => (typeof value === "bigint" ? { integer: `${value}` } : value));
}

test("what compares values sees each difference", () => {
  for (const [one, other] of [["9007199254740993", "9007199254740992"], ["-0.0", "0"], ["1", '"1"'], ["9007199254740993", '"9007199254740993"'], ["0.1", "0.10000000000000002"]]) {
    assert.notEqual(exactly(one), exactly(other), `${one} and ${other}`);
  }
});

test("values are read and written as the contract's vectors say", () => {
  assert.deepEqual(Object.keys(vectors.values).sort(), Object.keys(TYPES).sort(), "each type of the vectors is tried");
  for (const [name, texts] of Object.entries(vectors.values)) {
    for (const json of texts) {
      const value = parse(TYPES[name], encode(json), name);
      assert.equal(exactly(stringify(TYPES[name], value, STATE, name)), exactly(json), `${name}: ${json}`);
    }
  }
});

test("what is no value of its type is refused, as the contract's vectors say", () => {
  for (const [name, texts] of Object.entries(vectors.refused)) {
    for (const json of texts) assert.throws(() => parse(TYPES[name], encode(json), name), sdk.Fault, `${name}: ${json}`);
  }
});

const EVENT_TYPES = {
  u64: big(u64),
  s64: big(s64),
  u128,
  s128,
  f64,
  f32,
  "option<option<u8>>": optional(optional(u8)),
  "list<u8>": list(u8),
  "map<string, u8>": map(text, u8),
  "map<u32, bool>": map(u32, bool),
  "map<u64, u8>": map(big(u64), u8),
  "map<s8, u8>": map(s8, u8),
  "map<bool, u8>": map(bool, u8),
  "map<char, u8>": map(char, u8),
  "map<variant { single, twin }, u8>": map(oneOf("single", "twin"), u8),
};

test("the data of events is read and written as the contract's vectors say", () => {
  assert.deepEqual(Object.keys(vectors.events).sort(), Object.keys(EVENT_TYPES).sort(), "each type of the vectors is tried");
  for (const [name, texts] of Object.entries(vectors.events)) {
    const type = EVENT_TYPES[name];
    for (const json of texts) {
      const value = type.read(parseJson(json), EVENT);
      const written = stringify(type, value, EVENT, name);
      assert.deepEqual(type.read(parseJson(written), EVENT), value, name);
      // An f32 is written as the double that it is.
      if (name !== "f32") assert.equal(exactly(written), exactly(json), `${name}: ${json}`);
    }
  }
});

test("keys are written as the contract's vectors say, to the byte", () => {
  const keys = {
    "rooms [number] 43981": ["rooms", new Key(u64), 43981],
    "by-words [number, number] 3, 18446744073709551615": ["by-words", new Key([u64, u64]), [3, 18446744073709551615n]],
    "titles [text] a/b 🛏": ["titles", new Key(text), "a/b 🛏"],
    "by-name [text, number] a/b, 7": ["by-name", new Key([text, u64]), ["a/b", 7]],
    "by-name [text, number] U+0000 U+0001 U+0002, 7": ["by-name", new Key([text, u64]), ["\u0000\u0001\u0002", 7]],
    "by-both [text, text] a U+0001, b U+0001": ["by-both", new Key([text, text]), ["a\u0001", "b\u0001"]],
    "by-three [number, text, number] 1, an empty one, 2": ["by-three", new Key([u64, text, u64]), [1, "", 2]],
  };
  assert.deepEqual(Object.keys(vectors.keys).sort(), Object.keys(keys).sort(), "each key of the vectors is tried");
  for (const [name, written] of Object.entries(vectors.keys)) {
    const [table, key, value] = keys[name];
    assert.equal(`${table}/${key.write(value)}`, written);
    assert.deepEqual(key.read(key.write(value)), value);
  }
});

test("a number in a key is one of its type, whoever reads it", () => {
  for (const [type, most] of [[u8, 0xff], [u16, 0xffff], [u32, 0xffffffff], [u64, 2n ** 64n - 1n]]) {
    const key = new Key(type);
    assert.deepEqual(key.read(key.write(most)), most);
    for (const value of [typeof most === "bigint" ? most + 1n : most + 1, -1, 0.5]) assert.throws(() => key.write(value), sdk.Fault);
  }
  assert.equal(new Key(u8).read(new Key(u64).write(256)), undefined, "as in Rust, it is no row");
});

test("bytes are the text that they are in UTF-8, or none", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const sequences = [
    [], [0x25, 0x34, 0x31], [0x25], [0xef, 0xbb, 0xbf, 0x41], [0x00], [0x7f], [0xc2, 0x80], [0xf0, 0x9f, 0x9b, 0x8f], [0xf4, 0x8f, 0xbf, 0xbf], [0xef, 0xbf, 0xbf],
    [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xff], [0xc2], [0xe2, 0x82], [0xc2, 0x41],
  ];
  // Also where a sequence lies across the parts that are looked at.
  for (const before of [0, 1, 4093, 4094, 4095, 4096]) {
    for (const sequence of sequences) {
      const bytes = new Uint8Array([...new Array(before).fill(0x61), ...sequence, 0x62]);
      let wanted = null;
      try {
        wanted = strict.decode(bytes);
      } catch {
        // They are no text.
      }
      assert.equal(decode(bytes), wanted, `${before} and ${sequence}`);
      if (wanted !== null) assert.deepEqual(encode(wanted), bytes);
    }
  }
});

test("texts in keys keep their order, whatever is in them", () => {
  const key = new Key([text, u64]);
  for (const value of ["", "a", "a\u0001", "a\u0000b\u0002", "a/b"]) {
    assert.deepEqual(key.read(key.write([value, 7])), [value, 7]);
  }
  assert.ok(key.write(["a", 9]) < key.write(["a\u0000", 1]));
});

test("an integer that a number cannot say is refused, not rounded", () => {
  assert.throws(() => parse(u64, encode('"9007199254740993"'), "a row"), /big\(u64\)|whole number/);
  assert.equal(parse(u64, encode('"9007199254740991"'), "a row"), 9007199254740991);
  assert.throws(() => stringify(u64, 2 ** 53, STATE, "a row"), sdk.Fault);
});

test("what lies too deep in each other is not stored", () => {
  let type = u8;
  let value = 1;
  for (let deep = 0; deep < 32; deep += 1) [type, value] = [list(type), [value]];
  stringify(type, value, STATE, "a row");
  assert.throws(() => stringify(list(type), [value], STATE, "a row"), /32 deep/);
});
