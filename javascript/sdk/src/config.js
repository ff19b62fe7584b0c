/** The context's configuration: `[context.<name>.config]` in `innkeeper.toml`, read live. */

import { host } from "./host.js";
import { Fault } from "./problem.js";
import { fromText, whatIs } from "./route.js";

/** The configuration as types: what an operator changes holds for the next invocation. */
class Config {
  constructor(types) {
    this.types = types;
  }

  /** Reads the configuration as it is now. */
  read() {
    const values = new Map(host().config.getAll());
    const settings = new Map();
    for (const [name, type] of Object.entries(this.types)) {
      if (values.has(name)) {
        const value = values.get(name).trim();
        const read = fromText(type, value);
        if (read === undefined) {
          // It may be a secret: what it is instead is not said.
          throw new Fault(`the configuration cannot be used: ${name} is not ${whatIs(type.inner ?? type, value)}`);
        }
        settings.set(name, read);
        values.delete(name);
      } else {
        const lacking = type.lacking();
        if (lacking.length === 0) throw new Fault(`the configuration cannot be used: ${name} is not set`);
        settings.set(name, lacking[0]);
      }
    }
    const [unknown] = values.keys();
    if (unknown !== undefined) {
      const names = Object.keys(this.types).join(", ");
      throw new Fault(`the configuration cannot be used: nobody reads ${unknown}; there is ${names}`);
    }
    return Object.fromEntries(settings);
  }
}

/**
 * Declares the configuration: `const settings = config({ loans: u32.or(3) })`. As the `config` of a context it is looked at before a version serves: the
 * context is not ready where a key is unknown, or a value is no such value.
 */
export function config(types) {
  return new Config(types);
}
