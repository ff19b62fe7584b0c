/** Runs the tests of a context in TypeScript, in its folder, with Node's own runner: `test/*.test.ts` and `test/*.test.js` are bundled first, since not every Node reads types. */

import { spawn } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const out = join("target", "test");
const found = await readdir("test", { recursive: true }).catch(() => []);
const tests = found.filter((file) => /\.test\.[cm]?[jt]s$/.test(file)).map((file) => join("test", file));
if (tests.length === 0) {
  console.error("there are no tests: test/*.test.ts would be run");
  process.exit(1);
}
await rm(out, { recursive: true, force: true });
await build({
  entryPoints: tests,
  outdir: out,
  outbase: "test",
  bundle: true,
  format: "esm",
  platform: "node",
  outExtension: { ".js": ".mjs" },
  sourcemap: "inline",
  logLevel: "error",
}).catch(() => process.exit(1));
const names = tests.map((file) => join(out, file.slice("test/".length).replace(/\.[cm]?[jt]s$/, ".mjs")));
const running = spawn(process.execPath, ["--enable-source-maps", "--test", ...names], { stdio: "inherit" });
running.on("exit", (code) => process.exit(code ?? 1));
