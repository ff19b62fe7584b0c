/** The cases of the errors of an interface's functions, read from its WIT: what each carries is its type's text, or null. */

import { camelCase } from "../src/names.js";

const COMMENTS = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const NAME = "%?([a-z][a-z0-9-]*)";

/** What lies between the brace at a place and the one that closes it. */
function block(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth === 0) return text.slice(open + 1, at);
  }
  return text.slice(open + 1);
}

/** The parts between the commas that are within no brackets. */
function parts(text) {
  const found = [""];
  let depth = 0;
  for (const character of text) {
    if ("<({".includes(character)) depth += 1;
    if (">)}".includes(character)) depth -= 1;
    if (character === "," && depth === 0) found.push("");
    else found[found.length - 1] += character;
  }
  return found.map((part) => part.trim()).filter((part) => part !== "");
}

/** The text between the bracket at a place and the one that closes it. An arrow closes none. */
function bracketed(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === "<") depth += 1;
    if (text[at] === ">" && text[at - 1] !== "-") depth -= 1;
    if (depth === 0) return text.slice(open + 1, at);
  }
  return "";
}

/** The interfaces of a WIT text, by their names. */
function interfaces(wit) {
  const text = wit.replace(COMMENTS, " ");
  const found = new Map();
  for (const match of text.matchAll(new RegExp(`\\binterface\\s+${NAME}\\s*\\{`, "g"))) {
    found.set(match[1], block(text, match.index + match[0].length - 1));
  }
  return found;
}

/** The cases of a variant of an interface, also of one that it uses from another; undefined where there is none of this name. */
function cases(body, name, find) {
  const declared = new RegExp(`\\bvariant\\s+%?${name}\\s*\\{`).exec(body);
  if (declared !== null) {
    const each = parts(block(body, declared.index + declared[0].length - 1));
    return Object.fromEntries(
      each.map((one) => {
        const open = one.indexOf("(");
        return open < 0 ? [one.replace("%", ""), null] : [one.slice(0, open).replace("%", "").trim(), one.slice(open + 1, one.lastIndexOf(")")).trim()];
      }),
    );
  }
  for (const [, from, , names] of body.matchAll(/\buse\s+([a-z0-9:/.-]+)(@[0-9A-Za-z.+-]+)?\.\{([^}]*)\}/g)) {
    for (const used of parts(names)) {
      const [original, renamed = original] = used.split(/\s+as\s+/);
      const other = renamed.trim() === name ? find(from) : undefined;
      if (other !== undefined) return cases(other.body, original.trim(), other.find);
    }
  }
  return undefined;
}

/**
 * The cases of the errors of each function of an interface, by its name in JavaScript. `texts` are the WIT texts of packages, by the packages' names. A function whose error is no variant
 * that is found here is left out.
 */
export function errorsOf(texts, packageName, interfaceName) {
  const finderFor = (ofPackage) => (from) => {
    const [inPackage, name] = from.includes("/") ? from.split("/") : [ofPackage, from];
    const bodies = (texts.get(inPackage) ?? []).map((text) => interfaces(text).get(name));
    const body = bodies.find((one) => one !== undefined);
    return body === undefined ? undefined : { body, find: finderFor(inPackage) };
  };
  const found = finderFor(packageName)(interfaceName);
  if (found === undefined) return {};
  const errors = {};
  for (const match of found.body.matchAll(new RegExp(`(?:^|[;{}\\s])${NAME}\\s*:\\s*(?:async\\s+)?func\\s*\\([^;]*?\\)\\s*->\\s*result\\s*<`, "g"))) {
    const [, error] = parts(bracketed(found.body, match.index + match[0].length - 1));
    const known = error === undefined ? undefined : cases(found.body, error.replace("%", ""), found.find);
    if (known !== undefined) errors[camelCase(match[1])] = known;
  }
  return errors;
}
