/**
 * A played host: a context runs in a test as it does in its component, with its state, events, timers, calls and configuration in memory. Any runner of tests will do.
 */

import { difference } from "./src/answers.js";
import { decode, encode } from "./src/bytes.js";
import { idOf } from "./src/calls.js";
import { live, migrate, offered, onEvent, ready, schema, web } from "./src/component.js";
import { answerBy } from "./src/host.js";
import { refusePromise } from "./src/immediate.js";
import { parseJson, writeJson } from "./src/json.js";
import { camelCase } from "./src/names.js";
import { Failure, Reject, Retry } from "./src/problem.js";
import { decoded, encoded, isJson, outside } from "./src/testing/outside.js";
import { closest, isRefused } from "./src/testing/routing.js";
import { State } from "./src/testing/state.js";

/** Something that the host would have ended the invocation for. A context never sees it. */
export class Refused extends Error {}

/** What stands for the time at the beginning of a test. */
const BEGINNING = Date.UTC(2026, 0, 1);

/** How many bytes the subject of an event may have. */
const LONGEST_SUBJECT = 1024;
/** How far ahead a timer may be: 400 days, as `limits.commit.timer_delay` has it unless the app says otherwise. */
const LONGEST_DELAY = 400 * 24 * 60 * 60 * 1000;

/** What the host answers itself. */
function refusal(status, headers = {}) {
  return { status, headers, headerList: Object.entries(headers), body: undefined };
}

/** Headers by their names: of one that comes more than once, its values with commas between them. */
function joined(headers) {
  const found = new Map();
  for (const [name, value] of headers) found.set(name, found.has(name) ? `${found.get(name)}, ${value}` : value);
  return Object.fromEntries(found);
}

/** Whether a parameter of a media type leaves the body UTF-8. */
function isReadable(parameter) {
  const [name, ...value] = parameter.split("=");
  const charset = value.join("=").trim().replace(/^"|"$/g, "").toLowerCase();
  return value.length === 0 || name.trim().toLowerCase() !== "charset" || ["utf-8", "utf8", "us-ascii"].includes(charset);
}

/** Whether a route takes what a request says that its body is. A test that says nothing sends JSON. */
function takes(route, headers) {
  const [, type] = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type") ?? [];
  if (route.describe().consumes === null || type === undefined) return true;
  const [essence, ...parameters] = type.split(";").map((part) => part.trim());
  return essence.toLowerCase() === "application/json" && parameters.every(isReadable);
}

/** A context that is tested. */
export class TestContext {
  #context;
  #name;
  #state = new State();
  #events = [];
  #timers = [];
  #calls = [];
  #answers = new Map();
  #outside = null;
  #config = new Map();
  #logs = [];
  #now = BEGINNING;
  #signedIn = null;
  #invocations = 0;
  #timerDelay;

  constructor(context, name = "context", { timerDelay = LONGEST_DELAY } = {}) {
    this.#context = context;
    this.#name = name;
    this.#timerDelay = timerDelay;
    // What cannot be described could not be tested either.
    this.description = context.describe({});
    context.document();
  }

  /** Sends a request; answers its status, headers and body: what is JSON is read. */
  request(method, path, { body, headers = {} } = {}) {
    const end = path.includes("?") ? path.indexOf("?") : path.length;
    const [plain, query] = [path.slice(0, end), path.slice(end + 1)];
    if (isRefused(plain)) return refusal(400);
    // The host asks for a `HEAD` as for a `GET`, and leaves the body out.
    const asked = method === "HEAD" ? "GET" : method;
    const [route, parameters] = closest(this.#context.routes, asked, plain);
    if (route === undefined) return refusal(404);
    if (!takes(route, headers)) return refusal(415, { accept: "application/json" });
    const request = {
      method: asked,
      route: route.path,
      path: plain,
      parameters,
      query: [...new URLSearchParams(query)],
      headers: Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      body: encoded(body),
    };
    const response = this.#invoke(
      () => web(this.#context, request),
      ({ status }) => status < 400,
    );
    if (response.status < 200) throw new Refused(`${method} ${route.path} answered ${response.status}: what is told before an answer is the host's`);
    const named = joined(response.headers);
    const answer = decoded(response.body, named["content-type"]);
    const found = difference(route.answers, response, isJson(named["content-type"]) ? answer : undefined);
    if (found !== undefined) throw new Refused(`${method} ${route.path} answered ${response.status}, and not what it says that it answers: ${found}`);
    return { status: response.status, headers: named, headerList: response.headers, body: method === "HEAD" ? undefined : answer };
  }

  get(path, options) {
    return this.request("GET", path, options);
  }

  post(path, body, options) {
    return this.request("POST", path, { ...options, body });
  }

  put(path, body, options) {
    return this.request("PUT", path, { ...options, body });
  }

  patch(path, body, options) {
    return this.request("PATCH", path, { ...options, body });
  }

  delete(path, options) {
    return this.request("DELETE", path, options);
  }

  /**
   * Delivers an event of a context that is followed. Throws {@link Retry} or {@link Reject} where the policy has ended so. With another `contentType` than JSON the data is a text or
   * bytes, as they are.
   */
  deliver(source, kind, subject, data, { contentType = "application/json" } = {}) {
    const event = {
      id: `event-${(this.#invocations += 1)}`,
      kind,
      source,
      subject: String(subject),
      time: this.#now,
      contentType,
      data: contentType === "application/json" ? encode(writeJson(data)) : encoded(data),
      correlationId: "test",
      causationId: "test",
      extensions: [],
    };
    this.#invoke(() => {
      try {
        onEvent(this.#context, event);
      } catch (error) {
        if (error.tag === "retry") throw new Retry(error.val);
        if (error.tag === "reject") throw new Reject(error.val);
        throw error;
      }
    });
  }

  /** Calls a function that the context offers; throws a {@link Failure} with the case of its error. */
  call(id, name, ...parameters) {
    const run = this.#context.offered(id)[camelCase(name)];
    if (run === undefined) throw new TypeError(`${id} has no function ${name} here`);
    return this.#invoke(() => {
      try {
        return offered(name, run, parameters);
      } catch (error) {
        throw typeof error?.tag === "string" ? new Failure(error.tag, error.val) : error;
      }
    });
  }

  /** Runs something as an invocation of the context: to look into its tables, or to fill them. */
  run(run) {
    return this.#invoke(run);
  }

  /** Has a function answer the calls of another context's function. */
  answer(id, name, run) {
    this.#answers.set(`${id}#${camelCase(name)}`, run);
  }

  /** Has a function answer what is asked outside; until then all of it is denied. An `outbound.Error` that it throws is why there is no answer. */
  answerOutside(run) {
    this.#outside = run;
  }

  /** The calls that were made since this was asked last, and whether each was undone: an invocation that does not commit takes them back. */
  calls() {
    return this.#calls.splice(0);
  }

  /** The events that were committed since this was asked last. */
  events() {
    return this.#events.splice(0);
  }

  /** The timers that are set. */
  timers() {
    return [...this.#timers];
  }

  /** Lets time pass; timers that come due become events. */
  advance(milliseconds) {
    if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) throw new TypeError(`time passes by a whole number of milliseconds, not by ${milliseconds}`);
    this.#now += milliseconds;
    const isDue = ({ due }) => due <= this.#now;
    // The order is that in which they came due, and of those at one time that in which they were set.
    this.#events.push(...this.#timers.filter(isDue).sort((one, other) => one.due - other.due));
    this.#timers = this.#timers.filter((timer) => !isDue(timer));
  }

  /** From now on this is who sends requests, calls, and is behind the events that are delivered; nobody who is known, without a subject. */
  signIn(subject, { issuer = "https://login.example", scopes = [], claims = {} } = {}) {
    const said = Object.entries(claims).map(([name, value]) => [name, writeJson(value)]);
    this.#signedIn = subject === undefined ? null : { issuer, subject, scopes: [...scopes].sort(), claims: said };
  }

  /** Sets a key of the configuration. */
  configure(key, value) {
    this.#config.set(key, String(value));
  }

  /** The lines that were logged since this was asked last. */
  logs() {
    return this.#logs.splice(0);
  }

  /** Why the context cannot take requests; undefined when it can. */
  notReady() {
    return this.#asked(() => ready(this.#context));
  }

  /** Why the context does not work; undefined when it does. */
  notLive() {
    return this.#asked(() => live(this.#context));
  }

  /** Which state it works with. */
  schema() {
    return schema(this.#context);
  }

  /** What becomes of entries of another schema. */
  migrate(from, entries) {
    return migrate(this.#context, from, entries);
  }

  #asked(run) {
    try {
      this.#invoke(run, () => false);
      return undefined;
    } catch (reason) {
      if (reason instanceof Refused) throw reason;
      return String(reason?.message ?? reason);
    }
  }

  #invoke(run, commits = () => true) {
    const number = (this.#invocations += 1);
    let refusal = null;
    const refuse = (reason) => {
      refusal ??= new Refused(reason);
      throw refusal;
    };
    const staged = { events: [], timers: [...this.#timers], calls: [] };
    const unit = this.#state.unit(this.#context.stateTables.map(({ name }) => name), refuse);
    const before = answerBy(this.#imports(number, unit, staged, refuse));
    let isCommitted = false;
    try {
      const result = refusePromise("what runs as an invocation", run());
      if (refusal !== null) throw refusal;
      isCommitted = commits(result);
      return result;
    } catch (error) {
      throw refusal ?? error;
    } finally {
      answerBy(before);
      if (isCommitted) {
        unit.commit();
        this.#events.push(...staged.events);
        this.#timers = staged.timers;
      }
      for (const call of staged.calls) this.#calls.push({ ...call, undone: !isCommitted && call.isDone });
    }
  }

  #imports(number, state, staged, refuse) {
    let ids = 0;
    const newId = () => `${number.toString(16).padStart(16, "0")}${(ids += 1).toString(16).padStart(16, "0")}`;
    const described = (kind, subject, data) => {
      if (!this.#context.publishes.some((published) => published.kind === kind)) {
        refuse(`${kind} was emitted, which the context does not describe: name it under \`publishes\``);
      }
      const { length } = encode(subject);
      if (length > LONGEST_SUBJECT) refuse(`a subject of ${length} bytes is not allowed; subjects of events have at most ${LONGEST_SUBJECT}`);
      return { id: newId(), source: this.#name, kind, subject, data: parseJson(decode(data)) };
    };
    const calls = Object.fromEntries(this.#context.calls.map((called) => [idOf(called), this.#played(idOf(called), staged)]));
    return {
      state,
      outbox: {
        emit: (...event) => {
          staged.events.push(described(...event));
          return staged.events.at(-1).id;
        },
        emitAfter: (delay, ...event) => {
          if (delay > this.#timerDelay) refuse(`a timer of ${delay} milliseconds is not allowed: it fires after at most ${this.#timerDelay} (limits.commit.timer_delay; a TestContext has it as \`timerDelay\`)`);
          staged.timers.push({ ...described(...event), due: this.#now + Number(delay) });
          return staged.timers.at(-1).id;
        },
        cancel: (id) => {
          const left = staged.timers.filter((timer) => timer.id !== id);
          const found = left.length < staged.timers.length;
          staged.timers = left;
          return found;
        },
      },
      invocation: {
        id: () => `invocation-${number}`,
        correlationId: () => "test",
        causationId: () => "",
        attempt: () => 1,
        now: () => this.#now,
        newId,
        identity: () => this.#signedIn,
      },
      config: {
        get: (key) => this.#config.get(key) ?? null,
        getAll: () => [...this.#config],
      },
      logging: {
        log: (level, _, message) => this.#logs.push({ level, message }),
      },
      outbound: { send: (request) => outside(this.#outside, request) },
      calls,
    };
  }

  #played(id, staged) {
    const one = (name, parameters) => {
      const call = { function: `${id}#${name}`, parameters, isDone: false };
      staged.calls.push(call);
      const run = this.#answers.get(call.function);
      try {
        if (run === undefined) throw new Failure("unavailable", `the test does not answer ${call.function}`);
        const result = refusePromise(`what the test answers to ${call.function}`, run(...parameters));
        call.isDone = true;
        return result;
      } catch (error) {
        // As a component's runtime throws it.
        if (error instanceof Failure) throw { payload: { tag: error.kind, val: error.value } };
        throw error;
      }
    };
    // What each object may be asked for is a function where a test answers it.
    const isPlayed = (name) => !["id", "then"].includes(name) || this.#answers.has(`${id}#${name}`);
    return new Proxy({}, { get: (_, name) => (isPlayed(name) ? (...parameters) => one(name, parameters) : undefined) });
  }
}
