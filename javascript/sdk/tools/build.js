/**
 * Builds a context's component: `node build.js PACKAGE NAME DIRECTORY [ENGINE] [FOLDER]`. What is made on the way, and the component, is in the directory; what makes components with the engine
 * is installed in the folder, or beside the SDK. A line for each step is printed.
 */

import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { engineOf } from "./engines.js";
import { entry } from "./entry.js";
import { checkTypes } from "./types.js";
import { writeWit } from "./wit.js";

/** Something that whoever builds can mend: it is said without where it was found out. */
class Refused extends Error {}

async function main([packageDirectory, name, directory, engine, folder]) {
  const root = await realpath(packageDirectory);
  const out = resolve(directory);
  await mkdir(out, { recursive: true });
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const source = join(root, manifest.main ?? "src/index.js");
  console.log(`bundling ${name}`);
  const { context, asksOutside } = await declared(source, out, manifest);
  await checkTypes(root, source, (line) => console.log(line), Refused);
  const wit = await writeWit(root, { context, asksOutside }, join(out, "wit"), Refused);
  const made = await engineOf(engine, folder);
  const refused = made.refused(wit);
  if (refused !== undefined) throw new Refused(refused);
  const entryFile = join(out, "entry.js");
  await writeFile(entryFile, entry(context, wit, source, made.takesSigned));
  const bundled = await bundleFor(entryFile, join(out, "component.js"), {
    external: ["innkeeper:*", "wasi:*", ...wit.calls.map(({ versioned }) => versioned)],
    // What the bundle is made of tells what has to be watched.
    metafile: true,
  });
  await writeFile(join(out, "component.d"), dependencies(bundled.metafile, [...wit.files, join(root, "package.json")]));
  await componentize(name, out, wit, made);
}

const SDK = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
/** The module of the SDK that asks outside: a context does that whose bundle has something of it. */
const OUTBOUND = join(SDK, "src/outbound.js");

/** The context that the main module declares, and whether it asks outside. It is run here, as it is when the component is made: what it does at its top is done once. */
async function declared(source, out, manifest) {
  const file = join(out, "declaration.mjs");
  const { metafile } = await bundleFor(source, file, { external: [], metafile: true });
  const module = await import(`${pathToFileURL(file).href}?${Date.now()}`);
  const context = module.default;
  if (typeof context?.describe !== "function") {
    throw new Refused(`${manifest.name ?? source}: the main module has no context as its default export: export default context({ … })`);
  }
  // What could not be described to the host is said now.
  context.describe({});
  context.document();
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const asksOutside = bundled.some(([input, { bytesInOutput }]) => bytesInOutput > 0 && resolve(input) === OUTBOUND);
  return { context, asksOutside };
}

async function bundleFor(source, outfile, options) {
  try {
    return await bundle({
      entryPoints: [source],
      outfile,
      bundle: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["module", "import"],
      // Whatever else is installed: two copies would not know each other's values.
      alias: { "innkeeper-sdk": SDK },
      target: "es2022",
      logLevel: "silent",
      ...options,
    });
  } catch (error) {
    const said = ({ text, location }) => (location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text);
    throw new Refused((error.errors ?? [{ text: error.message }]).map(said).join("\n"));
  }
}

/** What a bundle is made of, as make has it. */
function dependencies(metafile, more) {
  const files = [...Object.keys(metafile.inputs).map((file) => resolve(file)), ...more];
  return `component.wasm: ${files.map((file) => file.replaceAll("\\", "\\\\").replaceAll(" ", "\\ ")).join(" ")}\n`;
}

/** Makes the component, unless it is there: the same bundle makes the same. */
async function componentize(name, out, wit, engine) {
  const bundle = join(out, "component.js");
  const code = await readFile(bundle, "utf8");
  const stamp = createHash("sha256").update(JSON.stringify([code, wit.text, engine.stamp])).digest("hex");
  const [stampFile, file] = [join(out, "component.stamp"), join(out, "component.wasm")];
  const known = await readFile(stampFile, "utf8").catch(() => "");
  if (known === stamp && (await readFile(file).catch(() => null)) !== null) return;
  console.log(`making the component of ${name}`);
  const component = await engine.make({ wit: join(out, "wit"), file: bundle, code });
  await rm(stampFile, { force: true });
  await replace(file, component);
  await replace(stampFile, stamp);
}

/** Writes a file so that whoever reads it meanwhile has the old one or the new one, and nothing of both. */
async function replace(file, content) {
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, content);
  await rename(fresh, file);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Refused ? error.message : (error.stack ?? String(error)));
  process.exitCode = 1;
}
