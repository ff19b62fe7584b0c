/** Types that are made of others. */

import { quoted, Text } from "./scalars.js";
import { at, BODY, EVENT, Mismatch, STATE, Type, wanted } from "./type.js";

/** How deep arrays and objects may lie in each other in the state. */
const DEEPEST = 32;

/** How deep the parts of an array or an object lie. */
function deeper(depth, form) {
  if (form === STATE && depth >= DEEPEST) {
    throw new Mismatch(`its parts lie more than ${DEEPEST} deep in each other`);
  }
  return depth + 1;
}

class Optional extends Type {
  constructor(inner) {
    super();
    this.inner = inner;
  }

  get takesNull() {
    return true;
  }

  get hasText() {
    return this.inner.hasText;
  }

  lacking() {
    return this.hasDefault ? super.lacking() : [null];
  }

  describe(place) {
    return { tag: "optional", val: place(this.inner) };
  }

  /** Whether a value is told apart from `null` by an object around it. Only the state does that: elsewhere one `null` stands for both, as serde has it. */
  isWrapped(form) {
    return form === STATE && this.inner.takesNull;
  }

  read(json, form) {
    if (json === null) return null;
    if (!this.isWrapped(form)) {
      const value = this.inner.read(json, form);
      return this.inner.takesNull ? { some: value } : value;
    }
    if (typeof json !== "object" || !Object.hasOwn(json, "some")) throw wanted('null or {"some": …}', json);
    return { some: this.inner.read(json.some, form) };
  }

  readText(text) {
    const value = this.inner.readText(text);
    return this.inner.takesNull ? { some: value } : value;
  }

  write(value, form, depth = 0) {
    if (value === null || value === undefined) return "null";
    if (!this.inner.takesNull) return this.inner.write(value, form, depth);
    if (typeof value !== "object") throw wanted("null or { some: … }", value);
    if (!this.isWrapped(form)) return this.inner.write(value.some, form, depth);
    return `{"some":${this.inner.write(value.some, form, deeper(depth, form))}}`;
  }
}

/** A value, or `null`. Where `null` is one of the values already, `{ some: value }` or `null`. */
export function optional(inner) {
  return new Optional(inner);
}

class List extends Type {
  constructor(item) {
    super();
    this.item = item;
  }

  describe(place) {
    return { tag: "list", val: place(this.item) };
  }

  read(json, form) {
    if (!Array.isArray(json)) throw wanted("a list", json);
    return json.map((item, index) => at(index, () => this.item.read(item, form)));
  }

  /** As in Rust: what stands between commas, and nothing is no item. */
  readText(text) {
    const parts = text.split(",").map((part) => part.trim());
    return parts.filter((part) => part !== "").map((part) => this.item.readText(part));
  }

  write(value, form, depth = 0) {
    if (!Array.isArray(value)) throw wanted("a list", value);
    const inside = deeper(depth, form);
    return `[${value.map((item, index) => at(index, () => this.item.write(item, form, inside))).join(",")}]`;
  }
}

/** Any number of values of one type: an array. */
export function list(item) {
  return new List(item);
}

class Tuple extends Type {
  constructor(parts) {
    super();
    this.parts = parts;
  }

  describe(place) {
    return { tag: "tuple", val: this.parts.map(place) };
  }

  read(json, form) {
    if (!Array.isArray(json) || json.length !== this.parts.length) throw wanted(`a list of ${this.parts.length}`, json);
    return this.parts.map((part, index) => at(index, () => part.read(json[index], form)));
  }

  write(value, form, depth = 0) {
    if (!Array.isArray(value) || value.length !== this.parts.length) throw wanted(`a list of ${this.parts.length}`, value);
    const inside = deeper(depth, form);
    return `[${this.parts.map((part, index) => at(index, () => part.write(value[index], form, inside))).join(",")}]`;
  }
}

/** One value of each type, in this order: an array. */
export function tuple(...parts) {
  return new Tuple(parts);
}

class Dictionary extends Type {
  constructor(key, value) {
    super();
    this.key = key;
    this.value = value;
  }

  /** Whether its keys are members of an object. In the state only texts are. */
  hasMembers(form) {
    return form === STATE ? this.key instanceof Text : this.key.namesMembers;
  }

  describe(place, form) {
    if (form === EVENT && !this.key.namesMembers) {
      throw new TypeError("the keys of a map in an event or an answer are texts, whole numbers, bool, char or oneOf(…): they are the names of members in JSON");
    }
    // A body has pairs there.
    if (form === BODY && !this.key.namesMembers) return list(tuple(this.key, this.value)).describe(place);
    return { tag: "map", val: [place(this.key), place(this.value)] };
  }

  read(json, form) {
    if (!this.hasMembers(form)) {
      if (!Array.isArray(json)) throw wanted("a list of pairs", json);
      const pair = tuple(this.key, this.value);
      return new Map(json.map((entry, index) => at(index, () => pair.read(entry, form))));
    }
    if (json === null || typeof json !== "object" || Array.isArray(json)) throw wanted("an object", json);
    const entry = ([name, value]) => at(name, () => [this.memberKey(name, form), this.value.read(value, form)]);
    return new Map(Object.entries(json).map(entry));
  }

  /** The key that a member's name stands for. */
  memberKey(name, form) {
    return this.key instanceof Text ? this.key.read(name, form) : this.key.readText(name);
  }

  write(value, form, depth = 0) {
    if (!(value instanceof Map)) throw wanted("a Map", value);
    const inside = deeper(depth, form);
    if (this.hasMembers(form)) {
      const name = (key) => (this.key instanceof Text ? this.key.write(key) : quoted(this.key.writeText(key)));
      const member = ([key, kept]) => at(key, () => `${name(key)}:${this.value.write(kept, form, inside)}`);
      return `{${[...value].map(member).join(",")}}`;
    }
    const pair = tuple(this.key, this.value);
    return `[${[...value].map((entry, index) => at(index, () => pair.write(entry, form, inside))).join(",")}]`;
  }
}

/** Keys of one type with values of another: a `Map`. */
export function map(key, value) {
  return new Dictionary(key, value);
}

class Struct extends Type {
  constructor(fields) {
    super();
    this.fields = Object.entries(fields);
    const stored = this.fields.map(([name, type]) => type.stored ?? name);
    if (new Set(stored).size < stored.length) throw new TypeError("two fields of a record have one name in the state");
  }

  /** The name of a field in a form. */
  static named(name, type, form) {
    return form === STATE ? (type.stored ?? name) : name;
  }

  describe(place, form) {
    const field = ([name, type]) => ({
      name: Struct.named(name, type, form),
      value: place(type),
      hasDefault: type.hasDefault,
    });
    return { tag: "record", val: this.fields.map(field) };
  }

  annotations(form) {
    return form === BODY ? [{ tag: "closed" }] : [];
  }

  read(json, form) {
    if (json === null || typeof json !== "object" || Array.isArray(json)) throw wanted("an object", json);
    const read = [];
    for (const [name, type] of this.fields) {
      const known = Struct.named(name, type, form);
      if (Object.hasOwn(json, known)) {
        read.push([name, at(known, () => type.read(json[known], form))]);
      } else {
        const lacking = type.lacking();
        if (lacking.length === 0) throw new Mismatch(`missing field \`${known}\``);
        read.push([name, lacking[0]]);
      }
    }
    if (form === BODY) {
      const unknown = Object.keys(json).find((name) => !this.fields.some(([known]) => known === name));
      if (unknown !== undefined) {
        const names = this.fields.map(([known]) => `\`${known}\``).join(", ");
        const mismatch = new Mismatch(`unknown field \`${unknown}\`, expected ${names || "none"}`);
        mismatch.path.unshift(unknown);
        throw mismatch;
      }
    }
    // A field may have any name, also one that assigning to an object has a meaning of its own for.
    return Object.fromEntries(read);
  }

  write(value, form, depth = 0) {
    if (value === null || typeof value !== "object") throw wanted("an object", value);
    const inside = deeper(depth, form);
    const member = ([name, type]) => {
      const given = Object.hasOwn(value, name) || !(name in Object.prototype) ? value[name] : undefined;
      const [kept] = given === undefined && type.hasDefault ? type.lacking() : [given];
      return at(name, () => `${JSON.stringify(Struct.named(name, type, form))}:${type.write(kept, form, inside)}`);
    };
    return `{${this.fields.map(member).join(",")}}`;
  }
}

/** Fields with names. Their order means nothing. */
export function record(fields) {
  return new Struct(fields);
}

class Variant extends Type {
  constructor(cases) {
    super();
    this.cases = cases;
  }

  describe(place) {
    const alternative = ([name, type]) => ({ name, value: type === null ? null : place(type) });
    return { tag: "variant", val: Object.entries(this.cases).map(alternative) };
  }

  get hasText() {
    return Object.values(this.cases).every((type) => type === null);
  }

  get namesMembers() {
    return this.hasText;
  }

  /** The name of a case, and what it carries. */
  taken(value) {
    const isObject = value !== null && typeof value === "object" && Object.keys(value).length === 1;
    const name = isObject ? Object.keys(value)[0] : value;
    if (typeof name !== "string" || !Object.hasOwn(this.cases, name) || (this.cases[name] !== null) !== isObject) {
      throw wanted(`one of ${Object.keys(this.cases).join(", ")}`, value);
    }
    return [name, this.cases[name]];
  }

  read(json, form) {
    const [name, type] = this.taken(json);
    return type === null ? name : { [name]: at(name, () => type.read(json[name], form)) };
  }

  write(value, form, depth = 0) {
    const [name, type] = this.taken(value);
    if (type === null) return JSON.stringify(name);
    const inside = deeper(depth, form);
    return `{${JSON.stringify(name)}:${at(name, () => type.write(value[name], form, inside))}}`;
  }
}

/** One of several cases: `variant({ Single: null, Suite: u32 })` has the values `"Single"` and `{ Suite: 7 }`. */
export function variant(cases) {
  return new Variant(cases);
}

/** One of several texts: `oneOf("open", "closed")`. */
export function oneOf(...names) {
  return new Variant(Object.fromEntries(names.map((name) => [name, null])));
}
