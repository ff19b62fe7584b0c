/**
 * Requests to the outside: to whom `allow_outbound` in the context's settings names. What is asked is no part of the commit: it stays when the invocation fails, and when that is run
 * again after a crash it is asked again. Whatever may change something carries an `Idempotency-Key` that is the same then.
 */

import { decode, encode, isBytes, ownBytes } from "./bytes.js";
import { caseOf, host } from "./host.js";
import { refusePromise } from "./immediate.js";
import { parseJson, writeJson } from "./json.js";
import { Fault } from "./problem.js";
import { headerList } from "./response.js";
import { reasonOf, toWellFormed } from "./text.js";
import { EVENT, Mismatch, mismatchText } from "./types.js";

const OPTIONS = ["headers", "body", "json", "timeout"];

/** Why there is no answer, or none that can be used. */
class OutboundError extends Error {
  constructor(kind, reason) {
    super(reason);
    this.name = "OutboundError";
    this.kind = kind;
  }
}

export { OutboundError as Error };

/** An answer, whatever its status. */
export class Response {
  constructor({ status, headers, body }) {
    this.status = status;
    this.headers = headers;
    this.body = ownBytes(body);
  }

  /** The first value of a header. */
  header(name) {
    return this.headers.find(([known]) => known === name.toLowerCase())?.[1];
  }

  /** The body as a text. */
  text() {
    const text = decode(this.body);
    if (text === null) throw new OutboundError("broken", "the body is not UTF-8");
    return text;
  }

  /** What the body says as JSON; of a type, where one is given, members that it does not have are passed over. */
  json(type) {
    try {
      const json = parseJson(this.text());
      return type === undefined ? json : type.read(json, EVENT);
    } catch (error) {
      if (error instanceof Mismatch) throw new OutboundError("broken", `the body is not what is wanted: ${mismatchText(error)}`);
      if (error instanceof SyntaxError) throw new OutboundError("broken", `the body is not JSON: ${reasonOf(error)}`);
      throw error;
    }
  }
}

/** The bytes that a request has: a text, bytes, or a value as JSON. */
function bodyOf({ body, json }) {
  if (json !== undefined) {
    if (body !== undefined) throw new TypeError("a request has a `body` or a `json`, not both");
    return encode(writeJson(refusePromise("the body of the request", json)) ?? "null");
  }
  if (body === undefined) return new Uint8Array();
  if (typeof body === "string") return encode(body);
  if (isBytes(body)) return body;
  throw new TypeError("the `body` of a request is a text or bytes; a value that becomes JSON is its `json`");
}

/** The headers of a request as the host takes them: names with values, or pairs where a name comes twice. */
function headersOf({ headers = {}, json }) {
  const list = Array.isArray(headers) ? headers.flatMap(([name, value]) => headerList({ [name]: value })) : headerList(headers);
  const isTyped = list.some(([name]) => name === "content-type");
  return json === undefined || isTyped ? list : [...list, ["content-type", "application/json"]];
}

/** Sends a request, and answers the whole answer, whatever its status. A redirect is an answer like any other. */
export function request(method, url, options = {}) {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new TypeError(`a request has no \`${unknown}\`; there is ${OPTIONS.join(", ")}`);
  if (typeof method !== "string") throw new TypeError(`the method of a request is a text, not ${typeof method}`);
  const { timeout } = options;
  if (timeout !== undefined && (!Number.isSafeInteger(timeout) || timeout < 0)) {
    throw new Fault("a request waits a whole number of milliseconds, from 0 on");
  }
  const sent = { method, url: toWellFormed(`${url}`), headers: headersOf(options), body: bodyOf(options), timeoutMs: timeout };
  let response;
  try {
    response = host().outbound.send(sent);
  } catch (error) {
    const found = caseOf(error);
    throw found === undefined ? error : new OutboundError(found.tag, found.val);
  }
  return new Response(response);
}

/** A `GET`. */
export function get(url, options) {
  return request("GET", url, options);
}

/** A `POST`. */
export function post(url, options) {
  return request("POST", url, options);
}
