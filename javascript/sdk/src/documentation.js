/** What the routes of a context take, as their declarations say it: for the document that the host makes of the app. */

import { BODY } from "./types.js";

/** Types as bodies have them: each once, and known by its place. */
class DocumentedTypes {
  constructor() {
    this.list = [];
    this.annotations = [];
    this.placesByType = new Map();
    this.placesByText = new Map();
  }

  /** The place of a type. Those of which the same is said have one place. */
  place(type) {
    const known = this.placesByType.get(type);
    if (known !== undefined) return known;
    const described = type.describe((inner) => this.place(inner), BODY);
    const annotations = type.annotations();
    const text = JSON.stringify([described, annotations]);
    const place = this.placesByText.get(text) ?? this.list.length;
    if (place === this.list.length) {
      this.list.push(described);
      this.annotations.push(...annotations.map((annotation) => ({ value: place, annotation })));
    }
    this.placesByText.set(text, place);
    this.placesByType.set(type, place);
    return place;
  }

  /** Values with names, as fields of these types. */
  fields(types) {
    return Object.entries(types).map(([name, type]) => ({ name, value: this.place(type), hasDefault: type.hasDefault }));
  }
}

/** What is known of the routes. */
export function documentation(routes) {
  const types = new DocumentedTypes();
  const documented = routes.map((route) => route.document(types));
  return { types: types.list, annotations: types.annotations, routes: documented };
}
