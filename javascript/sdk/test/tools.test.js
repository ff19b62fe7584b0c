/** What the build reads of WIT, and the module that it makes a component of. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { entry } from "../tools/entry.js";
import { signaturesOf } from "../tools/signatures.js";
import { mended } from "../tools/starlingmonkey.js";
import { hasWideList } from "../tools/wide-lists.js";
import { writeWit } from "../tools/wit.js";

class Refused extends Error {}

const WIT = `
package a:b@0.1.0;

interface types {
    /// Not this: variant other-error { nothing }
    variant base-error { gone, taken(string), unavailable(string) }
}

interface rooms {
    use types.{base-error as room-error};
    /* variant own-error { commented } */
    variant own-error {
        %list(tuple<u8, string>),
        not-found(string), // the last one
        unavailable(string),
    }
    enum simple { a, b }
    hold-room: func(id: u64, of: list<u8>) -> result<_, room-error>;
    list-all: func() -> result<list<tuple<u64, option<string>>>, own-error>;
    free: func() -> result<u64, simple>;
    count: func() -> u64;
}
`;

test("what functions take, answer and fail with is read, also where a type is used from elsewhere", () => {
  const texts = new Map([["a:b", [WIT]]]);
  const roomError = { gone: null, taken: "string", unavailable: "string" };
  const ownError = { list: ["tuple", ["u8", "string"]], "not-found": "string", unavailable: "string" };
  assert.deepEqual(signaturesOf(texts, "a:b", "rooms"), {
    holdRoom: { parameters: { id: "u64", of: ["list", "u8"] }, answer: null, errors: roomError },
    listAll: { parameters: {}, answer: ["list", ["tuple", ["u64", ["option", "string"]]]], errors: ownError },
    free: { parameters: {}, answer: "u64", errors: undefined },
    count: { parameters: {}, answer: "u64", errors: undefined },
  });
  const other = `package c:d; interface e { use a:b/types@0.1.0.{base-error}; run: func() -> result<_, base-error>; }`;
  assert.deepEqual(signaturesOf(new Map([...texts, ["c:d", [other]]]), "c:d", "e").run.errors, roomError);
  assert.deepEqual(signaturesOf(texts, "a:b", "missing"), {});
});

test("each form of a type is read, whatever stands around it", () => {
  const wit = `
package a:b@0.1.0-rc.1+5;
/* one /* within */ another: interface odd { no: func() } */
interface far { type id = u32; resource thing { constructor(id: u32); } record far-pair { first: id, %second: option<id>, } }
@since(version = 0.1.0)
interface odd {
    use far.{far-pair as pair, id};
    use c:d/e@1.2.3-rc.1.{wide};
    flags rights { read-it, run } // }
    enum color { red, dark-blue, }
    variant found { none, one(pair), %list(list<list<id>>), }
    resource handle;
    resource held { make: static func() -> held; }
    @unstable(feature = now)
    get-HTTP: func(room-ID: id) -> u8;
    %type: async func(of-pair: pair, wides: list<wide, 4>, rights: rights,) -> result<found, color>;
    nothing: func(a: result, b: result<u8>, c: result<_, s8>, d: tuple<color>);
}
world all { import odd; export run: func(id: u8); }
`;
  const texts = new Map([["a:b", [wit]], ["c:d", ["package c:d@1.2.3-rc.1; interface e { type wide = u64; }"]]]);
  const pair = ["record", { first: "u32", second: ["option", "u32"] }];
  assert.deepEqual(signaturesOf(texts, "a:b", "odd"), {
    getHttp: { parameters: { roomId: "u32" }, answer: "u8", errors: undefined },
    type: {
      parameters: { ofPair: pair, wides: ["list", "u64", 4], rights: ["flags", ["readIt", "run"]] },
      answer: ["variant", { none: null, one: pair, list: ["list", ["list", "u32"]] }],
      errors: undefined,
    },
    nothing: {
      parameters: { a: ["result", null, null], b: ["result", "u8", null], c: ["result", null, "s8"], d: ["tuple", [["enum", ["red", "dark-blue"]]]] },
      answer: null,
      errors: undefined,
    },
  });
});

test("a type may be called as one that is made of others, and one that has itself in it, or a world without an end, is left to whoever makes the component", () => {
  const wit = `package a:b; interface odd { record %result { score: u32 } record node { children: list<node> } run: func(a: %result, b: result) -> node; }`;
  const made = signaturesOf(new Map([["a:b", [wit]]]), "a:b", "odd").run;
  assert.deepEqual(made.parameters, { a: ["record", { score: "u32" }], b: ["result", null, null] });
  assert.deepEqual(made.answer, ["record", { children: ["list", "node"] }]);
  const unfinished = "package a:b; interface odd { run: func(); } world x";
  assert.deepEqual(Object.keys(signaturesOf(new Map([["a:b", [unfinished]]]), "a:b", "odd")), ["run"]);
});

test("the bindings of StarlingMonkey hand each integer over as it is", () => {
  const written = [
    "function toInt64(val) {\n  const converted = BigInt(val)\n  \n  return BigInt.asIntN(64, converted);\n}",
    "function toUint32(val) {\n  \n  return val >>> 0;\n}",
    "function toInt8(val) {\n  \n  val >>>= 0;\n  return val;\n}",
    "wide = (val) => BigInt(BigInt(toUint32(val)));",
  ];
  const made = mended(written.join("\n"));
  const { toInt64, toUint32, wide } = new Function(`let wide; ${made}; return { toInt64, toUint32, wide };`)();
  assert.deepEqual([toUint32(3_000_000_000), toUint32(7), toInt64(-1), toInt64(7)], [3_000_000_000 | 0, 7, 2n ** 64n - 1n, 7n]);
  assert.equal(wide(3_000_000_000), 3_000_000_000n);
  assert.throws(() => mended("function toUint32(value) { const val = value; return val >>> 0; }"), /none that are known here/);
});

/** The entry of a context that offers interfaces of these names. */
async function entryFor(names) {
  const home = await mkdtemp(join(tmpdir(), "innkeeper-wit-"));
  try {
    await mkdir(join(home, "wit"));
    const interfaces = names.map((name) => `interface ${name} { variant e { unavailable(string) } run: func() -> result<_, e>; }`);
    await writeFile(join(home, "wit/own.wit"), `package a:b@0.1.0;\n${interfaces.join("\n")}`);
    const offers = Object.fromEntries(names.map((name) => [`a:b/${name}`, { run: () => undefined }]));
    const context = { calls: [], offers, migrates: false };
    return entry(context, await writeWit(home, { context }, join(home, "out"), Refused), "/source.js");
  } finally {
    await rm(home, { recursive: true });
  }
}

test("an interface may have any name that the contract has not", async () => {
  // Words of the language, and what the entry calls its own.
  const names = ["state", "outbox", "context", "calls", "component", "exported", "built", "class", "new", "import-all"];
  const text = await entryFor(names);
  const declared = [...text.matchAll(/^(?:import|const|export const) (?:\{ )?([A-Za-z0-9]+)/gm)].map(([, name]) => name);
  assert.equal(new Set(declared).size, declared.length, text);
  for (const name of ["state", "class", "importAll"]) assert.match(text, new RegExp(`^export \\{ offered\\d+ as ${name} \\};$`, "m"));
  for (const name of ["describe", "web", "policies", "health", "migration", "document"]) {
    await assert.rejects(entryFor([name]), (error) => error instanceof Refused && !error.message.includes("\n") && error.message.includes(name));
  }
});

test("the types of what is called and offered go into the component", async () => {
  const text = await entryFor(["rooms", "keys"]);
  const lines = text.split("\n").filter((line) => /^const (shape\d+|signatures) /.test(line));
  const signatures = new Function(`${lines.join("\n")}; return signatures;`)();
  const run = { parameters: {}, answer: null, errors: { unavailable: "string" } };
  assert.deepEqual(signatures, { "a:b/rooms": { run }, "a:b/keys": { run } });
  assert.match(text, /takesSigned: false/);
});

test("a list of integers of 64 bits is found wherever an interface has it from", async () => {
  for (const [wit, isThere] of [
    ["interface a { run: func(of: list<u64>); }", true],
    ["interface a { run: func(of: list< s64 >); }", true],
    ["interface a { type b = c; type c = u64; run: func(of: list<b>); }", true],
    ["interface a { type b = u64; } interface c { use a.{b as %list-id}; run: func(of: list<%list-id>); }", true],
    ["interface a { // list<u64>\n /* list<u64> */ type b = u64; run: func(of: list<u32>, id: b); }", false],
  ]) {
    assert.equal(hasWideList([wit]), isThere, wit);
  }
  const home = await mkdtemp(join(tmpdir(), "innkeeper-wit-"));
  try {
    await mkdir(join(home, "wit"));
    await writeFile(join(home, "wit/far.wit"), "package far:types@0.1.0; interface ids { type ids = list<u64>; }");
    await writeFile(join(home, "wit/near.wit"), "package near:types; interface ids { use far:types/ids@0.1.0.{ids}; record all { ids: ids } }");
    await writeFile(join(home, "wit/own.wit"), "package own:rooms; interface rooms { use near:types/ids.{all}; run: func() -> all; }");
    await writeFile(join(home, "wit/other.wit"), "package other:keys; interface keys { run: func() -> u8; }");
    const context = { calls: [{ id: "own:rooms/rooms" }, { id: "other:keys/keys" }], offers: {}, migrates: false };
    const { calls } = await writeWit(home, { context }, join(home, "out"), Refused);
    assert.deepEqual(calls.map(({ texts }) => hasWideList(texts)), [true, false], "nobody uses the far one but the first");
  } finally {
    await rm(home, { recursive: true });
  }
});
