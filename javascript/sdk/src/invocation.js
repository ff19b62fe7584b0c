/** What the host knows of the invocation that runs. It is the same in all its attempts, except `attempt`. */

import { host } from "./host.js";

export const invocation = {
  /** The invocation's id. */
  get id() {
    return host().invocation.id();
  },
  /** The id that everything with one cause at its root shares. */
  get correlationId() {
    return host().invocation.correlationId();
  },
  /** The event or invocation that caused this one; empty for a web request. */
  get causationId() {
    return host().invocation.causationId();
  },
  /** Which attempt this is, from 1. */
  get attempt() {
    return host().invocation.attempt();
  },
  /** The time, in milliseconds since the Unix epoch. It does not move while the invocation runs. */
  now() {
    return Number(host().invocation.now());
  },
  /** A new unique id of 32 hexadecimal digits. */
  newId() {
    return host().invocation.newId();
  },
};
