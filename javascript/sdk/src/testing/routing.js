/** Which route of a context answers a path, as the host decides it. */

const PLACEHOLDER = /^\{[^}]*\}$/;

/** The values of a route's placeholders in a path; null where it does not fit. */
function matched(route, path) {
  const names = [];
  const pattern = withoutHost(route).replace(/[.+?^$()|[\]\\]|\{(\*?)([^}]*)\}/g, (whole, rest, name) => {
    if (name === undefined) return `\\${whole}`;
    names.push(name);
    return rest === "*" ? "(.+)" : "([^/]+)";
  });
  const found = new RegExp(`^${pattern}$`).exec(path);
  return found && names.map((name, place) => [name, decodeURIComponent(found[place + 1])]);
}

/**
 * Whether the host refuses a path: one that cannot be decoded, and one that whoever reads it as browsers do takes for another.
 */
export function isRefused(path) {
  try {
    decodeURIComponent(path);
  } catch {
    return true;
  }
  const read = path.replace(/%2e/gi, ".").replace(/%(2f|5c)/gi, "/");
  return read.includes("\\") || read.split("/").some((segment) => segment === "." || segment === "..");
}

const withoutHost = (route) => route.replace(/^\/\/[^/]*/, "");

/** How open the segments of a route are: a text, a text with a placeholder in it, a placeholder, all that is left. */
function openness(route) {
  const one = (segment) => (segment.includes("{*") ? 3 : PLACEHOLDER.test(segment) ? 2 : segment.includes("{") ? 1 : 0);
  return withoutHost(route).split("/").map(one);
}

/** Which of two routes is the closer one: that whose first segment that differs is less open. */
function closer(one, other) {
  const [first, second] = [openness(one.path), openness(other.path)];
  const place = first.findIndex((open, at) => open !== second[at]);
  return place < 0 ? 0 : first[place] - (second[place] ?? 0);
}

/** The closest route for a path, with the values of its placeholders; empty where there is none. */
export function closest(routes, method, path) {
  const fitting = routes.filter((route) => route.method === method && matched(route.path, path) !== null);
  const [route] = fitting.sort(closer);
  return route === undefined ? [] : [route, matched(route.path, path)];
}
