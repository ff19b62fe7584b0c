/** What the host knows of the invocation that runs. It is the same in all its attempts, except `attempt`. */

import { host } from "./host.js";
import { parseJson } from "./json.js";
import { Problem } from "./problem.js";

/** Who is behind an invocation, as a token said that the host has found good. */
export class Identity {
  constructor({ issuer, subject, scopes, claims }) {
    this.issuer = issuer;
    this.subject = subject;
    this.scopes = [...scopes];
    this.claims = new Map([...claims].map(([name, json]) => [name, parseJson(json)]));
  }

  /** Whether the token allows something. */
  hasScope(scope) {
    return this.scopes.includes(scope);
  }

  /** What the token says under a name; undefined when it says nothing there, or the manifest does not name it. */
  claim(name) {
    return this.claims.get(name);
  }
}

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
  /** Who is behind it; undefined where nobody is known to be. No header that a client has set says it. */
  get identity() {
    const identity = host().invocation.identity();
    return identity === null || identity === undefined ? undefined : new Identity(identity);
  },
  /** Who is behind it; throws a 401 where nobody is known to be. */
  requireIdentity() {
    const { identity } = this;
    if (identity === undefined) throw new Problem(401, "This needs to know who asks.");
    return identity;
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
