/** What tables keep, events tell and bodies hold: types that describe themselves to the host, and read and write JSON. */

import { decode } from "./bytes.js";
import { parseJson } from "./json.js";
import { Fault } from "./problem.js";
import { EVENT, Mismatch, STATE } from "./types/type.js";

export * from "./types/compound.js";
export { big, bool, bytes, char, f32, f64, s128, s16, s32, s64, s8, text, u128, u16, u32, u64, u8, unit } from "./types/scalars.js";
export { BODY, EVENT, Mismatch, STATE } from "./types/type.js";

/** The types of a description: each once, and known by its place. */
export class Types {
  constructor() {
    this.list = [];
    this.known = { [STATE]: new Map(), [EVENT]: new Map() };
  }

  /** The place of a type in a form. */
  place(type, form) {
    // A copy that differs in what a record says of a field is the same type; it is described again, which costs a few bytes.
    const found = this.known[form].get(type);
    if (found !== undefined) return found;
    const place = this.list.length;
    this.known[form].set(type, place);
    this.list.push(null);
    this.list[place] = type.describe((inner) => this.place(inner, form), form);
    return place;
  }
}

/** What does not fit, with where it is. */
export function mismatchText(error) {
  return error.pointer === "" ? error.message : `${error.pointer.slice(1)}: ${error.message}`;
}

/** The text of a value, as the state or an event has it. */
export function stringify(type, value, form, what) {
  try {
    return type.write(value, form);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw new Fault(`${what}: ${mismatchText(error)}`);
  }
}

/** The value of a text in the state. */
export function parse(type, stored, what) {
  const json = decode(stored);
  if (json === null) throw new Fault(`${what}: it is not UTF-8`);
  try {
    return type.read(parseJson(json), STATE);
  } catch (error) {
    if (error instanceof Mismatch) throw new Fault(`${what}: ${mismatchText(error)}`);
    if (error instanceof SyntaxError) throw new Fault(`${what}: it is not JSON`);
    throw error;
  }
}
