import { h } from "../dom.js";
import type { Gateway } from "../gateway.js";
import type { ItemGoods } from "../product.js";
import type { Language } from "../language.js";

// A signed link lives for an hour.
const FRESH_MILLISECONDS = 50 * 60_000;

/** A link to the file, renewed when it is old. */
export function download(gateway: Gateway, goods: ItemGoods, token: string, language: Language): HTMLElement {
  const link = h("a", { class: "pay", part: "button", href: goods.url }, language.say("download"));
  let since = Date.now();
  link.addEventListener("click", async (event) => {
    if (Date.now() - since < FRESH_MILLISECONDS) return;
    event.preventDefault();
    await goods.collect(gateway, token);
    since = Date.now();
    link.href = goods.url;
    link.click();
  });
  return link;
}
