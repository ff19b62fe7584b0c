/** Lists of integers of 64 bits in WIT. */

const COMMENTS = /\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** Whether there is such a list in these WIT texts, also one of a type that has another name for them. */
export function hasWideList(texts) {
  const all = texts.map((text) => text.replace(COMMENTS, "")).join("\n");
  const wide = new Set(["u64", "s64"]);
  const aliases = [...all.matchAll(/\btype\s+(%?[\w-]+)\s*=\s*(%?[\w-]+)\s*;/g)].map(([, name, of]) => [name, of]);
  const renamed = [...all.matchAll(/(%?[\w-]+)\s+as\s+(%?[\w-]+)/g)].map(([, of, name]) => [name, of]);
  const named = [...aliases, ...renamed];
  // One name may be for another one, which may stand behind it.
  named.forEach(() => named.forEach(([name, of]) => wide.has(of) && wide.add(name)));
  return [...all.matchAll(/\blist\s*<\s*(%?[\w-]+)/g)].some(([, of]) => wide.has(of));
}
