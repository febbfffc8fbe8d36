/** Replaces `<div data-tuppence="paywall" data-item="…">` by an element, for publishing systems that strip unknown tags. */

const KINDS = ["paywall", "tip", "button"];
const ATTRIBUTES = ["item", "to", "amount", "theme", "gateway", "rest", "sealed"];

export function upgrade(root: ParentNode): void {
  for (const placeholder of root.querySelectorAll<HTMLElement>("[data-tuppence]")) {
    const kind = placeholder.dataset["tuppence"] ?? "";
    if (!KINDS.includes(kind)) continue;
    const element = document.createElement("tuppence-" + kind);
    for (const name of ATTRIBUTES) {
      const value = placeholder.dataset[name];
      if (value !== undefined) element.setAttribute(name, value);
    }
    if (placeholder.lang) element.lang = placeholder.lang;
    element.append(...placeholder.childNodes);
    placeholder.replaceWith(element);
  }
}
