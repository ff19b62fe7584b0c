/** Each kind of type, in each form, with what can be said of it besides. */

import assert from "node:assert/strict";
import test from "node:test";
import * as sdk from "innkeeper-sdk";
import { encode } from "../src/bytes.js";
import { parseJson, writeJson } from "../src/json.js";
import { BODY, EVENT, Mismatch, parse, STATE, stringify, Types } from "../src/types.js";

const { big, bool, bytes, char, f32, f64, list, map, oneOf, optional, record, s128, s16, s32, s64, s8, text, tuple, u128, u16, u32, u64, u8, unit, variant } = sdk;

/** Each kind of type with a value of it and another. */
const KINDS = {
  unit: [unit, null, null],
  bool: [bool, true, false],
  u8: [u8, 7, 8],
  u16: [u16, 7, 8],
  u32: [u32, 7, 8],
  u64: [u64, 2 ** 53 - 1, 8],
  s8: [s8, -7, 8],
  s16: [s16, -7, 8],
  s32: [s32, -7, 8],
  s64: [s64, 1 - 2 ** 53, 8],
  "big(u64)": [big(u64), 2n ** 64n - 1n, 8n],
  "big(s64)": [big(s64), -(2n ** 63n), 8n],
  u128: [u128, 2n ** 128n - 1n, 8n],
  s128: [s128, -(2n ** 127n), 8n],
  f32: [f32, 0.5, -1.5],
  f64: [f64, 0.1, -1e300],
  char: [char, "🛏", "a"],
  text: [text, "a \"bed\"", ""],
  "text.upTo": [text.upTo(5), "a bed", "b"],
  bytes: [bytes, new Uint8Array([0, 255]), new Uint8Array()],
  optional: [optional(u8), 7, null],
  "optional of optional": [optional(optional(u8)), { some: 7 }, null],
  list: [list(u64), [1, 2], []],
  tuple: [tuple(u8, text), [1, "a"], [2, "b"]],
  "map of texts": [map(text, u8), new Map([["a", 1]]), new Map()],
  "map of oneOf": [map(oneOf("a", "b"), u8), new Map([["a", 1]]), new Map()],
  "map of numbers": [map(u32, bool), new Map([[7, true]]), new Map()],
  record: [record({ name: text }), { name: "a" }, { name: "b" }],
  variant: [variant({ Single: null, Suite: u32 }), { Suite: 7 }, "Single"],
  oneOf: [oneOf("open", "closed"), "open", "closed"],
};

const CHANGES = {
  or: (type, value) => type.or(value),
  storedAs: (type) => type.storedAs("other"),
  "storedAs, or": (type, value) => type.storedAs("other").or(value),
  "or, storedAs": (type, value) => type.or(value).storedAs("other"),
};

test("each kind is read as it was written, in each form, whatever else is said of it", () => {
  for (const [name, [type, value, other]] of Object.entries(KINDS)) {
    const changed = Object.entries(CHANGES).map(([how, change]) => [`${name}, ${how}`, change(type, other)]);
    for (const [what, one] of [[name, type], ...changed]) {
      const holder = record({ field: one });
      for (const form of [STATE, EVENT, BODY]) {
        for (const kept of [value, other]) {
          const json = holder.write({ field: kept }, form);
          assert.deepEqual(holder.read(parseJson(json), form), { field: kept }, `${what} in the form ${form}: ${json}`);
        }
      }
      const types = new Types();
      types.place(holder, STATE);
      types.place(holder, EVENT);
      const names = types.list.filter(({ tag }) => tag === "record").map(({ val }) => val[0].name);
      assert.ok(names.includes(what.includes("storedAs") ? "other" : "field"), what);
      if (/\bor\b/.test(what)) assert.deepEqual(holder.read({}, BODY), { field: other }, what);
    }
  }
});

test("what lacks a field has a value of its own: nobody changes that of another", () => {
  const lists = { list: list(u8).or([1]), map: map(text, list(u8)).or(new Map([["a", [1]]])), bytes: bytes.or(new Uint8Array([1])), record: record({ of: list(u8) }).or({ of: [1] }) };
  const optionals = Object.entries(lists).map(([name, type]) => [`optional ${name}`, optional(type).or(type.fallback)]);
  const holder = record({ ...lists, ...Object.fromEntries(optionals) });
  const [first, second] = [holder.read({}, STATE), holder.read({}, STATE)];
  for (const prefix of ["", "optional "]) {
    first[`${prefix}list`].push(2);
    first[`${prefix}map`].get("a").push(2);
    first[`${prefix}bytes`][0] = 2;
    first[`${prefix}record`].of.push(2);
  }
  const untouched = holder.read({}, STATE);
  assert.deepEqual(second, untouched);
  assert.deepEqual(untouched.list, [1]);
  assert.deepEqual(untouched["optional map"].get("a"), [1]);
});

test("the keys of a map outside of the state are members, as serde has them", () => {
  const keys = [
    [u32, 7, "7"],
    [s8, -7, "-7"],
    [big(u64), 2n ** 64n - 1n, "18446744073709551615"],
    [bool, true, "true"],
    [char, "🛏", "🛏"],
    [text, "a/b", "a/b"],
    [oneOf("open", "closed"), "open", "open"],
  ];
  for (const form of [EVENT, BODY]) {
    for (const [key, value, name] of keys) {
      const type = map(key, u8);
      assert.equal(type.write(new Map([[value, 1]]), form), JSON.stringify({ [name]: 1 }));
      assert.deepEqual(type.read({ [name]: 1 }, form), new Map([[value, 1]]));
    }
    for (const name of ["07", "x", "", "7.5", "-1", "4294967296"]) {
      assert.throws(() => map(u32, u8).read({ [name]: 1 }, form), Mismatch, name);
    }
  }
  for (const key of [tuple(u8, u8), optional(text), record({ a: u8 }), list(u8), bytes, f64, unit, variant({ a: null, b: u8 })]) {
    assert.throws(() => new Types().place(map(key, u8), EVENT), /the keys of a map in an event or an answer/);
    new Types().place(map(key, u8), STATE);
  }
});

test("an integer keeps its digits wherever it comes from and goes", () => {
  const integers = [0n, 7n, -7n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 64n - 1n, 2n ** 127n - 1n, -(2n ** 127n)];
  for (const integer of integers) {
    for (const form of [STATE, EVENT, BODY]) {
      assert.equal(s128.read(parseJson(s128.write(integer, form)), form), integer);
    }
    assert.equal(s128.write(integer, EVENT), `${integer}`, "bare digits, as Rust reads them");
    assert.equal(s128.readText(`${integer}`), integer);
    assert.equal(writeJson({ integer, "17": `i${integer}"`, list: [integer] }), `{"17":"i${integer}\\"","integer":${integer},"list":[${integer}]}`);
  }
  for (const form of [EVENT, STATE]) {
    assert.throws(() => u64.read(parseJson("9007199254740993"), form), /big\(u64\)/);
  }
  assert.throws(() => u64.read(parseJson("9007199254740993"), BODY), Mismatch);
  assert.throws(() => big(u64).read(parseJson("18446744073709551616"), EVENT), Mismatch);
  assert.throws(() => u128.read(parseJson(`${10n ** 39n}`), EVENT), Mismatch);
  assert.equal(f64.read(parseJson("12345678901234567890"), BODY), Number("12345678901234567890"));
});

test("JSON with long integers is read as any other, and what is no JSON is refused still", () => {
  const long = "12345678901234567890";
  const values = [
    [`{"a":${long},"${long}":"${long}","s":"i${long}","t":"\\"${long}\\\\"}`, { a: 12345678901234567890n, [long]: long, s: `i${long}`, t: `"${long}\\` }],
    [` [ ${long} , -${long} , 1.${long} , ${long}.5 , ${long}e3 , "\\u0031" ] `, [12345678901234567890n, -12345678901234567890n, Number(`1.${long}`), Number(`${long}.5`), Number(`${long}e3`), "1"]],
    [`"${long}"`, long],
    ["1234567890123456", 1234567890123456],
  ];
  for (const [json, value] of values) {
    assert.deepEqual(parseJson(json), value, json);
  }
  assert.deepEqual(Object.entries(parseJson(`{"__proto__":${long}}`)), [["__proto__", 12345678901234567890n]]);
  const broken = [`${long}a`, `{${long}:1}`, `{${long} :1}`, `"${long}`, `["a, ${long}]`, `+${long}`, `0${long}`, `${long}"a"`, `"a"${long}`, `[${long},]`, `{"a" ${long}}`, `1.`.concat("e", long), `--${long}`, `"\n${long}"`];
  for (const json of broken) {
    assert.throws(() => JSON.parse(json), SyntaxError, json);
    assert.throws(() => parseJson(json), SyntaxError, json);
  }
});

test("a floating-point number is finite outside of the state, and none becomes infinite", () => {
  for (const form of [EVENT, BODY]) {
    for (const json of ["1e400", "-1e400", '"NaN"', "null"]) assert.throws(() => f64.read(parseJson(json), form), Mismatch, json);
    assert.throws(() => f32.read(1e300, form), /larger than an f32/);
    for (const odd of [NaN, Infinity]) assert.throws(() => f64.write(odd, form), Mismatch);
  }
  assert.throws(() => f64.read(parseJson("1e400"), STATE), Mismatch);
  assert.throws(() => f32.write(1e300, STATE), /larger than an f32/);
  assert.equal(f64.write(-Infinity, STATE), '"-Infinity"');
  for (const odd of ["NaN", "Infinity", "0x10", "1e400", " 1", "+1", ".5", "1.", ""]) assert.throws(() => f64.readText(odd), Mismatch, odd);
  assert.equal(f64.readText("-1.5e3"), -1500);
  assert.equal(f32.read(parseJson("0.1"), EVENT), Math.fround(0.1), "as Rust writes it");
});

test("how long a text may be is looked at in a body and when it is written, not when the state is read", () => {
  const name = text.upTo(3).storedAs("name_in_state").or("ann");
  const holder = record({ name });
  assert.deepEqual(parse(holder, encode('{"name_in_state":"longer"}'), "a row"), { name: "longer" });
  assert.deepEqual(holder.read({ name: "longer" }, EVENT), { name: "longer" });
  assert.throws(() => holder.read({ name: "longer" }, BODY), /at most 3/);
  assert.throws(() => name.readText("longer"), /at most 3/);
  assert.throws(() => stringify(holder, { name: "longer" }, STATE, "a row"), /at most 3/);
  assert.equal(stringify(holder, {}, STATE, "a row"), '{"name_in_state":"ann"}');
  assert.equal(stringify(record({ name: text.storedAs("n").or("x").upTo(3) }), {}, STATE, "a row"), '{"n":"x"}');
});

test("a nested optional is one null in events, as serde has it", () => {
  const nested = optional(optional(u8));
  assert.equal(nested.write({ some: null }, EVENT), "null");
  assert.equal(nested.write({ some: 7 }, EVENT), "7");
  assert.deepEqual(nested.read(7, EVENT), { some: 7 });
  assert.equal(nested.write({ some: null }, STATE), '{"some":null}');
});

test("a field may have any name", () => {
  const odd = JSON.parse('{"__proto__":1,"constructor":2}');
  const holder = record(Object.fromEntries([["__proto__", u8], ["constructor", u8]]));
  assert.deepEqual(holder.read(odd, BODY), odd);
  assert.equal(holder.write(odd, STATE), '{"__proto__":1,"constructor":2}');
  assert.throws(() => record({ constructor: u8 }).write({}, STATE), Mismatch);
  assert.deepEqual(record({ constructor: u8.or(1) }).read({}, BODY), { constructor: 1 });
});
