/** Lines in the host's log, which adds the context, the version and the correlation id. */

import { host } from "./host.js";
import { describeError, textOf, toWellFormed } from "./text.js";

function shown(part) {
  if (part instanceof Error) return describeError(part);
  if (typeof part === "string") return part;
  try {
    return JSON.stringify(part) ?? textOf(part);
  } catch {
    return textOf(part);
  }
}

function write(level, parts) {
  host().logging.log(level, "", toWellFormed(parts.map(shown).join(" ")));
}

export const log = {
  trace: (...parts) => write("trace", parts),
  debug: (...parts) => write("debug", parts),
  info: (...parts) => write("info", parts),
  warn: (...parts) => write("warn", parts),
  error: (...parts) => write("error", parts),
  critical: (...parts) => write("critical", parts),
};
