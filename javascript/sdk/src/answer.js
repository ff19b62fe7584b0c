/** Answers to requests. */

import { encode } from "./bytes.js";
import { refusePromise } from "./immediate.js";
import { writeJson } from "./json.js";
import { Page } from "./paging.js";
import { answerHeaders, checkedStatus } from "./response.js";

/** An answer with a status, a body and headers. */
export class Answer {
  constructor(status, body, headers = {}) {
    this.status = checkedStatus("an answer", 100, status);
    this.body = body;
    this.headers = headers;
  }

  /** For the host. */
  toResponse() {
    const { body } = this;
    // It may have been set since.
    const status = checkedStatus("an answer", 100, this.status);
    const headers = answerHeaders(this.headers);
    if (body === undefined) return { status, headers, body: new Uint8Array() };
    refusePromise("the body of the answer", body);
    const isTyped = headers.some(([name]) => name === "content-type");
    if (isTyped && body instanceof Uint8Array) return { status, headers, body };
    if (isTyped && typeof body === "string") return { status, headers, body: encode(body) };
    if (!isTyped) headers.push(["content-type", "application/json"]);
    if (body instanceof Page && body.links !== undefined) headers.push(["link", body.links]);
    return { status, headers, body: encode(writeJson(body) ?? "null") };
  }
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
  if (refusePromise("what the handler returned", returned) instanceof Answer) return returned;
  return returned === undefined ? noContent() : ok(returned);
}
