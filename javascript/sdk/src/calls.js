/** Calls of functions that other contexts offer. */

import { exact, plain } from "./exact.js";
import { caseOf, host } from "./host.js";
import { refusePromise } from "./immediate.js";
import { Failure } from "./problem.js";

/** The failures of others: nothing that a function of this context means by one. */
const received = new WeakSet();

/** Whether a failure is the answer of another context. */
export function isReceived(failure) {
  return received.has(failure);
}

/** What a failure is. */
function failed(error) {
  const value = caseOf(error);
  if (value === undefined) return error;
  const failure = new Failure(value.tag, plain(value.val));
  received.add(failure);
  return failure;
}

/** The interface of another context: one of the `calls` of the declaration. */
class Interface {
  constructor(id) {
    this.id = id;
  }
}

/**
 * The functions of an interface that another context offers, named without its version: `calls("stay:payment/payments")`. Each answers its ok value, and throws a {@link Failure}
 * with the case of its error; `unavailable` is the host's, when the other context cannot be reached, and `deadline-exceeded`, where the error has that case, when the
 * time of the call was up.
 */
export function calls(id) {
  return new Proxy(new Interface(id), {
    get(target, name) {
      if (typeof name === "symbol" || name === "id" || name === "then") return target[name];
      return (...parameters) => {
        const offered = host().calls[id];
        const called = offered?.[name];
        if (typeof called !== "function") throw new TypeError(`${id} has no function ${name}`);
        const given = exact(`a parameter of ${id}#${name}`, parameters);
        let result;
        try {
          result = called(...given);
        } catch (error) {
          throw failed(error);
        }
        return exact(`what ${id}#${name} has answered`, refusePromise(`what ${id}#${name} has answered`, result));
      };
    },
  });
}
