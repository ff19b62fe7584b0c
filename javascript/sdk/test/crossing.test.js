/** Values of calls between contexts, by their types in WIT: what an engine would make something else of is refused, and what it takes otherwise is given to it so. */

import assert from "node:assert/strict";
import test from "node:test";
import { calls, context, Failure } from "innkeeper-sdk";
import { offers } from "../src/component.js";
import { answerBy } from "../src/host.js";

const ID = "a:b/c";
const INNER = ["record", { deepNumber: "u32" }];
const EACH = {
  u8: "u8", u16: "u16", u32: "u32", u64: "u64", s8: "s8", s16: "s16", s32: "s32", s64: "s64", f32: "f32", f64: "f64", bool: "bool", char: "char", string: "string",
  inner: INNER,
  list: ["list", "u32"],
  bytes: ["list", "u8"],
  fixed: ["list", "u32", 2],
  option: ["option", "u32"],
  options: ["option", ["option", "u32"]],
  tuple: ["tuple", ["u32", "string"]],
  variant: ["variant", { none: null, num: "u32", deep: INNER }],
  result: ["result", "u32", "s32"],
  unit: ["result", null, "u32"],
  color: ["enum", ["red", "dark-blue"]],
  rights: ["flags", ["readIt", "run"]],
};
const ERRORS = { bad: "u32", worse: INNER, gone: null, wide: "u64", unavailable: "string" };
const SIGNATURES = { [ID]: Object.fromEntries(Object.entries(EACH).map(([name, shape]) => [name, { parameters: { v: shape }, answer: shape, errors: ERRORS }])) };

/** Runs something with these functions of another context. */
function served(functions, run, takesSigned = true) {
  const before = answerBy({ calls: { [ID]: functions }, signatures: SIGNATURES, takesSigned, logging: { log: () => {} } });
  try {
    return run(calls(ID));
  } finally {
    answerBy(before);
  }
}

/** What crosses when a function is called with a value: what the engine is given, and what comes of an answer of the engine. */
function crossed(name, value, answer, takesSigned) {
  let given;
  const run = (parameter) => {
    given = parameter;
    return answer;
  };
  const result = served({ [name]: run }, (called) => called[name](value), takesSigned);
  return [given, result];
}

const LARGE = 3_000_000_000;
const SIGNED = LARGE | 0;

/** Values of a type, and what an engine has of them that takes integers of 32 bits as signed ones. */
const SAME = [
  ["u32", LARGE, SIGNED], ["u32", 2 ** 32 - 1, -1], ["u32", 2 ** 31, -(2 ** 31)], ["u32", 7, 7],
  ["s32", -(2 ** 31), -(2 ** 31)], ["u8", 255, 255], ["s8", -128, -128], ["u16", 65_535, 65_535], ["u64", 2 ** 53 - 1, 2 ** 53 - 1], ["s64", -7, -7],
  ["f64", 2 ** 60, 2 ** 60], ["f64", NaN, NaN], ["f64", LARGE, LARGE], ["f32", -Infinity, -Infinity],
  ["inner", { deepNumber: LARGE }, { deepNumber: SIGNED }],
  ["list", [1, LARGE], [1, SIGNED]],
  ["bytes", new Uint8Array([1, 255]), new Uint8Array([1, 255])],
  ["fixed", [LARGE, 1], [SIGNED, 1]],
  ["option", LARGE, SIGNED], ["option", null, null],
  ["options", { tag: "some", val: LARGE }, { tag: "some", val: SIGNED }], ["options", { tag: "some", val: null }, { tag: "some", val: null }], ["options", { tag: "none" }, { tag: "none" }],
  ["tuple", [LARGE, "a"], [SIGNED, "a"]],
  ["variant", { tag: "num", val: LARGE }, { tag: "num", val: SIGNED }], ["variant", { tag: "none" }, { tag: "none" }], ["variant", { tag: "deep", val: { deepNumber: LARGE } }, { tag: "deep", val: { deepNumber: SIGNED } }],
  ["result", { tag: "ok", val: LARGE }, { tag: "ok", val: SIGNED }], ["result", { tag: "err", val: -5 }, { tag: "err", val: -5 }], ["unit", { tag: "ok" }, { tag: "ok" }],
  ["color", "dark-blue", "dark-blue"],
  ["rights", { readIt: true, run: false }, { readIt: true, run: false }],
];

test("each integer arrives as it was sent, both ways, wherever it is in a type", () => {
  for (const [name, value, inEngine] of SAME) {
    assert.deepEqual(crossed(name, value, inEngine), [inEngine, value], name);
    assert.deepEqual(crossed(name, value, value, false), [value, value], `${name}, with an engine that takes it as it is`);
    const kept = [];
    const own = context({ summary: "Keeps.", offers: { [ID]: { [name]: (one) => kept.push(one) && one } } });
    const answered = served({}, () => offers(own, ID, SIGNATURES)[name](inEngine));
    assert.deepEqual([kept, answered], [[value], inEngine], `${name}, offered`);
  }
  // What an engine gives otherwise: bigints, and a negative one of 64 bits without its sign.
  assert.deepEqual(crossed("u64", 7n, 7n), [7, 7]);
  assert.deepEqual(crossed("s64", -7n, 2n ** 64n - 7n), [-7, -7]);
  assert.deepEqual(crossed("list", new Uint32Array([LARGE]), [1]), [[SIGNED], [1]]);
  // A field that may be nothing can be left out, and so can a flag, and a parameter.
  assert.deepEqual(crossed("option", undefined, undefined), [null, null]);
  assert.deepEqual(crossed("rights", { run: true }, { readIt: false, run: true })[0], { readIt: false, run: true });
});

const UNFIT = [
  ["u8", 256, -1, 1.5, NaN, "7", true, null, undefined, {}], ["u16", 65_536, -1], ["u32", 2 ** 32, -1, NaN, 0.5, Infinity, "7"], ["u64", -1, NaN, 1.5, 2 ** 53, 2n ** 53n, "7"],
  ["s8", 128, -129], ["s16", 32_768], ["s32", 2 ** 31, LARGE], ["s64", NaN, 0.5, -(2 ** 53), -(2n ** 63n)],
  ["f32", 1e300, "1", undefined], ["f64", "1", null], ["bool", "false", 0, undefined], ["char", "ab", "", 7, "\ud800"], ["string", 7, undefined, null, "half \ud800"],
  ["inner", { deepNumber: -1 }, {}, null, 7, { "deep-number": 1 }], ["list", [1, -1], "abc", { length: 1, 0: 1 }, [1, , 2], null], ["bytes", [256], "abc"], ["fixed", [1], [1, 2, 3]], // eslint-disable-line no-sparse-arrays
  ["option", -1, { tag: "some", val: 1 }], ["options", 7, { tag: "some", val: -1 }], ["tuple", [1], [1, "a", 2], [-1, "a"]],
  ["variant", { tag: "num", val: -1 }, { tag: "num" }, { tag: "other" }, { tag: "constructor" }, "none"], ["result", { tag: "ok", val: -1 }, 7], ["unit", { tag: "err", val: -1 }],
  ["color", "green", "darkBlue", 1], ["rights", { "read-it": true }, { run: 1 }, null],
];

test("what a type does not hold is refused before anybody is called, and the text says where and why", () => {
  for (const [name, ...values] of UNFIT) {
    for (const value of values) {
      let calledWith = "nothing";
      const call = () => served({ [name]: (given) => (calledWith = given) }, (called) => called[name](value));
      assert.throws(call, (error) => error.name === "Fault" && error.message.startsWith(`a parameter of a:b/c#${name} does not fit: v`), `${name}: ${String(value)}`);
      assert.equal(calledWith, "nothing");
      const own = context({ summary: "Answers.", offers: { [ID]: { [name]: () => value } } });
      const fine = SAME.find(([known]) => known === name)?.[2] ?? { bool: true, char: "a", string: "a" }[name];
      assert.throws(() => served({}, () => offers(own, ID, SIGNATURES)[name](fine)), (error) => error.tag === "unavailable" && /does not fit/.test(error.val), `${name}, answered`);
    }
  }
  assert.throws(() => crossed("inner", { deepNumber: 2 ** 32 }), /: v\/deepNumber: invalid value: 4294967296, expected a whole number from 0 to 4294967295 \(u32\)/);
  assert.throws(() => crossed("u64", 2n ** 53n), /v: 9007199254740992 is larger than a number of JavaScript can say exactly/);
  for (const answered of [2 ** 53, 2n ** 60n]) assert.throws(() => crossed("u64", 1, answered), /what a:b\/c#u64 has answered does not fit: .* is larger than/);
});

test("what a case of an error carries is looked at as well, from either side", () => {
  const thrownTo = (tag, val) => {
    try {
      return served({ u8: () => { throw { payload: { tag, val } }; } }, (called) => called.u8(1));
    } catch (error) {
      return [error.name, error.kind, error.value];
    }
  };
  assert.deepEqual(thrownTo("bad", SIGNED), ["Failure", "bad", LARGE]);
  assert.deepEqual(thrownTo("worse", { deepNumber: -1 }), ["Failure", "worse", { deepNumber: 2 ** 32 - 1 }]);
  assert.deepEqual(thrownTo("gone", undefined), ["Failure", "gone", undefined]);
  assert.equal(thrownTo("wide", 2 ** 60)[0], "Fault", "it was rounded");
  const thrownBy = (kind, value) => {
    const own = context({ summary: "Fails.", offers: { [ID]: { u8: () => { throw new Failure(kind, value); } } } });
    try {
      return served({}, () => offers(own, ID, SIGNATURES).u8(1));
    } catch (error) {
      return error;
    }
  };
  assert.deepEqual(thrownBy("bad", LARGE), { tag: "bad", val: SIGNED });
  assert.deepEqual(thrownBy("worse", { deepNumber: LARGE }), { tag: "worse", val: { deepNumber: SIGNED } });
  assert.deepEqual(thrownBy("gone"), { tag: "gone" });
  for (const [kind, value] of [["bad", -1], ["bad", "x"], ["bad"], ["worse", {}], ["gone", 1], ["wide", NaN], ["other", 1], ["toString", 1]]) {
    assert.equal(thrownBy(kind, value).tag, "unavailable", kind);
  }
});

test("a function may have any name in its interface, also one that each object is asked for", () => {
  const named = Object.fromEntries(["id", "then", "constructor", "calls", "toString"].map((name) => [name, (value) => value]));
  served(named, (called) => {
    for (const name of Object.keys(named)) assert.equal(called[name](7), 7, name);
  });
  served({}, (called) => assert.deepEqual([called.id, called.then], [ID, undefined]));
  assert.deepEqual([calls(ID).id, calls(ID).then], [ID, undefined]);
});
