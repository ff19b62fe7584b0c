/** Names of WIT and of JavaScript: `room-id` is `roomId`. */

/** A name of WIT in JavaScript. */
export function camelCase(name) {
  return name.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

/** A name of JavaScript in WIT. */
export function kebabCase(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
