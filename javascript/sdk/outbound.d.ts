/**
 * Requests to the outside: to whom `allow_outbound` in the context's settings names. What is asked is no part of the commit: it stays when the invocation fails, and when that is run
 * again after a crash it is asked again. Whatever may change something carries an `Idempotency-Key` that is the same then, unless it is given one.
 */

import type { Headers, Type } from "./index.js";

/** What a request may have. */
export interface Options {
  /** By their names; pairs where a name comes twice. */
  headers?: Headers | [string, string][];
  /** A text or bytes, as they are. */
  body?: string | Uint8Array;
  /** A value that is sent as JSON. */
  json?: unknown;
  /** How long the answer may take to begin, in milliseconds. The invocation's deadline holds in any case. */
  timeout?: number;
}

/** An answer, whatever its status. */
export class Response {
  private constructor();
  readonly status: number;
  /** Their names are in lower case. */
  readonly headers: [string, string][];
  /** At most `limits.outbound` bytes. */
  readonly body: Uint8Array;
  /** The first value of a header. */
  header(name: string): string | undefined;
  /** The body as a text; throws an {@link Error} when it is not UTF-8. */
  text(): string;
  /** What the body says as JSON; throws an {@link Error} when it is none. */
  json(): any;
  /** The value of a type that the body has as JSON; members that the type does not have are passed over. */
  json<T>(type: Type<T>): T;
}

/**
 * Why there is no answer, or none that can be used. What is `denied`, `invalid` or `overloaded` was not sent; `unreachable`: there was no connection in time; `timed-out`: no answer in time,
 * so whether it has had an effect is not known; `too-large`: the body of the request or of the answer is too long; `broken`: what came back is no answer, or not what is wanted.
 */
export type ErrorKind = "denied" | "invalid" | "overloaded" | "unreachable" | "timed-out" | "too-large" | "broken";

declare class OutboundError extends globalThis.Error {
  constructor(kind: ErrorKind, reason: string);
  readonly kind: ErrorKind;
}

export { OutboundError as Error };

/** Sends a request, and answers the whole answer, whatever its status. A redirect is an answer like any other. Throws an {@link Error} where there is none. */
export function request(method: string, url: string, options?: Options): Response;
/** A `GET`. */
export function get(url: string, options?: Options): Response;
/** A `POST`. */
export function post(url: string, options?: Options): Response;
