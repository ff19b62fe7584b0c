/** The outside, as a test plays it. */

import { decode, encode } from "../bytes.js";
import { refusePromise } from "../immediate.js";
import { parseJson, writeJson } from "../json.js";
import { Error as OutboundError } from "../outbound.js";
import { headerList } from "../response.js";

/** The bytes of what is sent: a text or bytes as they are, anything else as JSON. */
export function encoded(body) {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  return encode(typeof body === "string" ? body : writeJson(body));
}

/** Whether a media type is that of JSON, or of something that is written as JSON. */
export function isJson(contentType = "") {
  return /json$/i.test(contentType.split(";")[0].trim());
}

/** What bytes are for a test: what JSON is read of; else their text, or they themselves. */
export function decoded(body, contentType) {
  const text = decode(body);
  return isJson(contentType) ? parseJson(text) : (text ?? body);
}

/** Sends a request to whoever plays the outside, as a component's import does. */
export function outside(play, { method, url, headers, body, timeoutMs }) {
  const named = Object.fromEntries([...headers].reverse());
  const asked = { method, url, headers: named, body: decoded(body, named["content-type"]), timeout: timeoutMs };
  try {
    if (play === null) throw new OutboundError("denied", "nobody plays the outside; call `answerOutside` of the TestContext first");
    const { status = 200, headers: answered = {}, body: said } = refusePromise("what the test answers outside", play(asked)) ?? {};
    const list = headerList(answered);
    const isTyped = said === undefined || typeof said === "string" || said instanceof Uint8Array || "content-type" in Object.fromEntries(list);
    return { status, headers: isTyped ? list : [...list, ["content-type", "application/json"]], body: encoded(said) };
  } catch (error) {
    if (error instanceof OutboundError) throw { payload: { tag: error.kind, val: error.message } };
    throw error;
  }
}
