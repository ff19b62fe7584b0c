/** Texts of whatever it may be: anything can be thrown, logged, or given as a header. */

/** The text of a value. It throws nothing. */
export function textOf(value) {
  try {
    return String(value);
  } catch {
    return "a value that has no text";
  }
}

/** The reason that something thrown gives. It throws nothing. */
export function reasonOf(error) {
  try {
    return error instanceof Error ? textOf(error.message) : textOf(error);
  } catch {
    return "an exception that cannot be read";
  }
}

/** What is known of something thrown, for the log. It throws nothing. */
export function describeError(error) {
  try {
    if (!(error instanceof Error)) return textOf(error);
    const stack = textOf(error.stack ?? "");
    const message = textOf(error.message);
    // QuickJS has the message apart from the stack, Node in it.
    return stack.includes(message) ? stack : `${textOf(error.name)}: ${message}\n${stack}`.trimEnd();
  } catch {
    return reasonOf(error);
  }
}
