/** What the build reads of WIT, and the module that it makes a component of. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { entry } from "../tools/entry.js";
import { errorsOf } from "../tools/errors.js";
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

test("the cases of errors are read, also of a type that is used from elsewhere", () => {
  const texts = new Map([["a:b", [WIT]]]);
  assert.deepEqual(errorsOf(texts, "a:b", "rooms"), {
    holdRoom: { gone: null, taken: "string", unavailable: "string" },
    listAll: { list: "tuple<u8, string>", "not-found": "string", unavailable: "string" },
  });
  const other = `package c:d; interface e { use a:b/types@0.1.0.{base-error}; run: func() -> result<_, base-error>; }`;
  assert.deepEqual(Object.keys(errorsOf(new Map([...texts, ["c:d", [other]]]), "c:d", "e").run), ["gone", "taken", "unavailable"]);
  assert.deepEqual(errorsOf(texts, "a:b", "missing"), {});
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
