/** The module that a component is made of: it imports what the host offers, and exports what the context declares. */

import { fileURLToPath } from "node:url";

/** A file of the SDK, wherever the entry is bundled. */
const ours = (file) => JSON.stringify(fileURLToPath(new URL(`../src/${file}`, import.meta.url)));

/** A name of WIT in JavaScript. */
const camelCase = (name) => name.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());

export function entry(context, wit, source) {
  const text = (value) => JSON.stringify(value);
  const contract = (name) => text(`innkeeper:context/${name}@${wit.contract}`);
  const versions = Object.fromEntries([...wit.calls, ...wit.offers].map((one) => [one.id, one.versioned]));
  return [
    `import { built } from ${ours("polyfills.js")};`,
    `import { component } from ${ours("component.js")};`,
    `import state from ${contract("state")};`,
    `import outbox from ${contract("outbox")};`,
    `import invocation from ${contract("invocation")};`,
    'import config from "wasi:config/store@0.2.0-rc.1";',
    'import logging from "wasi:logging/logging@0.1.0-draft";',
    ...wit.calls.map((call, place) => `import called${place} from ${text(call.versioned)};`),
    `import context from ${text(source)};`,
    "",
    `const calls = { ${wit.calls.map((call, place) => `${text(call.id)}: called${place}`).join(", ")} };`,
    `const exported = component(context, { state, outbox, invocation, config, logging, calls }, ${text(versions)});`,
    "export const describe = exported.describe;",
    "export const web = exported.web;",
    "export const policies = exported.policies;",
    "export const health = exported.health;",
    ...(context.migrates ? ["export const migration = exported.migration;"] : []),
    ...wit.offers.map((offer) => `export const ${camelCase(offer.interface)} = exported.offers(${text(offer.id)});`),
    "built();",
    "",
  ].join("\n");
}
