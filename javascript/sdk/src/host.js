/**
 * What answers a context's questions: the imports of its component, or a played host in tests.
 *
 * It is set from outside, so that a module of a context can be loaded anywhere: by the build, by a test, by an editor.
 */

let imports = null;

/** Has these imports answer from now on; answers those that did before. */
export function answerBy(next) {
  const before = imports;
  imports = next;
  return before;
}

/** The case of an error that an import has answered, as `{ tag, val }`; undefined where something else was thrown. */
export function caseOf(error) {
  const value = error?.payload ?? error;
  return value !== null && typeof value === "object" && typeof value.tag === "string" ? value : undefined;
}

/** The imports, if an invocation runs. */
export function imported() {
  return imports;
}

/** The imports, while an invocation runs. */
export function host() {
  if (imports === null) {
    throw new Error("nothing can be asked of the host here: it answers while an invocation runs, and in tests within a TestContext");
  }
  return imports;
}
