/** Inserts paid text into the light DOM, so that the page's style sheets apply and it prints like the rest of the page. */

import { h } from "../dom.js";
import type { ItemProduct } from "../product.js";

let policy: { createHTML(html: string): string } | undefined;

/** The free part of an item's text, if it is to be shown, and the paid part. `rest`: the page itself shows the free part. */
export function articleOf({ html, item }: ItemProduct, rest: boolean): HTMLElement[] {
  const preview = item.preview_html.trim();
  if (!preview || !html.startsWith(preview)) return [contentElement(html)];
  const paid = contentElement(html.slice(preview.length));
  return rest ? [paid] : [contentElement(preview, "free"), paid];
}

/** An element with `html` for a slot. */
export function contentElement(html: string, slot = "content"): HTMLElement {
  const text = h("div", { slot, class: "tuppence-content", tabindex: "-1", dir: "auto" });
  text.innerHTML = trusted(html);
  return text;
}

/** Whether the page's content security policy permits inserting HTML. */
export function canInsert(): boolean {
  try {
    return Boolean(contentElement("<p>").firstChild);
  } catch {
    return false;
  }
}

/** The HTML is safe: the gateway sanitises its texts, and a sealed text is the page's own. A page that requires Trusted Types
 * allows the policy `tuppence`. */
function trusted(html: string): string {
  try {
    policy ??= globalThis.trustedTypes?.createPolicy?.("tuppence", { createHTML: (text) => text });
  } catch {
    policy = undefined;
  }
  return policy ? policy.createHTML(html) : html;
}
