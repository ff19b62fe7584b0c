/** The WIT of a component: the contract, and the interfaces of the app that the context offers and calls. */

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { idOf } from "../src/calls.js";
import { signaturesOf } from "./signatures.js";

const CONTRACT = fileURLToPath(new URL("../wit", import.meta.url));
/** What a component exports by the contract. */
const OF_THE_CONTRACT = ["describe", "web", "policies", "health", "migration", "document"];
/** A package that another one uses. */
const USED = /\buse\s+([a-z0-9:-]+)\//g;
const PACKAGE = /^\s*package\s+([a-z0-9:-]+)(?:@([0-9A-Za-z.+-]+))?\s*;/m;

/** The files of WIT below a folder. */
async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith(".wit")).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** What an app has in its directory: what lies above that is no part of it. */
const MANIFEST = "innkeeper.toml";

/** The packages of the files below a folder: their versions, files and texts, by their names. */
async function packagesIn(folder) {
  const found = new Map();
  for (const file of await filesBelow(folder)) {
    const declared = PACKAGE.exec(await readFile(file, "utf8"));
    if (declared === null) continue;
    const [, name, version] = declared;
    const one = found.get(name) ?? { version, files: [], texts: [] };
    one.files.push(file);
    one.texts.push(declared.input);
    found.set(name, one);
  }
  return found;
}

/** The packages in the folders `wit` of a directory and those above it, up to the app's, the nearest first: by their names. */
async function packagesFor(directory) {
  const packages = new Map();
  for (let at = directory; ; at = dirname(at)) {
    for (const [name, one] of await packagesIn(join(at, "wit"))) {
      if (!packages.has(name)) packages.set(name, one);
    }
    if (existsSync(join(at, MANIFEST)) || dirname(at) === at) return packages;
  }
}

/** The texts of a package, and of all that it uses. */
function textsOf(packages, name) {
  const reached = new Set([name]);
  // What is added meanwhile is looked at, too.
  for (const one of reached) {
    for (const text of packages.get(one)?.texts ?? []) {
      for (const [, used] of text.matchAll(USED)) reached.add(used);
    }
  }
  return [...reached].flatMap((one) => packages.get(one)?.texts ?? []);
}

/** Writes the WIT of a context into a folder; answers what it calls and offers, with versions, and what it is made of. */
export async function writeWit(directory, { context, asksOutside = false }, folder, Refused) {
  const packages = await packagesFor(directory);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "deps"), { recursive: true });
  for (const file of ["types.wit", "imports.wit", "exports.wit", "world.wit"]) {
    await cp(join(CONTRACT, file), join(folder, "deps/innkeeper-context", file));
  }
  await cp(join(CONTRACT, "deps"), join(folder, "deps"), { recursive: true });

  const files = [];
  for (const [name, one] of packages) {
    // The contract has those already.
    if (/^(wasi|innkeeper):/.test(name)) continue;
    const to = join(folder, "deps", name.replace(":", "-"));
    await mkdir(to, { recursive: true });
    for (const [index, file] of one.files.entries()) await cp(file, join(to, `${index}.wit`));
    files.push(...one.files);
  }
  // With the contract's, of which an interface may use something, too.
  const texts = new Map([...(await packagesIn(join(folder, "deps"))), ...packages].map(([name, one]) => [name, one.texts]));
  const versioned = (id) => {
    const [name, interfaceName] = id.split("/");
    const found = packages.get(name);
    if (found === undefined || interfaceName === undefined) {
      const known = [...packages.keys()].filter((other) => !/^(wasi|innkeeper):/.test(other)).sort().join(", ") || "none";
      throw new Refused(`there is no interface ${id}: its package is none of those in the folders \`wit\` above ${directory} (${known})`);
    }
    const signatures = signaturesOf(texts, name, interfaceName);
    return { id, interface: interfaceName, signatures, texts: textsOf(packages, name), versioned: found.version === undefined ? id : `${id}@${found.version}` };
  };
  const calls = context.calls.map((called) => versioned(idOf(called)));
  const offers = Object.keys(context.offers).map(versioned);
  const taken = offers.find((one) => OF_THE_CONTRACT.includes(one.interface));
  if (taken !== undefined) throw new Refused(`an interface that is offered is called ${taken.interface}, which the contract calls its own: give it another name`);
  const twice = offers.find((one, place) => offers.slice(0, place).some((other) => other.interface === one.interface));
  if (twice !== undefined) throw new Refused(`two interfaces that are offered are called ${twice.interface}: a component has one of each name`);
  const outbound = asksOutside ? await outboundInterface() : undefined;
  const lines = [
    `    include innkeeper:context/${context.migrates ? "complete" : "documented"}@${await contractVersion()};`,
    ...(outbound === undefined ? [] : [`    import ${outbound};`]),
    ...calls.map((call) => `    import ${call.versioned};`),
    ...offers.map((offer) => `    export ${offer.versioned};`),
  ];
  const world = `package innkeeper:guest;\n\nworld guest {\n${lines.join("\n")}\n}\n`;
  await writeFile(join(folder, "guest.wit"), world);
  const written = await Promise.all((await filesBelow(folder)).sort().map((file) => readFile(file, "utf8")));
  return { calls, offers, outbound, files, text: written.join("\n"), contract: await contractVersion() };
}

async function contractVersion() {
  return (await declaredPackage("types.wit")).version;
}

/** By which requests go outside. */
async function outboundInterface() {
  const { name, version } = await declaredPackage("deps/innkeeper-outbound/http.wit");
  return `${name}/http@${version}`;
}

/** The package that a file of the contract is of. */
async function declaredPackage(file) {
  const [, name, version] = PACKAGE.exec(await readFile(join(CONTRACT, file), "utf8"));
  return { name, version };
}
