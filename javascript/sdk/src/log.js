/** Lines in the host's log, which adds the context, the version and the correlation id. */

import { host } from "./host.js";

function write(level, parts) {
  const text = (part) => {
    if (typeof part === "string") return part;
    if (part instanceof Error) return part.stack ?? part.message;
    try {
      return JSON.stringify(part) ?? String(part);
    } catch {
      return String(part);
    }
  };
  host().logging.log(level, "", parts.map(text).join(" "));
}

export const log = {
  trace: (...parts) => write("trace", parts),
  debug: (...parts) => write("debug", parts),
  info: (...parts) => write("info", parts),
  warn: (...parts) => write("warn", parts),
  error: (...parts) => write("error", parts),
  critical: (...parts) => write("critical", parts),
};
