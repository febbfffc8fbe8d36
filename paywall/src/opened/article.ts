/** What was paid for, put into the page itself, so that it looks, prints and is read aloud as the page around it. */

import { h } from "../dom.js";
import type { ItemGoods } from "../product.js";

let policy: { createHTML(html: string): string } | undefined;

/** The text in the light DOM. With `rest`, the page shows the preview itself and what follows it opens. */
export function article(goods: ItemGoods, rest: boolean): HTMLElement {
  const preview = goods.item.preview_html.trim();
  return put(rest && goods.html.startsWith(preview) ? goods.html.slice(preview.length) : goods.html);
}

/** HTML in the light DOM, where the page's own style sheets reach it. */
export function put(html: string): HTMLElement {
  const text = h("div", { slot: "content", class: "tuppence-content", tabindex: "-1", dir: "auto" });
  text.innerHTML = trusted(html);
  return text;
}

/** Whether the page's policy lets anything be shown that was text before. */
export function canPut(): boolean {
  try {
    return Boolean(put("<p>").firstChild);
  } catch {
    return false;
  }
}

/** The gateway sanitises before it sells, and what was sealed is the page's own. A page that demands trusted types names this policy: tuppence. */
function trusted(html: string): string {
  try {
    policy ??= globalThis.trustedTypes?.createPolicy?.("tuppence", { createHTML: (text) => text });
  } catch {
    policy = undefined;
  }
  return policy ? policy.createHTML(html) : html;
}
