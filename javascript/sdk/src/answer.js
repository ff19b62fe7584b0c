/** Answers to requests. */

import { encode } from "./bytes.js";
import { Page } from "./paging.js";

/** An answer with a status, a body and headers. */
export class Answer {
  constructor(status, body, headers = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }

  /** For the host. */
  toResponse() {
    const headers = Object.entries(this.headers).map(([name, value]) => [name.toLowerCase(), String(value)]);
    if (this.body === undefined) return { status: this.status, headers, body: new Uint8Array() };
    const isTyped = headers.some(([name]) => name === "content-type");
    if (this.body instanceof Uint8Array) return { status: this.status, headers, body: this.body };
    if (typeof this.body === "string" && isTyped) return { status: this.status, headers, body: encode(this.body) };
    if (!isTyped) headers.push(["content-type", "application/json"]);
    if (this.body instanceof Page && this.body.links !== undefined) headers.push(["link", this.body.links]);
    return { status: this.status, headers, body: encode(JSON.stringify(this.body, told) ?? "null") };
  }
}

/** What JSON has no word for: a large integer is its digits, as in the state. */
function told(_, value) {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  return value instanceof Map ? Object.fromEntries(value) : value;
}

/** Any status, with a body that becomes JSON; a text or bytes with a `content-type` of their own stay what they are. */
export function answer(status, body, headers) {
  return new Answer(status, body, headers);
}

/** 200 with a JSON body. */
export function ok(body, headers) {
  return new Answer(200, body, headers);
}

/** 201 with a JSON body, and where the new thing is. */
export function created(location, body) {
  return new Answer(201, body, { location });
}

/** 204: done, and nothing to say. */
export function noContent() {
  return new Answer(204, undefined);
}

/** The answer that a handler means by what it returns: a value is a JSON body, nothing is 204. */
export function answerOf(returned) {
  if (returned instanceof Answer) return returned;
  return returned === undefined ? noContent() : ok(returned);
}
