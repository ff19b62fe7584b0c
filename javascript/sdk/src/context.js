/** The declaration of a context: both what the host is told and what runs, so the two cannot differ. */

import { documentation } from "./documentation.js";
import { refuseAsync } from "./immediate.js";
import { camelCase, kebabCase } from "./names.js";
import { textOf } from "./text.js";
import { EVENT, Types } from "./types.js";

const PARTS = [
  "summary", "offers", "calls", "tables", "routes", "publishes", "follows", "compensations", "config", "ready", "live", "schema",
];

const LARGEST_SCHEMA = 2 ** 32 - 1;

/** A context, as `context` makes it. */
export class Context {
  constructor(declaration) {
    const unknown = Object.keys(declaration).find((name) => !PARTS.includes(name));
    if (unknown !== undefined) throw new TypeError(`a context has no \`${unknown}\`; there is ${PARTS.join(", ")}`);
    if (typeof declaration.summary !== "string") throw new TypeError("a context has a `summary`: one sentence for the people who operate it");
    const {
      summary, offers = {}, calls = [], tables = [], routes = [], publishes = [], follows = [], compensations = {}, schema = null,
      config = null, ready = null, live = null,
    } = declaration;
    for (const number of schema === null ? [] : [schema.number ?? 0, ...(schema.reads ?? [])]) {
      if (!Number.isInteger(number) || number < 0 || number > LARGEST_SCHEMA) throw new TypeError(`a schema is a whole number from 0 to ${LARGEST_SCHEMA}, not ${textOf(number)}`);
    }
    Object.assign(this, { summary, offers, calls, tables, routes, publishes, follows, compensations, schema, config, ready, live });
    for (const route of routes) refuseAsync(`${route.method} ${route.path}`, route.handler);
    for (const { kind, policy } of follows) refuseAsync(`the policy for ${kind.kind}`, policy);
    for (const functions of Object.values(offers)) {
      for (const [name, run] of Object.entries(functions)) refuseAsync(name, run);
    }
    for (const { kind, subject } of publishes) refuseAsync(`the subject of ${kind}`, subject);
    for (const [name, run] of Object.entries({ ready, live, migrate: schema?.migrate })) refuseAsync(name, run);
  }

  /** Whether it says which state of other versions it reads. */
  get migrates() {
    return this.schema !== null;
  }

  /** The tables of its state: those that it declares, with their indexes. */
  get stateTables() {
    return this.tables.flatMap(({ tables }) => tables);
  }

  /** What it is to its host. `versions` are the ids of interfaces with their versions, by those without. */
  describe(versions) {
    const types = new Types();
    const of = (kind, source) => ({ source, kind: kind.kind, value: types.place(kind.data, EVENT) });
    const compensations = Object.entries(this.compensations).flatMap(([id, pairs]) =>
      Object.entries(pairs).map(([done, undo]) => ({
        function: `${versions[id] ?? id}#${kebabCase(done)}`,
        undo: `${versions[id] ?? id}#${kebabCase(undo)}`,
      })),
    );
    const tables = this.stateTables.map((table) => table.describe(types));
    const known = new Set();
    const events = [
      ...this.publishes.map((kind) => of(kind, null)),
      ...this.follows.map(({ source, kind }) => of(kind, source)),
    ].filter(({ source, kind }) => !known.has(`${source}/${kind}`) && known.add(`${source}/${kind}`));
    return {
      summary: this.summary,
      types: types.list,
      tables,
      routes: this.routes.map((route) => route.describe()),
      publishes: this.publishes.map(({ kind }) => kind),
      follows: this.follows.map(({ source, kind }) => ({ source, kind: kind.kind })),
      events,
      compensations,
    };
  }

  /** What its routes take and answer, for whoever reads the app's documents. */
  document() {
    return documentation(this.routes);
  }

  /** The route of a request. */
  route(method, path) {
    return this.routes.find((route) => route.method === method && route.path === path);
  }

  /** The policies for an event. */
  policies(source, kind) {
    return this.follows.filter((followed) => followed.source === source && followed.kind.kind === kind);
  }

  /** The functions that it offers by an interface, by their names in JavaScript. */
  offered(id) {
    const functions = this.offers[id] ?? {};
    return Object.fromEntries(Object.entries(functions).map(([name, run]) => [camelCase(name), run]));
  }
}

/** Declares a context: the default export of its main module. Each part but the `summary` may be left out. */
export function context(declaration) {
  return new Context(declaration);
}
