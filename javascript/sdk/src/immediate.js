/** Whatever the host asks is answered at once: a promise would be lost with the invocation, and what it rejects with too. */

const ASYNC = ["AsyncFunction", "AsyncGeneratorFunction", "GeneratorFunction"];

/** Refuses a function that could only answer later, when it is declared. */
export function refuseAsync(what, run) {
  if (ASYNC.includes(run?.constructor?.name)) {
    throw new TypeError(`${what} is async, and need not be: whatever the host is asked answers at once`);
  }
}

/** Refuses a promise, whoever made it; answers any other value. */
export function refusePromise(what, value) {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  if (!isObject || typeof value.then !== "function") return value;
  // What it is rejected with would be the end of a runner of tests.
  Promise.resolve(value).catch(() => {});
  throw new TypeError(`${what} is a promise, and nobody waits for it: whatever the host is asked answers at once`);
}
