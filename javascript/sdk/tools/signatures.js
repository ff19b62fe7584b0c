/**
 * What the functions of an interface take and answer, read from its WIT.
 *
 * A type is its name where it is not made of others, else a list of what it is and of what: `["list", "u64"]`, `["record", { roomId: "u64" }]`. Names are those of JavaScript but for cases.
 */

import { camelCase } from "../src/names.js";
import { interfacesOf, parts } from "./interfaces.js";

/** A name in JavaScript, as both engines have it: a word of capitals, which WIT may have, is a word like others. */
const nameOf = (name) => camelCase(name.toLowerCase());

/** The signatures of packages, whose WIT texts are given by the packages' names. */
class Signatures {
  #interfaces = new Map();

  constructor(texts) {
    this.texts = texts;
  }

  /** An interface that another one names; within its own package it needs no more than its name. */
  find(ofPackage, named) {
    const [packageName, name] = named.includes("/") ? named.split("/") : [ofPackage, named];
    if (!this.#interfaces.has(packageName)) {
      const each = (this.texts.get(packageName) ?? []).flatMap((text) => [...interfacesOf(text)]);
      this.#interfaces.set(packageName, new Map(each.map(([known, one]) => [known, { ...one, packageName, made: new Map() }])));
    }
    return this.#interfaces.get(packageName).get(name);
  }

  /** A type as it stands in an interface. */
  shape(inside, [name, open, ...rest]) {
    if (name === "_") return null;
    if (name === "result" && open !== "<") return [name, null, null];
    if (open !== "<") return this.named(inside, name.replace(/^%/, ""));
    const of = parts(rest.slice(0, -1)).map((part) => (/^\d+$/.test(part[0]) ? Number(part[0]) : this.shape(inside, part)));
    if (name === "tuple") return [name, of];
    return name === "result" ? [name, of[0] ?? null, of[1] ?? null] : [name, ...of];
  }

  /** A type by its name. It is one value wherever it is used, so that it is written once. */
  named(inside, name) {
    if (!inside.types.has(name)) return name;
    if (!inside.made.has(name)) {
      // Of one that has itself in it, whoever makes the component says so.
      inside.made.set(name, name);
      inside.made.set(name, this.declared(inside, inside.types.get(name)));
    }
    return inside.made.get(name);
  }

  declared(inside, type) {
    if (type.kind === "type") return this.shape(inside, type.of);
    if (type.kind === "use") {
      const other = this.find(inside.packageName, type.from);
      return other === undefined ? type.name : this.named(other, type.name);
    }
    if (type.kind === "record") return ["record", this.fields(inside, type.parts)];
    if (type.kind === "variant") return ["variant", Object.fromEntries(type.parts.map(([name, of]) => [name, of && this.shape(inside, of)]))];
    return [type.kind, type.kind === "flags" ? type.parts.map(nameOf) : type.parts];
  }

  fields(inside, named) {
    return Object.fromEntries(named.map(([name, of]) => [nameOf(name), this.shape(inside, of)]));
  }

  /** What a function takes, what it answers, and the cases of its error with what each carries, null where that is nothing. Without `errors`, that is not known. */
  signature(inside, { parameters, result }) {
    const answered = result.length === 0 ? null : this.shape(inside, result);
    const isResult = answered?.[0] === "result";
    const [answer, error] = isResult ? answered.slice(1) : [answered, null];
    return { parameters: this.fields(inside, parameters), answer, errors: error?.[0] === "variant" ? error[1] : undefined };
  }
}

/** The signatures of an interface, by the names of its functions in JavaScript. `texts` are the WIT texts of packages, by the packages' names. */
export function signaturesOf(texts, packageName, interfaceName) {
  const signatures = new Signatures(texts);
  const found = signatures.find(packageName, interfaceName);
  const functions = found === undefined ? [] : [...found.functions];
  return Object.fromEntries(functions.map(([name, one]) => [nameOf(name), signatures.signature(found, one)]));
}
