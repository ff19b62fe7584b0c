/** What the routes of a context take and answer, as their declarations say it: for the documents that the host makes of the app. */

import { BODY, EVENT } from "./types.js";

/** Types with what is said of them: each once, and known by its place. */
class DocumentedTypes {
  constructor() {
    this.list = [];
    this.annotations = [];
    this.placesByType = { [BODY]: new Map(), [EVENT]: new Map() };
    this.placesByText = new Map();
  }

  /** The place of a type in a form. Types of which the same is said have one. */
  place(type, form) {
    const known = this.placesByType[form].get(type);
    if (known !== undefined) return known;
    const described = type.describe((inner) => this.place(inner, form), form);
    const annotations = [...type.remarks, ...type.annotations(form)];
    const text = JSON.stringify([described, annotations]);
    const place = this.placesByText.get(text) ?? this.add(described, annotations);
    this.placesByText.set(text, place);
    this.placesByType[form].set(type, place);
    return place;
  }

  add(described, annotations) {
    const place = this.list.length;
    this.list.push(described);
    this.annotations.push(...annotations.map((annotation) => ({ value: place, annotation })));
    return place;
  }

  /** What has a name each: what stands in a path or a query is read as strictly as a body. */
  fields(types) {
    return Object.entries(types).map(([name, type]) => ({ name, value: this.place(type, BODY), hasDefault: type.hasDefault }));
  }
}

/** What is known of the routes. */
export function documentation(routes) {
  const types = new DocumentedTypes();
  const documented = routes.map((route) => route.document(types));
  return { types: types.list, annotations: types.annotations, routes: documented };
}
