/** Elements without markup in strings, so that nothing from outside is ever parsed. */

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | boolean | null | undefined>;

const SVG = "http://www.w3.org/2000/svg";

export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[Name] {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  return fill(document.createElementNS(SVG, name) as SVGElement, attributes, children);
}

export function tick(): SVGElement {
  return svg("svg", { class: "tick", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("circle", { cx: "12", cy: "12", r: "12" }), svg("path", { d: "m6.8 12.4 3.6 3.6 6.8-7.6", pathLength: "1" }));
}

/** The line of a mistake, below its field. */
export function complaint(id: string): HTMLElement {
  return h("p", { class: "complaint", id, role: "alert" });
}

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}
