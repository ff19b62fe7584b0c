/** Events: they exist if and only if the commit does that emitted them. */

import { decode, encode } from "./bytes.js";
import { host } from "./host.js";
import { refusePromise } from "./immediate.js";
import { parseJson } from "./json.js";
import { Fault, Reject } from "./problem.js";
import { toWellFormed } from "./text.js";
import { EVENT, Mismatch, mismatchText, stringify } from "./types.js";

/** A kind of event, and what it carries. */
class EventKind {
  constructor(kind, data, { subject } = {}) {
    if (typeof kind !== "string" || kind === "") throw new TypeError("the kind of an event is a text: event(\"NoteLeft\", …)");
    this.kind = kind;
    this.data = data;
    this.subject = subject;
  }
}

/**
 * A kind of event. Where this context publishes it, `subject` names what an event is about: events of one subject keep their order.
 */
export function event(kind, data, options) {
  return new EventKind(kind, data, options);
}

/** A value that is no subject, for the log. */
function shown(value) {
  return typeof value === "number" || value === undefined || value === null ? `${value}` : `a value of the type ${typeof value}`;
}

function staged(kind, data) {
  if (typeof kind.subject !== "function") {
    throw new TypeError(`${kind.kind} has no subject: event("${kind.kind}", …, { subject: (data) => … }) says what it is about`);
  }
  const text = stringify(kind.data, data, EVENT, `a ${kind.kind} cannot be published`);
  const subject = refusePromise(`the subject of ${kind.kind}`, kind.subject(data));
  // Whatever else has a text would put events into one order that have nothing to do with each other.
  const isName = typeof subject === "string" || typeof subject === "bigint" || Number.isSafeInteger(subject);
  if (!isName) throw new Fault(`the subject of ${kind.kind} is a text or a whole number, not ${shown(subject)}`);
  return [kind.kind, toWellFormed(String(subject)), encode(text)];
}

/** Stages an event; answers its id. */
export function emit(kind, data) {
  return host().outbox.emit(...staged(kind, data));
}

/** Stages a durable timer: an event that is published so many milliseconds after the commit, or later. Answers the id to cancel it with. */
export function emitAfter(delay, kind, data) {
  if (!Number.isSafeInteger(delay) || delay < 0) throw new Fault(`a timer waits a whole number of milliseconds, not ${delay}`);
  return host().outbox.emitAfter(delay, ...staged(kind, data));
}

/** Stages the cancellation of a timer. False when it has fired, was cancelled, or never was. */
export function cancel(id) {
  if (typeof id !== "string") throw new Fault(`a timer is cancelled by the id that emitAfter has answered, which is a text, not ${shown(id)}`);
  return host().outbox.cancel(id);
}

/** What a context does about events of a kind that another context publishes: one of the `follows` of its declaration. */
export function follow(source, kind, policy) {
  if (typeof source !== "string") throw new TypeError(`whom a context follows is a text: the name of a context, not ${shown(source)}`);
  return { source, kind, policy };
}

function isJson(contentType) {
  const mediaType = contentType.split(";")[0].trim().toLowerCase();
  return mediaType.endsWith("/json") || mediaType.endsWith("+json");
}

/** What runs and answers a value; undefined where that does not fit. */
function fitting(read) {
  try {
    return [read()];
  } catch (error) {
    if (error instanceof Mismatch) return [];
    throw error;
  }
}

/** What data is that says that it is no JSON: a text, or bytes, for whoever reads such; empty where it is neither. */
function readOpaque(type, data, text) {
  if (type.name === "bytes") return [new Uint8Array(data)];
  // Where `null` is a value, its absence is told in JSON.
  const asText = text === null || type.takesNull ? [] : fitting(() => type.read(text, EVENT));
  return asText.length > 0 ? asText : fitting(() => type.read([...data], EVENT));
}

/**
 * What an event carries. What says that it is no JSON may be JSON all the same, since not every producer says what it sends. Data that cannot be read will not get better: the event is
 * rejected.
 */
function readData({ kind, data: type }, { contentType, data }) {
  const text = decode(data);
  try {
    const [opaque] = isJson(contentType) ? [] : readOpaque(type, data, text);
    if (opaque !== undefined) return opaque;
    if (text === null) throw new SyntaxError("it is not UTF-8");
    return type.read(parseJson(text), EVENT);
  } catch (error) {
    const isUnreadable = error instanceof Mismatch || error instanceof SyntaxError;
    if (!isUnreadable) throw error;
    throw new Reject(`the data of ${kind} cannot be read: ${error instanceof Mismatch ? mismatchText(error) : error.message}`);
  }
}

/** Runs the policy of an event. */
export function handle({ kind, policy }, delivered) {
  const { id, source, subject, contentType } = delivered;
  const happened = {
    id,
    source,
    subject,
    time: Number(delivered.time),
    contentType,
    extensions: Object.fromEntries(delivered.extensions),
  };
  refusePromise(`what the policy for ${kind.kind} returned`, policy(readData(kind, delivered), happened));
}
