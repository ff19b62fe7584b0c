/** The engines that a component can have in it. Each makes a component of a bundle and its WIT, by a package of npm. */

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { hasWideList } from "./wide-lists.js";

const ENGINES = {
  quickjs: {
    package: "componentize-qjs",
    make: ({ componentize }, { wit, file, code }) =>
      componentize({ witPath: wit, world: "guest", jsSource: code, jsPath: file, sync: true }),
  },
  starlingmonkey: {
    package: "@bytecodealliance/componentize-js",
    // Its bindings take the integers of such a list as bigints, and of anything else as numbers, too: here they are numbers.
    refused: (wit) => {
      const found = [...wit.calls, ...wit.offers].find(({ texts }) => hasWideList(texts));
      return found && `the package of ${found.id}, or one that it uses, has a list of integers of 64 bits, which StarlingMonkey does not take of the SDK: make it a list of records, or build with QuickJS`;
    },
    // What a context has of the outside is the contract's, and no `fetch`.
    make: ({ componentize }, { wit, file }) =>
      componentize({ witPath: wit, worldName: "guest", sourcePath: file, disableFeatures: ["http", "fetch-event"] }),
  },
};

/** An engine, with what makes components with it: npm has installed that in a folder of its own, or beside the SDK. */
export async function engineOf(name = "quickjs", folder = undefined) {
  const { package: tool, make, refused = () => undefined } = ENGINES[name];
  const home = folder === undefined ? dirname(fileURLToPath(import.meta.resolve(tool))) : join(folder, "node_modules", tool);
  const manifest = await readFile(join(home, "package.json"), "utf8");
  const { main, exports } = JSON.parse(manifest);
  const module = pathToFileURL(join(home, exports?.import ?? main));
  return {
    /** What tells one from another. */
    stamp: `${name} ${manifest}`,
    /** Why it makes no component of such WIT; undefined where it does. */
    refused,
    /** The bytes of a component. */
    make: async (bundle) => (await make(await import(module.href), bundle)).component,
  };
}
