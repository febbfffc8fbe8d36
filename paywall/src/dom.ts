/** Creates DOM elements without parsing HTML, so that no outside text can become markup. */

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | boolean | null | undefined>;

const SVG = "http://www.w3.org/2000/svg";

/** Read a property of `Document` from its prototype. A form or an image of the page that is named `hidden` or `head` shadows
 * the property on `document`. */
export function documentProperty<Name extends keyof Document>(name: Name): Document[Name] {
  return Reflect.get(Document.prototype, name, document);
}

/** `JSON.stringify` that ignores a `toJSON` which a library of the page has added to the prototypes. */
export function json(value: object): string {
  const bare = Array.isArray(value) ? value.map((one) => ({ ...one, toJSON: undefined })) : { ...value };
  return JSON.stringify(Object.defineProperty(bare, "toJSON", {}));
}

/** Create an HTML element. `null`, `undefined` and `false` leave an attribute or a child out. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[Name] {
  return fill(documentProperty("createElement").call(document, name) as HTMLElementTagNameMap[Name], attributes, children);
}

export function svg(name: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  return fill(documentProperty("createElementNS").call(document, SVG, name) as SVGElement, attributes, children);
}

export function tick(): SVGElement {
  return svg("svg", { class: "tick", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("circle", { cx: "12", cy: "12", r: "12" }), svg("path", { d: "m6.8 12.4 3.6 3.6 6.8-7.6", pathLength: "1" }));
}

/** The error message below a form field. */
export function fieldError(id: string): HTMLElement {
  return h("p", { class: "complaint", id, role: "alert" });
}

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}
