/** Routes: what a request must have is read before the handler runs, and answered 400 or 422 where it does not. */

import { answersOf, documentAnswers } from "./answers.js";
import { decode } from "./bytes.js";
import { parseJson } from "./json.js";
import { Paging, PAGING_NAMES, PAGING_TYPES } from "./paging.js";
import { Problem } from "./problem.js";
import { reasonOf } from "./text.js";
import { BODY, Mismatch } from "./types.js";

/** The methods whose requests have no body by their meaning. */
const BODILESS = ["GET", "DELETE"];

/** A route of a context: a method, a path, what is read of a request, and who answers. */
class Route {
  constructor(method, path, reading, handler) {
    this.method = method;
    this.path = path;
    this.reading = reading;
    this.handler = handler;
    const names = [...path.matchAll(/\{\*?([^}]*)\}/g)].map(([, name]) => name);
    const unknown = Object.keys(reading.path ?? {}).find((name) => !names.includes(name));
    if (unknown !== undefined) throw new TypeError(`the path ${path} has no {${unknown}}`);
    for (const [where, types] of Object.entries({ path: reading.path, query: reading.query })) {
      const bad = Object.entries(types ?? {}).find(([, type]) => !isSendable(type));
      if (bad !== undefined) throw new TypeError(`${method} ${path}: ${bad[0]} cannot be in the ${where}: only a text, a number, bool, char, bytes, oneOf(…), or a list of one of these has a text there`);
    }
    const { summary = null, answers } = reading;
    if (summary !== null && typeof summary !== "string") throw new TypeError(`the \`summary\` of ${method} ${path} is no text: it is one sentence for people`);
    this.summary = summary;
    this.answers = answersOf(`${method} ${path}`, answers);
  }

  /** For the description. */
  describe() {
    const consumes = this.reading.body === undefined ? null : "application/json";
    return { method: this.method, path: this.path, consumes };
  }

  /** For the documents, with its types among those. */
  document(types) {
    const { path = {}, query = {}, body, paging } = this.reading;
    return {
      method: this.method,
      path: this.path,
      summary: this.summary,
      parameters: types.fields(path),
      // A route may read one of the names of a paging itself.
      query: types.fields({ ...(paging ? PAGING_TYPES : {}), ...query }),
      // Whoever reads no body by its type has the request, and may look at it, if there is one to be expected.
      body: body === undefined ? { tag: BODILESS.includes(this.method) ? "nothing" : "something" } : { tag: "json", val: types.place(body, BODY) },
      answers: documentAnswers(this.answers, types),
    };
  }

  /** Answers a request. */
  answer(request) {
    const { path = {}, query, body, paging } = this.reading;
    const given = {
      request,
      headers: Object.fromEntries([...request.headers].reverse()),
      path: Object.fromEntries(request.parameters.map(([name, value]) => [name, segment(name, value, known(path, name))])),
    };
    if (query !== undefined) given.query = readQuery(request, query);
    if (paging) given.paging = Paging.of(request);
    if (body !== undefined) given.body = readBody(request.body, body);
    return this.handler(given);
  }
}

function route(method) {
  return (path, readingOrHandler, handler) => {
    const isShort = typeof readingOrHandler === "function";
    const [reading, answers] = isShort ? [{}, readingOrHandler] : [readingOrHandler, handler];
    if (typeof answers !== "function") throw new TypeError(`${method} ${path} has no handler`);
    return new Route(method, path, reading, answers);
  };
}

export const get = route("GET");
export const post = route("POST");
export const put = route("PUT");
export const patch = route("PATCH");
export const del = route("DELETE");

/** What there is under a name that comes from outside: what every object has is none of it. */
function known(types, name) {
  return Object.hasOwn(types, name) ? types[name] : undefined;
}

/** Whether somebody could send each value of a type in a path or a query. */
function isSendable(type) {
  const one = type?.inner ?? type;
  return (one?.item ?? one)?.hasText === true;
}

/** A text as a value of a type; undefined where it is none. */
export function fromText(type, value) {
  try {
    return type.readText(value);
  } catch (error) {
    if (error instanceof Mismatch) return undefined;
    throw error;
  }
}

/** A text that is a whole number, if not one of the type. */
const NUMBER = /^(0|-?[1-9]\d*)$/;

/** What a text must be, for whoever gave another: which numbers a type has is said to whoever gave a number. */
export function whatIs(type, value) {
  if (type.item !== undefined) return `${whatIs(type.item, value)}, or several with commas between them`;
  if (/^[us]\d+$/.test(type.name ?? "")) {
    if (!NUMBER.test(value)) return "a whole number";
    return `a whole number (${type.name}${type.name.endsWith("64") ? ", up to 2^53" : ""})`;
  }
  return type.name === "bool" ? "true or false" : "what is expected here";
}

function segment(name, value, type) {
  if (type === undefined) return value;
  const read = fromText(type, value);
  if (read === undefined) {
    throw new Problem(400, `Invalid ${name} in the path: ${JSON.stringify(value)} is not ${whatIs(type, value)}.`);
  }
  return read;
}

function readQuery(request, types) {
  const wanted = new Map();
  for (const [name, value] of request.query) {
    const type = known(types, name);
    if (type === undefined) {
      if (PAGING_NAMES.includes(name)) continue;
      throw new Problem(400, `Invalid query: nobody reads ${JSON.stringify(name)} here.`);
    }
    if (wanted.has(name)) throw new Problem(400, `Invalid query: ${name} is there twice.`);
    const read = fromText(type, value);
    if (read === undefined) {
      throw new Problem(400, `Invalid query: ${name} is ${JSON.stringify(value)}, which is not ${whatIs(type.inner ?? type, value)}.`);
    }
    wanted.set(name, read);
  }
  for (const [name, type] of Object.entries(types)) {
    if (wanted.has(name)) continue;
    const lacking = type.lacking();
    if (lacking.length === 0) throw new Problem(400, `Invalid query: ${name} is missing.`);
    wanted.set(name, lacking[0]);
  }
  return Object.fromEntries(wanted);
}

/** A body that is a JSON object. One that is not JSON is answered 400; one that is, but of another shape, 422 with the place where it differs. */
function readBody(bytes, type) {
  if (bytes.length === 0) throw new Problem(400, "The body is empty; it must be a JSON object.");
  const text = decode(bytes);
  if (text === null) throw new Problem(400, "The body is not valid JSON: it is not UTF-8.");
  let json;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new Problem(400, `The body is not valid JSON: ${reasonOf(error)}.`);
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    throw Problem.invalid("", "The body must be a JSON object.");
  }
  try {
    return type.read(json, BODY);
  } catch (error) {
    if (error instanceof Mismatch) throw Problem.invalid(error.pointer, error.message);
    throw error;
  }
}
