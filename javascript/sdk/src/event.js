/** Events: they exist if and only if the commit does that emitted them. */

import { decode, encode } from "./bytes.js";
import { host } from "./host.js";
import { Reject } from "./problem.js";
import { EVENT, Mismatch, stringify } from "./types.js";

/** A kind of event, and what it carries. */
class EventKind {
  constructor(kind, data, { subject } = {}) {
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

function staged(kind, data) {
  if (typeof kind.subject !== "function") {
    throw new TypeError(`${kind.kind} has no subject: event("${kind.kind}", …, { subject: (data) => … }) says what it is about`);
  }
  const text = stringify(kind.data, data, EVENT, `a ${kind.kind} cannot be published`);
  return [kind.kind, String(kind.subject(data)), encode(text)];
}

/** Stages an event; answers its id. */
export function emit(kind, data) {
  return host().outbox.emit(...staged(kind, data));
}

/** Stages a durable timer: an event that is published so many milliseconds after the commit, or later. Answers the id to cancel it with. */
export function emitAfter(delay, kind, data) {
  return host().outbox.emitAfter(delay, ...staged(kind, data));
}

/** Stages the cancellation of a timer. False when it has fired, was cancelled, or never was. */
export function cancel(id) {
  return host().outbox.cancel(id);
}

/** What a context does about events of a kind that another context publishes: one of the `follows` of its declaration. */
export function follow(source, kind, policy) {
  return { source, kind, policy };
}

function isJson(contentType) {
  const mediaType = contentType.split(";")[0].trim().toLowerCase();
  return mediaType.endsWith("/json") || mediaType.endsWith("+json");
}

/** What an event carries. Data that cannot be read will not get better: the event is rejected. */
function readData(kind, delivered) {
  const rejected = (reason) => new Reject(`the data of ${kind.kind} cannot be read: ${reason}`);
  const text = decode(delivered.data);
  let json;
  try {
    if (text === null) throw new SyntaxError("it is not UTF-8");
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (isJson(delivered.contentType) || text === null) throw rejected(error.message);
    json = text;
  }
  try {
    return kind.data.read(json, EVENT);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw rejected(`${error.pointer === "" ? "" : `${error.pointer.slice(1)}: `}${error.message}`);
  }
}

/** Runs the policy of an event. */
export function handle({ kind, policy }, delivered) {
  const { id, source, subject, contentType } = delivered;
  policy(readData(kind, delivered), {
    id,
    source,
    subject,
    time: Number(delivered.time),
    contentType,
    extensions: Object.fromEntries(delivered.extensions),
  });
}
