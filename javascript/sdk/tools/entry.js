/** The module that a component is made of: it imports what the host offers, and exports what the context declares. */

import { fileURLToPath } from "node:url";
import { camelCase } from "../src/names.js";

/** A file of the SDK, wherever the entry is bundled. */
const ours = (file) => JSON.stringify(fileURLToPath(new URL(`../src/${file}`, import.meta.url)));

/** The text of values of JSON. A list that is at several places is written once, as the types of signatures may be at many. */
function shared(value) {
  const lines = [];
  const names = new Map();
  const written = (one) => {
    if (one === null || typeof one !== "object") return JSON.stringify(one);
    // A name in brackets is a name of its own, whichever it is.
    if (!Array.isArray(one)) return `{ ${Object.entries(one).filter(([, part]) => part !== undefined).map(([name, part]) => `[${JSON.stringify(name)}]: ${written(part)}`).join(", ")} }`;
    if (!names.has(one)) {
      const text = `[${one.map(written).join(", ")}]`;
      names.set(one, `shape${names.size}`);
      lines.push(`const ${names.get(one)} = ${text};`);
    }
    return names.get(one);
  };
  const text = written(value);
  return [lines, text];
}

/** `takesSigned`: whether the engine takes integers of 32 bits as signed ones. */
export function entry(context, wit, source, takesSigned = false) {
  const text = (value) => JSON.stringify(value);
  const contract = (name) => text(`innkeeper:context/${name}@${wit.contract}`);
  const [shapes, signatures] = shared(Object.fromEntries([...wit.calls, ...wit.offers].map((one) => [one.id, one.signatures])));
  const asked = ["state", "outbox", "invocation", "config", "logging", ...(wit.outbound === undefined ? [] : ["outbound"]), "calls", "signatures", `takesSigned: ${takesSigned}`];
  const versions = Object.fromEntries([...wit.calls, ...wit.offers].map((one) => [one.id, one.versioned]));
  return [
    `import { built } from ${ours("polyfills.js")};`,
    `import { component } from ${ours("component.js")};`,
    `import * as state from ${contract("state")};`,
    `import * as outbox from ${contract("outbox")};`,
    `import * as invocation from ${contract("invocation")};`,
    'import * as config from "wasi:config/store@0.2.0-rc.1";',
    'import * as logging from "wasi:logging/logging@0.1.0-draft";',
    ...(wit.outbound === undefined ? [] : [`import * as outbound from ${text(wit.outbound)};`]),
    ...wit.calls.map((call, place) => `import * as called${place} from ${text(call.versioned)};`),
    `import context from ${text(source)};`,
    "",
    `const calls = { ${wit.calls.map((call, place) => `${text(call.id)}: called${place}`).join(", ")} };`,
    ...shapes,
    `const signatures = ${signatures};`,
    `const exported = component(context, { ${asked.join(", ")} }, ${text(versions)});`,
    "export const describe = exported.describe;",
    "export const document = exported.document;",
    "export const web = exported.web;",
    "export const policies = exported.policies;",
    "export const health = exported.health;",
    ...(context.migrates ? ["export const migration = exported.migration;"] : []),
    // An interface may be called as something else is here, or as a word of the language.
    ...wit.offers.flatMap((offer, place) => [
      `const offered${place} = exported.offers(${text(offer.id)});`,
      `export { offered${place} as ${camelCase(offer.interface)} };`,
    ]),
    "built();",
    "",
  ].join("\n");
}
