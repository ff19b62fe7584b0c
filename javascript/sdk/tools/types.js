/** Has the compiler of TypeScript look at a context that is written in it. */

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Refuses types that do not fit. A bundler only leaves them out. */
export async function checkTypes(root, source, say, Refused) {
  const config = join(root, "tsconfig.json");
  const hasConfig = await access(config).then(() => true, () => false);
  if (!source.endsWith(".ts") || !hasConfig) return;
  say("checking types");
  const compiler = createRequire(import.meta.url).resolve("typescript/package.json");
  const program = join(dirname(compiler), "bin/tsc");
  const said = await new Promise((done) => {
    execFile(process.execPath, [program, "--noEmit", "--pretty", "false", "-p", config], { cwd: root }, (error, stdout, stderr) => {
      done(error === null ? null : `${stdout}${stderr}`.trim());
    });
  });
  if (said !== null) throw new Refused(said);
}
