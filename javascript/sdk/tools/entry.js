/** The module that a component is made of: it imports what the host offers, and exports what the context declares. */

import { fileURLToPath } from "node:url";
import { camelCase } from "../src/names.js";

/** A file of the SDK, wherever the entry is bundled. */
const ours = (file) => JSON.stringify(fileURLToPath(new URL(`../src/${file}`, import.meta.url)));

export function entry(context, wit, source) {
  const text = (value) => JSON.stringify(value);
  const contract = (name) => text(`innkeeper:context/${name}@${wit.contract}`);
  const errors = Object.fromEntries(wit.offers.map(({ id, errors: cases }) => [id, cases]));
  const asked = ["state", "outbox", "invocation", "config", "logging", ...(wit.outbound === undefined ? [] : ["outbound"]), "calls"];
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
    `const exported = component(context, { ${asked.join(", ")} }, ${text(versions)}, ${text(errors)});`,
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
