/** The JavaScript and TypeScript SDK of Innkeeper: write a bounded context as one module, and declare it once with {@link context}. */

// Types of values

/** A type of values: it is described to the host, and reads and writes them. */
export interface Type<T> {
  /** The same type, with a value where a record lacks one. */
  or(fallback: T): Type<T> & { readonly hasDefault: true };
  /** The same type, as a field that has another name in the state than in the code. */
  storedAs(name: string): this;
  /** The same type with a name of 1 to 128 bytes, and with what it is for in a few sentences: the app's documents tell it under `#/components/schemas` by that name, as they tell types of Rust and Python. */
  named(name: string, description?: string): this;
  /** The same type, with a keyword of JSON Schema 2020-12 or OpenAPI in the documents: `text.keyword("format", "email")`. It is told, and checks nothing. */
  keyword(name: string, value: unknown): this;
  /** Never there: it keeps `T` apart for the compiler. */
  readonly "~value"?: T;
}

/** The values of a type: `type Note = Value<typeof Note>`. */
export type Value<X> = X extends Type<infer T> ? T : never;

type Fields = Record<string, Type<any>>;
type Values<F> = { [N in keyof F]: Value<F[N]> };

/** A text. */
export interface TextType extends Type<string> {
  /** The same type, with a value where a record lacks one. */
  or(fallback: string): TextType & { readonly hasDefault: true };
  /** A text that is not blank and has at most so many characters: in a body, a path or a query, and when it is written. What is stored already is read however long it is. */
  upTo(most: number): Type<string>;
}

/** A number that can be the key of a table. */
export interface KeyNumber extends Type<number> {
  readonly "~key"?: number;
}

export const unit: Type<null>;
export const bool: Type<boolean>;
export const u8: KeyNumber;
export const u16: KeyNumber;
export const u32: KeyNumber;
/** An unsigned number of 64 bits as a `number`: exact up to 2^53, and refused beyond. See {@link big}. */
export const u64: KeyNumber & { readonly "~big"?: true };
export const s8: Type<number>;
export const s16: Type<number>;
export const s32: Type<number>;
/** A signed number of 64 bits as a `number`: exact up to 2^53, and refused beyond. See {@link big}. */
export const s64: Type<number> & { readonly "~big"?: true };
export const u128: Type<bigint>;
export const s128: Type<bigint>;
export const f32: Type<number>;
export const f64: Type<number>;
/** One character. */
export const char: Type<string>;
export const text: TextType;
/** Bytes: Base64 in JSON. In an event that Rust reads, or writes, a list of `u8` is what a `Vec<u8>` is. */
export const bytes: Type<Uint8Array>;

/** `u64` or `s64` as a `bigint`, with all of its 64 bits. */
export function big(type: Type<number> & { readonly "~big"?: true }): Type<bigint>;
/** A value, or `null`. Where `null` is one of the values already, `{ some: value }` or `null`; in events and bodies one `null` stands for both. */
export function optional<T>(inner: Type<T>): Type<(null extends T ? { some: T } : T) | null>;
/** Any number of values: an array. */
export function list<T>(item: Type<T>): Type<T[]>;
/** One value of each type: an array. */
export function tuple<P extends Type<any>[]>(...parts: P): Type<Values<P>>;
/** Keys with values: a `Map`. In events, bodies and answers the keys are members of an object, so in events they are texts, whole numbers, `bool`, `char` or `oneOf`. */
export function map<K, V>(key: Type<K>, value: Type<V>): Type<Map<K, V>>;
/** Fields with names. Their order means nothing. */
export function record<F extends Fields>(fields: F): Type<Values<F>>;
/** One of several cases: `variant({ Single: null, Suite: u32 })` has the values `"Single"` and `{ Suite: 7 }`. */
export function variant<C extends Record<string, Type<any> | null>>(
  cases: C,
): Type<{ [N in keyof C]: C[N] extends null ? N : { [M in N]: Value<C[N]> } }[keyof C]>;
/** One of several texts. */
export function oneOf<const N extends string[]>(...names: N): Type<N[number]>;

// Tables

type KeyPart = KeyNumber | TextType;
type KeyOf<K> = K extends KeyNumber ? number : K extends TextType ? string : K extends KeyPart[] ? { [P in keyof K]: KeyOf<K[P]> } : never;
type First<K> = K extends [infer P, ...unknown[]] ? KeyOf<P> : never;

/** A key of the state with its value, as a migration is given it. */
export interface Entry {
  key: string;
  value: Uint8Array;
}

/** What reads a table. */
export interface TableReader<K, V> {
  readonly name: string;
  /** The value of a key; undefined where there is none. */
  get(key: KeyOf<K>): V | undefined;
  /** The value of a key; where there is none, the problem is thrown, without one 404. */
  find(key: KeyOf<K>, problem?: Problem): V;
  /** Whether a key is there. */
  has(key: KeyOf<K>): boolean;
  /** How many keys there are: of any number, it costs the same. */
  count(): number;
  /** The first rows, at most so many. */
  first(limit: number): [KeyOf<K>, V][];
  /** The last rows, the last one first, at most so many. */
  last(limit: number): [KeyOf<K>, V][];
  /** The rows behind a key, whether or not it is there, at most so many. */
  after(key: KeyOf<K>, limit: number): [KeyOf<K>, V][];
  /** The rows from a key up to another one, which is not among them, at most so many. */
  range(from: KeyOf<K>, to: KeyOf<K>, limit: number): [KeyOf<K>, V][];
  /** The rows whose keys begin with this part, at most so many. */
  of(first: First<K>, limit: number): [KeyOf<K>, V][];
  /** The last rows whose keys begin with this part, the last one first, at most so many. */
  lastOf(first: First<K>, limit: number): [KeyOf<K>, V][];
  /** How many keys begin with this part. It costs a look at each of them. */
  countOf(first: First<K>): number;
  /** The next id, from 1. Ids may be skipped, and never come again once something was done with them. */
  nextId(): number;
  /** A page of a table whose key is a number, in the order of the ids. */
  page(paging: Paging): Page<V>;
  /** Whether an entry of the state is a row of this table. */
  holds(entry: Entry): boolean;
  /** The key of a row. */
  keyOf(entry: Entry): KeyOf<K>;
  /** The value of a row. */
  read(entry: Entry): V;
}

/** A typed part of the context's state. */
export interface Table<K, V> extends TableReader<K, V> {
  /** Stores a value under a key. Where another row has what only one may have, the problem is thrown, without one a {@link Taken}; then nothing is changed. */
  put(key: KeyOf<K>, value: V, problem?: Problem): void;
  /** Removes a key. Removing what is not there is no error. */
  delete(key: KeyOf<K>): void;
  /** The row that `put` would store, for a migration. A table with indexes has {@link entries}. */
  entry(key: KeyOf<K>, value: V): Entry;
  /** The row that `put` would store, and what the indexes have of it, for a migration. */
  entries(key: KeyOf<K>, value: V): Entry[];
  /**
   * An index by which the one row is found that has a value: `books.unique("by-isbn", text, (book) => book.isbn)`. No two rows may have the same; one of which the function says nothing is
   * not in the index. Its name is that of no other table. Rows that were there before it are not in it either: a version that adds one to a table that has rows takes another `schema` number,
   * and its `migrate` answers `entries`.
   */
  unique<const X extends KeyPart | [KeyPart, ...KeyPart[]]>(name: string, type: X, of: (row: V) => KeyOf<Mutable<X>> | null | undefined): Unique<Mutable<X>, K>;
  /** An index by which all rows are found that have a value, likewise: `books.index("by-shelf", u64, (book) => book.shelf)`. The table's keys have one part. */
  index<const X extends KeyPart>(name: string, type: X, of: (row: V) => KeyOf<X> | null | undefined): Index<X, K>;
}

/** Finds the one row of a table that has a value. */
export interface Unique<X, K> {
  /** The key of the row that has this value; undefined where there is none. */
  key(value: KeyOf<X>): KeyOf<K> | undefined;
}

/** Finds all rows of a table that have a value. */
export interface Index<X, K> {
  /** How many rows have this value. It costs a look at the key of each. */
  countOf(value: KeyOf<X>): number;
  /** The keys of the rows that have this value, in their order, at most so many. */
  keysOf(value: KeyOf<X>, limit: number): KeyOf<K>[];
  /** The last of these keys, the last one first, at most so many. */
  lastOf(value: KeyOf<X>, limit: number): KeyOf<K>[];
}

/** Numbers that are added to without being read, so that additions do not conflict with each other. */
export interface Counter<K, N extends number | bigint = number> extends TableReader<K, N> {
  /** Adds to a number, which is 0 where nothing is there. A sum that has more than 64 bits ends the invocation. */
  add(key: KeyOf<K>, delta: number | N): void;
  /** The sum. Where that is a `number`, one beyond 2^53 cannot be read: a counter of `big(s64)` has bigints. */
  get(key: KeyOf<K>): N;
  /** Removes the number. */
  delete(key: KeyOf<K>): void;
}

/** A table: `table("notes", u64, Note)`. Its key is a number, a text, or a list of up to three of these. */
export function table<const K extends KeyPart | [KeyPart, ...KeyPart[]], V>(name: string, key: K, value: Type<V>): Table<Mutable<K>, V>;
/** A table of numbers that are added to: `counter("hits", text)`. With `big(s64)` as a third they are bigints, with all of 64 bits; what is stored is the same. */
export function counter<const K extends KeyPart | [KeyPart, ...KeyPart[]], N extends number | bigint = number>(name: string, key: K, value?: Type<N>): Counter<Mutable<K>, N>;

type Mutable<K> = K extends readonly unknown[] ? { -readonly [P in keyof K]: K[P] } : K;

/** Which part of a collection is wanted: `?after=17&size=20`, or `?page=0&size=20`. */
export class Paging {
  constructor(wanted: { page?: number; after?: number | bigint; size?: number });
  readonly page?: number;
  /** A `bigint` where a number cannot say it. */
  readonly after?: number | bigint;
  readonly size: number;
}

/** A part of a collection, oldest first. As an answer it has `Link` headers to the others. */
export class Page<T> {
  readonly items: T[];
  readonly total: number;
  readonly paging: Paging;
  readonly next?: number | bigint;
  /** The same page, with each item turned into another. */
  map<U>(change: (item: T) => U): Page<U>;
}

// Events

/** A kind of event. */
export interface EventKind<T> {
  readonly kind: string;
  readonly data: Type<T>;
}

/** A kind of event that this context publishes. */
export interface PublishedKind<T> extends EventKind<T> {
  readonly subject: (data: T) => string | number | bigint;
}

/** What is known of an event besides its data. */
export interface Happened {
  /** Unique, and the same for a repeated delivery. */
  id: string;
  source: string;
  /** The aggregate that it is about. */
  subject: string;
  /** When it was committed, in milliseconds since the Unix epoch. */
  time: number;
  contentType: string;
  /** The extension attributes of a CloudEvent from outside. */
  extensions: Record<string, string>;
}

/** One of the `follows` of a context. */
export interface Followed {
  readonly source: string;
  readonly kind: EventKind<any>;
  readonly policy: (data: any, happened: Happened) => void;
}

/** A kind of event that this context publishes; `subject` names what an event is about. Events of one subject keep their order. */
export function event<T>(kind: string, data: Type<T>, options: { subject: (data: T) => string | number | bigint }): PublishedKind<T>;
/** A kind of event of another context, as much of it as is read. */
export function event<T>(kind: string, data: Type<T>): EventKind<T>;
/** Stages an event; answers its id. It exists if and only if the invocation commits. */
export function emit<T>(kind: PublishedKind<T>, data: NoInfer<T>): string;
/** Stages a durable timer: an event that is published so many milliseconds after the commit, or later. Answers the id to cancel it with. */
export function emitAfter<T>(delay: number, kind: PublishedKind<T>, data: NoInfer<T>): string;
/** Stages the cancellation of a timer. False when it has fired, was cancelled, or never was. */
export function cancel(id: string): boolean;
/** What a context does about events of a context, which may be itself. */
export function follow<T>(source: string, kind: EventKind<T>, policy: (data: T, happened: Happened) => void): Followed;

// Routes

/** A request, as the host hands it over. */
export interface Request {
  method: string;
  route: string;
  path: string;
  parameters: [string, string][];
  query: [string, string][];
  headers: [string, string][];
  body: Uint8Array;
}

type Names<P extends string> = P extends `${string}{${infer N}}${infer Rest}` ? (N extends `*${infer M}` ? M : N) | Names<Rest> : never;
type PathValues<P extends string, T> = { [N in Names<P>]: N extends keyof T ? Value<T[N]> : string };

/** What is read of a request, by types: what does not fit is answered 400 or 422 before the handler runs. */
export interface Reading<P extends string> {
  /** The types of the path's placeholders; one without is a text. */
  path?: { [N in Names<P>]?: Type<any> };
  /** The types of what the query may have: a list stands there between commas. */
  query?: Fields;
  /** The type of the body, which is a JSON object. */
  body?: Type<any>;
  /** Whether a part of a collection may be asked for. */
  paging?: boolean;
  /** What it does, in one sentence for people: the app's OpenAPI document says it. */
  summary?: string;
  /**
   * What it answers with success, for the app's OpenAPI document: the type of a 200, or types by status, of which `null` is no body. Then these are all; nothing changes what is answered, and a
   * `TestContext` throws where that is something else.
   */
  answers?: Type<any> | Record<number, Type<any> | null>;
}

/** What a handler may return: where the route says the type of a 200, a value of it or an answer. */
export type Returned<R> = R extends { answers: infer A } ? (A extends Type<infer T> ? T | Answer : unknown) : unknown;

/** What a handler is given. */
export type Given<P extends string, R> = {
  request: Request;
  /** By their names in lower case. */
  headers: Record<string, string | undefined>;
  path: PathValues<P, R extends { path: infer T } ? T : {}>;
} & (R extends { query: infer Q } ? { query: Values<Q> } : {}) &
  (R extends { body: infer B } ? { body: Value<B> } : {}) &
  (R extends { paging: true } ? { paging: Paging } : {});

/** One of the `routes` of a context. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

interface Method {
  <const P extends string>(path: P, handler: (given: Given<P, {}>) => unknown): Route;
  <const P extends string, const R extends Reading<P>>(path: P, reading: R, handler: (given: Given<P, R>) => Returned<R>): Route;
}

/** A route. What the handler returns is the body of a 200, or an answer; nothing is 204. */
export const get: Method;
export const post: Method;
export const put: Method;
export const patch: Method;
/** A route for `DELETE`. */
export const del: Method;

/** The type of a part of a collection, as a route says it: `{ paging: true, answers: pageOf(Note) }`. */
export function pageOf<T>(item: Type<T>): Type<Page<T>>;

/** An answer with a status, a body and headers. */
export class Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** Headers by their names: a value, or a list of them for a name that comes more than once, as `set-cookie` may. */
export type Headers = Record<string, string | number | bigint | boolean | (string | number | bigint | boolean)[]>;

/** Any status, with a body that becomes JSON; a text or bytes with a `content-type` of their own stay what they are. */
export function answer(status: number, body?: unknown, headers?: Headers): Answer;
/** 200 with a JSON body. */
export function ok(body: unknown, headers?: Headers): Answer;
/** 201 with a JSON body, and where the new thing is. */
export function created(location: string, body: unknown): Answer;
/** 204: done, and nothing to say. */
export function noContent(): Answer;

// How invocations end otherwise

/** A problem detail of RFC 9457: thrown, it ends a request, and nothing that was staged is committed. In a policy it is an exception like any other: the event is tried again. */
export class Problem extends Error {
  constructor(status: number, detail: string, more?: { errors?: { pointer: string; detail: string }[]; headers?: Headers });
  readonly status: number;
  /** 404: what the path names does not exist. */
  static notFound(detail: string): Problem;
  /** 409: it cannot be done in the present state. */
  static conflict(detail: string): Problem;
  /** 422: the body is well-formed, but the part at `pointer` cannot be accepted. */
  static invalid(pointer: string, detail: string): Problem;
  /** 503: try again after so many seconds. */
  static unavailable(detail: string, retryAfter: number): Problem;
}

/** Something that should not happen: stored data that this version cannot read, or data that cannot be written. */
export class Fault extends Error {}
/** Another row has what only one may have: thrown by `put`. A request ends with it in a 409, and in a policy the event becomes a dead letter. */
export class Taken extends Error {
  private constructor();
  /** The name of the index. */
  readonly index: string;
}
/** Thrown by a policy: the event is tried again later. Any other exception but `Reject` means the same, and is in the log. */
export class Retry extends Error {}
/** Thrown by a policy: the event becomes a dead letter with this reason. */
export class Reject extends Error {}
/** An error that an interface names: thrown by a function that is offered, and by one that is called. */
export class Failure extends Error {
  constructor(kind: string, value?: unknown);
  /** The case, for example `taken`, `unavailable` or `deadline-exceeded`. */
  readonly kind: string;
  /** What it carries. */
  readonly value: any;
}

// Calls

/** Functions of an interface, by their names in JavaScript. */
export type Functions = Record<string, (...parameters: any[]) => any>;
/** The interface of another context: its functions, and one of the `calls` of the declaration. */
export type Called<F> = F & (F extends { id: unknown } ? unknown : { readonly id: string });

/**
 * The functions of an interface that another context offers, named without its version: `calls<Payments>("stay:payment/payments")`. Each answers its ok value, and throws a
 * {@link Failure} with the case of its error; `unavailable` is the host's, when the other context cannot be reached, and `deadline-exceeded`, where the error has
 * that case, when the time of the call was up. What its type in WIT does not hold is refused, among parameters and in what is answered: 256 as a `u8`, 1.5 or `NaN` as an integer. Integers of 64 bits
 * are numbers, too, up to 2^53.
 */
export function calls<F = Functions>(id: string): Called<F>;

// Requests to the outside

/** `outbound.get("https://rates.example/usd").json(Rate)`: what is asked outside, of whom `allow_outbound` in the context's settings names. */
export * as outbound from "./outbound.js";

// Configuration, log, invocation

/** The configuration as types: what an operator changes holds for the next invocation. */
export interface Config<T> {
  /** Reads the configuration as it is now. */
  read(): T;
}

/** Declares the configuration: `config({ loans: u32.or(3) })`. */
export function config<F extends Fields>(types: F): Config<Values<F>>;

/** Lines in the host's log. */
export const log: Record<"trace" | "debug" | "info" | "warn" | "error" | "critical", (...parts: unknown[]) => void>;

/** Who is behind an invocation, as a token said that the host has found good. */
export class Identity {
  private constructor();
  /** Who says so. */
  readonly issuer: string;
  /** Who it is, among all that the issuer knows. */
  readonly subject: string;
  /** What the token allows. */
  readonly scopes: string[];
  /** Whether the token allows something. */
  hasScope(scope: string): boolean;
  /** What the token says under a name, as JSON has it; undefined when it says nothing there, or the manifest does not name it. */
  claim(name: string): unknown;
}

/** What the host knows of the invocation that runs. */
export const invocation: {
  readonly id: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly attempt: number;
  /**
   * Who is behind it: whoever has sent the request, where its route asks for a token, and the same in all calls, events, timers and undoing that come of it. Undefined where nobody is
   * known to be. No header that a client has set says it.
   */
  readonly identity: Identity | undefined;
  /** Who is behind it; throws a 401 where nobody is known to be. */
  requireIdentity(): Identity;
  /** The time, in milliseconds since the Unix epoch. It does not move while the invocation runs. */
  now(): number;
  /** A new unique id of 32 hexadecimal digits. */
  newId(): string;
};

// The context

/** Which state a context works with, when it has changed in a way that other versions cannot read. */
export interface Schema {
  number: number;
  /** Other numbers whose state it reads as it is. */
  reads?: number[];
  /** Whether the state is filled anew from the events: for projections. */
  rebuild?: boolean;
  /** What is in the place of an entry of the schema `from`: nothing, one entry, or several. Nothing may be asked of the host. */
  migrate?: (from: number, entry: Entry) => Entry[];
}

/** What a context declares. Each part but the `summary` may be left out. */
export interface Declaration {
  /** One sentence for the people who operate it. */
  summary: string;
  /** What it does for others, by the interfaces of WIT without their versions. */
  offers?: Record<string, Functions>;
  /** The interfaces of others that it calls. */
  calls?: { readonly id: unknown }[];
  /** All that it writes to. */
  tables?: { readonly name: string }[];
  routes?: Route[];
  publishes?: PublishedKind<any>[];
  follows?: Followed[];
  /** Which function undoes which, by interface: `{ "stay:room/rooms": { hold: "release" } }`. It takes the same parameters, and may take the result after them. */
  compensations?: Record<string, Record<string, string>>;
  /** Looked at before the context serves. */
  config?: Config<unknown>;
  /** Throws why the context cannot take requests. */
  ready?: () => void;
  /** Throws why the context does not work. */
  live?: () => void;
  schema?: Schema;
}

/** A context: the default export of its main module. */
export interface Context {
  readonly summary: string;
}

/** Declares a context: both what the host is told and what runs, so the two cannot differ. */
export function context(declaration: Declaration): Context;
