/** The engines that a component can have in it. Each makes a component of a bundle and its WIT, by a package of npm. */

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { mendBindings } from "./starlingmonkey.js";
import { hasWideList } from "./wide-lists.js";

/** What is done to an engine's bindings here: who changes it makes other components. */
const OWN = fileURLToPath(new URL("starlingmonkey.js", import.meta.url));

const ENGINES = {
  quickjs: {
    package: "componentize-qjs",
    // An integer of 32 bits, also one without a sign, is a signed one in its bindings, and what is larger becomes the largest of those.
    takesSigned: true,
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
    make: async ({ componentize }, { wit, file }, home) => {
      await mendBindings(home);
      return componentize({ witPath: wit, worldName: "guest", sourcePath: file, disableFeatures: ["http", "fetch-event"] });
    },
  },
};

/** An engine, with what makes components with it: npm has installed that in a folder of its own, or beside the SDK. */
export async function engineOf(name = "quickjs", folder = undefined) {
  const { package: tool, make, takesSigned = false, refused = () => undefined } = ENGINES[name];
  const home = folder === undefined ? dirname(fileURLToPath(import.meta.resolve(tool))) : join(folder, "node_modules", tool);
  const manifest = await readFile(join(home, "package.json"), "utf8");
  const { main, exports } = JSON.parse(manifest);
  const module = pathToFileURL(join(home, exports?.import ?? main));
  return {
    /** What tells one from another. */
    stamp: `${name} ${manifest} ${await readFile(OWN, "utf8")}`,
    /** Whether it takes integers of 32 bits as signed ones, and gives them so. */
    takesSigned,
    /** Why it makes no component of such WIT; undefined where it does. */
    refused,
    /** The bytes of a component. */
    make: async (bundle) => (await make(await import(module.href), bundle, home)).component,
  };
}
