import { h } from "../dom.js";
import type { Gateway } from "../gateway.js";
import type { ItemProduct } from "../product.js";
import type { Language } from "../language.js";

// A signed link is valid for an hour.
const FRESH_MILLISECONDS = 50 * 60_000;

/** A link to the file. */
export function download(gateway: Gateway, product: ItemProduct, token: string, language: Language): HTMLElement {
  const link = h("a", { class: "pay", part: "button" }, language.say("download"));
  keepFresh(link, gateway, product, token);
  return link;
}

/** Lead `link` to the file. A click on an old link fetches a new one first. */
export function keepFresh(link: HTMLAnchorElement, gateway: Gateway, product: ItemProduct, token: string): void {
  let signedAt = Date.now();
  link.href = product.url;
  link.addEventListener("click", async (event) => {
    if (Date.now() - signedAt < FRESH_MILLISECONDS) return;
    event.preventDefault();
    await product.fetch(gateway, token);
    signedAt = Date.now();
    link.href = product.url;
    link.click();
  });
}
