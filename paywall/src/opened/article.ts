/** Inserts paid text into the light DOM, so that the page's style sheets apply and it prints like the rest of the page. */

import { h } from "../dom.js";
import type { ItemProduct } from "../product.js";

let policy: { createHTML(html: string): string } | undefined;

/** The text of an item. With `rest` the preview is left out, because the page shows it already. */
export function articleOf(product: ItemProduct, rest: boolean): HTMLElement {
  const preview = product.item.preview_html.trim();
  return contentElement(rest && product.html.startsWith(preview) ? product.html.slice(preview.length) : product.html);
}

/** An element with `html` for the `content` slot. */
export function contentElement(html: string): HTMLElement {
  const text = h("div", { slot: "content", class: "tuppence-content", tabindex: "-1", dir: "auto" });
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
