/** A played host: a context runs in a test as it does in its component, with everything in memory. Any runner of tests will do. */

import type { Context, Entry } from "innkeeper-sdk";

/** Something that the host would have ended the invocation for. A context never sees it. */
export class Refused extends Error {}

/** An answer, as a client sees it. */
export interface Reply {
  status: number;
  /** By their names in lower case; of one that comes more than once, its values with commas between them. */
  headers: Record<string, string>;
  /** Each of them, also where a name comes more than once. */
  headerList: [string, string][];
  /** What JSON is read of; else its text, or bytes. A `HEAD` has none. */
  body: any;
}

interface Options {
  headers?: Record<string, string>;
}

/** An event that was committed. */
export interface Emitted {
  id: string;
  source: string;
  kind: string;
  subject: string;
  data: any;
}

/** A call of another context. */
export interface Call {
  function: string;
  parameters: any[];
  /** Whether it has answered its ok value. */
  isDone: boolean;
  /** Whether the host has taken it back, because its caller has not committed. */
  undone: boolean;
}

/** What was asked outside. */
export interface Asked {
  method: string;
  url: string;
  /** By their names in lower case. */
  headers: Record<string, string>;
  /** What JSON is read of; else its text, or bytes. */
  body: any;
  timeout?: number;
}

/** A context that is tested. */
export class TestContext {
  /** A context, its name in the app, and `limits.commit.timer_delay` in milliseconds where its manifest has another than 400 days. */
  constructor(context: Context, name?: string, limits?: { timerDelay?: number });
  /** What the host is told of it. */
  readonly description: any;
  request(method: string, path: string, options?: Options & { body?: unknown }): Reply;
  get(path: string, options?: Options): Reply;
  post(path: string, body?: unknown, options?: Options): Reply;
  put(path: string, body?: unknown, options?: Options): Reply;
  patch(path: string, body?: unknown, options?: Options): Reply;
  delete(path: string, options?: Options): Reply;
  /** Delivers an event; throws `Retry` or `Reject` where the policy has ended so. With another `contentType` than JSON the data is a text or bytes. */
  deliver(source: string, kind: string, subject: string | number, data: unknown, options?: { contentType?: string }): void;
  /** Calls a function that the context offers; throws a `Failure` with the case of its error. */
  call(id: string, name: string, ...parameters: unknown[]): any;
  /** Runs something as an invocation of the context: to look into its tables, or to fill them. */
  run<T>(run: () => T): T;
  /** Has a function answer the calls of another context's function. */
  answer(id: string, name: string, run: (...parameters: any[]) => unknown): void;
  /**
   * Has a function answer what is asked outside; until then all of it is denied. What it answers is a text or bytes as they are, or JSON. An `outbound.Error` that it throws is why there is
   * no answer.
   */
  answerOutside(run: (asked: Asked) => { status?: number; headers?: Record<string, string>; body?: unknown } | undefined): void;
  /** The calls that were made since this was asked last. */
  calls(): Call[];
  /** The events that were committed since this was asked last. */
  events(): Emitted[];
  /** The timers that are set. */
  timers(): (Emitted & { due: number })[];
  /** Lets time pass; timers that come due become events. */
  advance(milliseconds: number): void;
  /** From now on this is who sends requests, calls, and is behind the events that are delivered; nobody who is known, without a subject. */
  signIn(subject?: string, token?: { issuer?: string; scopes?: string[]; claims?: Record<string, unknown> }): void;
  /** Sets a key of the configuration. */
  configure(key: string, value: string | number | boolean): void;
  /** The lines that were logged since this was asked last. */
  logs(): { level: string; message: string }[];
  /** Why the context cannot take requests; undefined when it can. */
  notReady(): string | undefined;
  /** Why the context does not work; undefined when it does. */
  notLive(): string | undefined;
  /** Which state it works with. */
  schema(): { number: number; reads: number[]; rebuild: boolean };
  /** What becomes of entries of another schema. */
  migrate(from: number, entries: Entry[]): Entry[][];
}
