/**
 * A context as its component exports it: the host's calls become those of the declaration, and whatever is thrown becomes an answer. An exception that left here would be a trap,
 * of which the host knows nothing but that it was one.
 */

import { answerOf } from "./answer.js";
import { ownBytes } from "./bytes.js";
import { isReceived } from "./calls.js";
import { receivedParameters, sent } from "./crossing.js";
import { handle } from "./event.js";
import { answerBy } from "./host.js";
import { refusePromise } from "./immediate.js";
import { log } from "./log.js";
import { Failure, Fault, Problem, Taken, Unhandled } from "./problem.js";
import { describeError, reasonOf, textOf } from "./text.js";

/** An uncaught exception, for the log, with what threw it. */
function note(what, error) {
  if (error instanceof Fault) log.error(`${what}: ${reasonOf(error)}`);
  else log.critical(`${what}: ${describeError(error)}`);
}

/** Runs what may throw nothing: the exception is noted, and thrown on. */
function noted(what, run) {
  try {
    return run();
  } catch (error) {
    note(what, error);
    throw error;
  }
}

/** What a route answers; a problem that it throws is an answer, too. */
function answered(context, request, what) {
  try {
    const route = context.route(request.method, request.route);
    if (route === undefined) throw Problem.notFound(`${what} is not there.`);
    return answerOf(route.answer({ ...request, body: ownBytes(request.body) })).toResponse();
  } catch (error) {
    if (error instanceof Problem) return error.toResponse();
    if (error instanceof Taken) return Problem.conflict("There is another one of this kind already, and there can be only one.").toResponse();
    throw error;
  }
}

/** Answers a request. */
export function web(context, request) {
  const what = `the route ${request.method} ${request.route}`;
  try {
    return answered(context, request, what);
  } catch (error) {
    note(what, error);
    const detail = error instanceof Fault
      ? "The context met data that it cannot handle; its log says more."
      : "The context failed; its log says more.";
    return new Problem(500, detail).toResponse();
  }
}

/** How an event's handling has ended, as a policy error of the contract; null where it is handled. */
function ending(context, event) {
  const what = `the policy for ${event.kind}`;
  try {
    const policies = context.policies(event.source, event.kind);
    if (policies.length === 0) return { tag: "reject", val: `nobody follows ${event.kind} of ${event.source} here` };
    for (const policy of policies) handle(policy, event);
    return null;
  } catch (error) {
    if (error instanceof Unhandled) return { tag: error.outcome, val: reasonOf(error) };
    if (error instanceof Taken) return { tag: "reject", val: reasonOf(error) };
    note(what, error);
    return { tag: "retry", val: reasonOf(error) };
  }
}

/** Handles an event; throws a policy error of the contract, and nothing else. */
export function onEvent(context, event) {
  const end = ending(context, event);
  if (end !== null) throw end;
}

/**
 * The case of a function's error that a failure is; undefined where the function has no such case. Which it has, and what each carries, is looked at where it is known: a text, nothing, or
 * something else.
 */
function ownCase({ kind, value }, errors) {
  const what = `what ${kind} carries`;
  if (errors === undefined) return { tag: kind, val: sent(what, value) };
  if (!Object.hasOwn(errors, kind)) return undefined;
  if (errors[kind] === null) return value === undefined || value === null ? { tag: kind } : undefined;
  return { tag: kind, val: sent(what, value, errors[kind]) };
}

/** The case of a function's error that an exception is. What it does not mean itself is `unavailable`, as a trap would be. */
function errorCase(what, error, errors) {
  let reason = reasonOf(error);
  if (error instanceof Failure && !isReceived(error)) {
    try {
      const found = ownCase(error, errors);
      if (found !== undefined) return found;
      reason = `${what} has no such error: ${reason}`;
    } catch (unfit) {
      reason = `${what} has no such error: ${reason}: ${reasonOf(unfit)}`;
    }
  }
  note(what, error);
  return { tag: "unavailable", val: reason };
}

/** Runs a function that the context offers; what is thrown is a case of its error. Its signature says which those are, and what it takes and answers, where that is known. */
export function offered(name, run, parameters, { parameters: taken, answer, errors } = {}) {
  const what = `the function ${name}`;
  let failure;
  try {
    const given = receivedParameters(`a parameter of ${what}`, parameters, taken);
    return sent(`what ${what} returned`, refusePromise(`what ${what} returned`, run(...given)), answer);
  } catch (error) {
    failure = errorCase(what, error, errors);
  }
  throw failure;
}

/** The functions that an interface offers, as a component exports them. `signatures` are those of its functions, by interface and function. */
export function offers(context, id, signatures = {}) {
  const functions = Object.entries(context.offered(id));
  const one = ([name, run]) => [name, (...parameters) => offered(`${id}#${name}`, run, parameters, signatures[id]?.[name])];
  return Object.fromEntries(functions.map(one));
}

/** Runs a check; throws the reason that it gives, as a text. */
function checked(what, run) {
  let reason;
  try {
    refusePromise(`what ${what} returned`, run());
    return;
  } catch (error) {
    reason = reasonOf(error);
  }
  throw reason;
}

/** Whether it can take requests; throws why not. */
export function ready(context) {
  checked("ready", () => {
    context.config?.read();
    return context.ready?.();
  });
}

/** Whether it works; throws why not. */
export function live(context) {
  checked("live", () => context.live?.());
}

/** Which state it works with. */
export function schema(context) {
  const { number = 0, reads = [], rebuild = false } = context.schema ?? {};
  const what = "the schema of the context";
  return { number: sent(what, number, "u32"), reads: sent(what, reads, ["list", "u32"]), rebuild };
}

/** What is in the place of an entry: nothing, one entry, or several. */
function migrated(run, from, entry) {
  const entries = refusePromise("what migrate returned", run(from, entry));
  const isEntry = (one) => typeof one?.key === "string" && (one.value instanceof Uint8Array || Array.isArray(one.value));
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw new TypeError("migrate returns a list of entries, as the `entry` of a table makes them");
  return entries;
}

/** What becomes of entries of another schema. */
export function migrate(context, from, entries) {
  const run = context.schema?.migrate;
  if (run === undefined) throw `state of schema ${from} cannot be migrated: this version has no \`migrate\``;
  return entries.map(({ key, value }) => {
    const entry = { key, value: ownBytes(value) };
    let reason;
    try {
      return migrated(run, from, entry);
    } catch (error) {
      reason = `${textOf(key)}: ${reasonOf(error)}`;
    }
    throw reason;
  });
}

/**
 * The exports of a component. `imports` answer what the context asks; among them are the `signatures` of what is called and offered, by interface and function, and whether the engine
 * `takesSigned` integers of 32 bits for those without a sign. `versions` are the ids of interfaces with their versions.
 */
export function component(context, imports, versions) {
  answerBy(imports);
  return {
    describe: { describe: () => noted("the function describe", () => context.describe(versions)) },
    document: { document: () => noted("the function document", () => context.document()) },
    web: { handle: (request) => web(context, request) },
    policies: { onEvent: (event) => onEvent(context, event) },
    health: { ready: () => ready(context), live: () => live(context) },
    migration: {
      schema: () => noted("the function schema", () => schema(context)),
      migrate: (from, entries) => migrate(context, from >>> 0, entries),
    },
    offers: (id) => offers(context, id, imports.signatures),
  };
}
