/**
 * A context as its component exports it: the host's calls become those of the declaration, and whatever is thrown becomes an answer. An exception that left here would be a trap,
 * of which the host knows nothing but that it was one.
 */

import { answerOf } from "./answer.js";
import { handle } from "./event.js";
import { answerBy } from "./host.js";
import { log } from "./log.js";
import { Failure, Fault, Problem, told } from "./problem.js";

/** An uncaught exception, for the log, with what threw it. */
function note(what, error) {
  if (error instanceof Fault) log.error(`${what}: ${error.message}`);
  else log.critical(`${what}: ${told(error)}`);
}

function reason(error) {
  return error instanceof Error ? error.message : String(error);
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

/** Answers a request. */
export function web(context, request) {
  const what = `the route ${request.method} ${request.route}`;
  try {
    const route = context.route(request.method, request.route);
    if (route === undefined) throw Problem.notFound(`${what} is not there.`);
    return answerOf(route.answer(request)).toResponse();
  } catch (error) {
    if (error instanceof Problem) return error.toResponse();
    note(what, error);
    const said = error instanceof Fault
      ? "The context met data that it cannot handle; its log says more."
      : "The context failed; its log says more.";
    return new Problem(500, said).toResponse();
  }
}

/** Handles an event; what is thrown is a policy error of the contract. */
export function onEvent(context, event) {
  const what = `the policy for ${event.kind}`;
  try {
    const policies = context.policies(event.source, event.kind);
    if (policies.length === 0) throw { tag: "reject", val: `nobody follows ${event.kind} of ${event.source} here` };
    for (const policy of policies) handle(policy, event);
  } catch (error) {
    if (typeof error?.tag === "string") throw error;
    if (error instanceof Problem) throw { tag: "reject", val: error.message };
    if (error?.outcome === "retry" || error?.outcome === "reject") throw { tag: error.outcome, val: error.message };
    note(what, error);
    throw { tag: "retry", val: reason(error) };
  }
}

/** Runs a function that the context offers; what is thrown is a case of its error. */
export function offered(name, run, parameters) {
  try {
    return run(...parameters);
  } catch (error) {
    if (error instanceof Failure) throw { tag: error.kind, val: error.value };
    note(`the function ${name}`, error);
    throw { tag: "unavailable", val: reason(error) };
  }
}

/** The functions that an interface offers, as a component exports them. */
export function offers(context, id) {
  const functions = Object.entries(context.offered(id));
  const one = ([name, run]) => [name, (...parameters) => offered(`${id}#${name}`, run, parameters)];
  return Object.fromEntries(functions.map(one));
}

/** Whether it can take requests; throws why not. */
export function ready(context) {
  try {
    context.config?.read();
    context.ready?.();
  } catch (error) {
    throw reason(error);
  }
}

/** Whether it works; throws why not. */
export function live(context) {
  try {
    context.live?.();
  } catch (error) {
    throw reason(error);
  }
}

/** Which state it works with. */
export function schema(context) {
  const { number = 0, reads = [], rebuild = false } = context.schema ?? {};
  return { number, reads, rebuild };
}

/** What becomes of entries of another schema. */
export function migrate(context, from, entries) {
  const run = context.schema?.migrate;
  if (run === undefined) throw `state of schema ${from} cannot be migrated: this version has no \`migrate\``;
  return entries.map((entry) => {
    try {
      return run(from, entry);
    } catch (error) {
      throw `${entry.key}: ${reason(error)}`;
    }
  });
}

/** The exports of a component. `imports` answer what the context asks, `versions` are the ids of interfaces with their versions. */
export function component(context, imports, versions) {
  answerBy(imports);
  return {
    describe: { describe: () => noted("the function describe", () => context.describe(versions)) },
    web: { handle: (request) => web(context, request) },
    policies: { onEvent: (event) => onEvent(context, event) },
    health: { ready: () => ready(context), live: () => live(context) },
    migration: {
      schema: () => noted("the function schema", () => schema(context)),
      migrate: (from, entries) => migrate(context, from, entries),
    },
    offers: (id) => offers(context, id),
  };
}
