/** Error answers, and the other ends of an invocation. */

import { encode } from "./bytes.js";
import { writeJson } from "./json.js";
import { answerHeaders, checkedStatus } from "./response.js";
import { textOf } from "./text.js";

const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  410: "Gone",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  428: "Precondition Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** A problem detail of RFC 9457: thrown, it ends a request, and nothing that was staged is committed. */
export class Problem extends Error {
  constructor(status, detail, { errors = [], headers = {} } = {}) {
    super(detail);
    this.name = "Problem";
    this.status = checkedStatus("a problem", 400, status);
    this.errors = errors;
    this.headers = headers;
  }

  /** 404: what the path names does not exist. */
  static notFound(detail) {
    return new Problem(404, detail);
  }

  /** 409: it cannot be done in the present state. */
  static conflict(detail) {
    return new Problem(409, detail);
  }

  /** 422: the body is well-formed, but the part at `pointer` cannot be accepted. */
  static invalid(pointer, detail) {
    const said = pointer === "" ? detail : `${pointer.replace(/^\//, "")}: ${detail}`;
    return new Problem(422, said, { errors: [{ pointer, detail }] });
  }

  /** 503: try again after so many seconds. */
  static unavailable(detail, retryAfter) {
    // A part of a second is waited for as a whole one.
    const seconds = Math.max(0, Math.ceil(Number(retryAfter)));
    if (!Number.isSafeInteger(seconds)) throw new RangeError(`who is to try again is told after how many seconds, not ${textOf(retryAfter)}`);
    return new Problem(503, detail, { headers: { "retry-after": String(seconds) } });
  }

  /** The answer to a request. */
  toResponse() {
    const status = checkedStatus("a problem", 400, this.status);
    const body = {
      type: "about:blank",
      title: TITLES[status] ?? (status < 500 ? "Client Error" : "Server Error"),
      status,
      detail: this.message,
    };
    if (this.errors.length > 0) body.errors = this.errors;
    const headers = [...answerHeaders(this.headers), ["content-type", "application/problem+json"]];
    return { status, headers, body: encode(writeJson(body)) };
  }
}

/** Something that should not happen: stored data that this version cannot read, or data that cannot be written. */
export class Fault extends Error {
  constructor(reason) {
    super(reason);
    this.name = "Fault";
  }
}

/** Another row has what only one may have: a 409 where a request ends with it, and in a policy the event becomes a dead letter. */
export class Taken extends Error {
  constructor(index) {
    super(`another row has the same value in ${index}`);
    this.name = "Taken";
    this.index = index;
  }
}

/** How a policy ends that has not handled its event. */
export class Unhandled extends Error {
  constructor(outcome, reason) {
    super(reason);
    this.name = outcome === "retry" ? "Retry" : "Reject";
    this.outcome = outcome;
  }
}

/** Thrown by a policy: the event is tried again later. Any other exception means the same. */
export class Retry extends Unhandled {
  constructor(reason) {
    super("retry", reason);
  }
}

/** Thrown by a policy: the event becomes a dead letter with this reason. */
export class Reject extends Unhandled {
  constructor(reason) {
    super("reject", reason);
  }
}

/** An error that an interface names: thrown by a function that is offered, and by one that is called. */
export class Failure extends Error {
  constructor(kind, value) {
    super(typeof value === "string" ? `${kind}: ${value}` : kind);
    this.name = "Failure";
    this.kind = kind;
    this.value = value;
  }
}
