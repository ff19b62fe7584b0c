/** Calls of functions that other contexts offer. */

import { received, sentParameters } from "./crossing.js";
import { caseOf, host, imported } from "./host.js";
import { refusePromise } from "./immediate.js";
import { Failure } from "./problem.js";

/** The failures of others: nothing that a function of this context means by one. */
const fromOthers = new WeakSet();

/** Whether a failure is the answer of another context. */
export function isReceived(failure) {
  return fromOthers.has(failure);
}

/** What a failure is; `errors` are the cases that the function's error has, where that is known. */
function failed(what, error, errors = {}) {
  const value = caseOf(error);
  if (value === undefined) return error;
  const carried = Object.hasOwn(errors, value.tag) ? errors[value.tag] : undefined;
  const failure = new Failure(value.tag, received(`what ${what} has failed with`, value.val, carried));
  fromOthers.add(failure);
  return failure;
}

/** The interface's id, for whoever has functions of any name before them. */
const ID = Symbol("the id of the interface");

/** Names by which something else than a function is asked for, unless the interface has a function of that name. */
const OF_EACH_OBJECT = ["id", "then"];

/** The interface of another context: one of the `calls` of the declaration. */
class Interface {
  constructor(id) {
    this.id = id;
    this[ID] = id;
  }
}

/** The id of an interface that is called. */
export function idOf(called) {
  return called[ID] ?? called.id;
}

function call(id, name, parameters) {
  const { calls, signatures } = host();
  const called = calls[id]?.[name];
  if (typeof called !== "function") throw new TypeError(`${id} has no function ${name}`);
  const signature = signatures?.[id]?.[name];
  const what = `${id}#${name}`;
  const given = sentParameters(`a parameter of ${what}`, parameters, signature?.parameters);
  let result;
  try {
    result = called(...given);
  } catch (error) {
    throw failed(what, error, signature?.errors);
  }
  return received(`what ${what} has answered`, refusePromise(`what ${what} has answered`, result), signature?.answer);
}

/**
 * The functions of an interface that another context offers, named without its version: `calls("stay:payment/payments")`. Each answers its ok value, and throws a {@link Failure}
 * with the case of its error; `unavailable` is the host's, when the other context cannot be reached, and `deadline-exceeded`, where the error has that case, when the
 * time of the call was up.
 */
export function calls(id) {
  return new Proxy(new Interface(id), {
    get(target, name) {
      if (typeof name === "symbol") return target[name];
      const isFunction = !OF_EACH_OBJECT.includes(name) || typeof imported()?.calls?.[id]?.[name] === "function";
      return isFunction ? (...parameters) => call(id, name, parameters) : target[name];
    },
  });
}
