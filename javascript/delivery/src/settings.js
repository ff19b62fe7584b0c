/** What operators may set. */

import { config, text } from "innkeeper-sdk";

/** How long a delivery takes, written `500ms`, `2s`, `1m` or `24h`. */
export const settings = config({ delivery_time: text.or("2s") });

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** How long a delivery takes, in milliseconds. */
export function deliveryTime() {
  const [, number, unit] = /^([0-9]+)(ms|s|m|h)$/.exec(settings.read().delivery_time) ?? [];
  const milliseconds = Number(number) * UNITS[unit];
  // What is no number is not one that is exact either.
  if (!Number.isSafeInteger(milliseconds)) throw new Error("delivery_time is no time: it is written 500ms, 2s, 1m or 24h");
  return milliseconds;
}
