/**
 * Mends how StarlingMonkey's bindings hand integers over. Of a `u32` from 2^31 on they take half of the bits of a double, so another number arrives; and a negative integer of 64 bits is the end of
 * the invocation. What they do take is the integer of the same bits: a signed one of 32, and one without a sign of 64.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What is written in the bindings, and what has to be. */
const MENDED = [
  [/(function toUint32\(val\) \{\s*return val )>>> 0;/g, "$1>> 0;"],
  [/(function toInt64\(val\) \{[^}]*return BigInt\.)asIntN\(/g, "$1asUintN("],
  // The case of a variant that has a wider one.
  [/\bBigInt\((to(?:Ui|I)nt(?:8|16|32)\()/g, "$joined($1"],
  [/\bnew BigInt64Array\(1\)/g, "new BigUint64Array(1)"],
];

/** Bindings that hand over each integer as it is. */
export function mended(bindings) {
  const text = MENDED.reduce((made, [wrong, right]) => made.replace(wrong, right), bindings);
  if (/return val >>> 0;/.test(text) || /return BigInt\.asIntN\(64, converted\)/.test(text)) {
    throw new Error("the bindings of StarlingMonkey are none that are known here: build with the version of componentize-js that the SDK pins");
  }
  return `${text}\nfunction $joined(val) {\n  return BigInt(val >>> 0);\n}\n`;
}

/** Has what is installed in a folder make such bindings. */
export async function mendBindings(home) {
  const { splicer } = await import(pathToFileURL(join(home, "lib/spidermonkey-embedding-splicer.js")).href);
  const { spliceBindings } = splicer;
  splicer.spliceBindings = (...parameters) => {
    const made = spliceBindings(...parameters);
    return { ...made, jsBindings: mended(made.jsBindings) };
  };
}
