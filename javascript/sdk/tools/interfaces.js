/** What interfaces declare, read from a text of WIT: the types and functions of each, as they stand there. */

const ATTRIBUTES = /@[a-z]+\s*\([^)]*\)/g;
const TOKEN = /@\d+\.\d+\.\d+(?:[-+](?:[0-9A-Za-z.+-]*[0-9A-Za-z])?)?|%?[A-Za-z][A-Za-z0-9-]*|\d+|->|\S/g;

/** Where the comment ends that begins at a place: one between `/*` and its closing may have others in it. */
function endOfComment(text, start) {
  if (text.startsWith("//", start)) return text.indexOf("\n", start) < 0 ? text.length : text.indexOf("\n", start);
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const mark = text.slice(at, at + 2);
    if (mark !== "/*" && mark !== "*/") continue;
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return at + 2;
    at += 1;
  }
  return text.length;
}

function withoutComments(text) {
  const comment = /\/[/*]/g;
  let kept = "";
  let at = 0;
  for (let found = comment.exec(text); found !== null; found = comment.exec(text)) {
    kept += `${text.slice(at, found.index)} `;
    at = endOfComment(text, found.index);
    comment.lastIndex = at;
  }
  return kept + text.slice(at);
}

const OPENING = "{(<";
const CLOSING = "})>";

/** Where the bracket is closed that is opened at a place. */
function closing(tokens, open) {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (OPENING.includes(tokens[at])) depth += 1;
    if (CLOSING.includes(tokens[at])) depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length;
}

/** The parts between the commas that are within no brackets. */
export function parts(tokens) {
  const found = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (OPENING.includes(token)) depth += 1;
    if (CLOSING.includes(token)) depth -= 1;
    if (token === "," && depth === 0) found.push([]);
    else found.at(-1).push(token);
  }
  return found.filter((part) => part.length > 0);
}

const plain = (name) => name.replace(/^%/, "");

/** A name with what stands behind the colon, or the bracket, after it. */
function named([name, , ...rest]) {
  return [plain(name), rest];
}

/** What `use far:types/ids@0.1.0.{id as room-id}` brings: the interface that it names, and the type's name there, by the name here. */
function used(tokens) {
  const open = tokens.indexOf("{");
  const from = tokens.slice(0, open - 1).filter((token) => !token.startsWith("@")).map(plain).join("");
  return parts(tokens.slice(open + 1, closing(tokens, open))).map((part) => [plain(part.at(-1)), { from, name: plain(part[0]) }]);
}

/** How a type is declared: the word for its kind, and its parts. */
function declared(kind, body) {
  if (kind === "type") return { kind, of: body };
  const each = parts(body);
  if (kind === "record") return { kind, parts: each.map(named) };
  if (kind === "variant") return { kind, parts: each.map((part) => [plain(part[0]), part.length > 1 ? part.slice(2, -1) : null]) };
  return { kind, parts: each.map(([name]) => plain(name)) };
}

/** What an interface has between its braces. */
function contents(tokens) {
  const types = new Map();
  const functions = new Map();
  for (let at = 0; at < tokens.length; ) {
    const [word, name] = [tokens[at], tokens[at + 1]];
    const end = tokens.indexOf(";", at) < 0 ? tokens.length : tokens.indexOf(";", at);
    if (name === ":") {
      const open = tokens.indexOf("(", at);
      const close = closing(tokens, open);
      functions.set(plain(word), { parameters: parts(tokens.slice(open + 1, close)).map(named), result: tokens.slice(close + 2, end) });
      at = end + 1;
    } else if (word === "use") {
      for (const [known, from] of used(tokens.slice(at + 1, end))) types.set(known, { kind: "use", ...from });
      at = end + 1;
    } else if (word === "type") {
      types.set(plain(name), declared(word, tokens.slice(at + 3, end)));
      at = end + 1;
    } else if (tokens[at + 2] === "{") {
      const close = closing(tokens, at + 2);
      types.set(plain(name), declared(word, tokens.slice(at + 3, close)));
      at = close + 1;
    } else {
      // A resource without methods, or nothing that is known here.
      at = end + 1;
    }
  }
  return { types, functions };
}

/** The interfaces of a text, by their names. What a world has of its own is none of them. */
export function interfacesOf(text) {
  const tokens = withoutComments(text).replace(ATTRIBUTES, " ").match(TOKEN) ?? [];
  const found = new Map();
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at] === "world") {
      const open = tokens.indexOf("{", at);
      if (open < 0) break;
      at = closing(tokens, open);
    }
    if (tokens[at] !== "interface" || tokens[at + 2] !== "{") continue;
    const close = closing(tokens, at + 2);
    found.set(plain(tokens[at + 1]), contents(tokens.slice(at + 3, close)));
    at = close;
  }
  return found;
}
