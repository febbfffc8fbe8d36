/** `<div data-tuppence="paywall" data-item="…">`, for systems that strip tags they do not know. */

const KINDS = ["paywall", "tip", "button"];
const ATTRIBUTES = ["item", "to", "amount", "theme", "gateway", "rest", "sealed"];

export function upgrade(root: ParentNode): void {
  for (const stand of root.querySelectorAll<HTMLElement>("[data-tuppence]")) {
    const kind = stand.dataset["tuppence"] ?? "";
    if (!KINDS.includes(kind)) continue;
    const element = document.createElement("tuppence-" + kind);
    for (const name of ATTRIBUTES) {
      const value = stand.dataset[name];
      if (value !== undefined) element.setAttribute(name, value);
    }
    if (stand.lang) element.lang = stand.lang;
    element.append(...stand.childNodes);
    stand.replaceWith(element);
  }
}
