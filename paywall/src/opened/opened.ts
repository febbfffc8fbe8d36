/** Shows a paid product in its element: the text or the file, a confirmation, and the receipt links. */

import { copyOnClick } from "../copy.js";
import { h, tick } from "../dom.js";
import { TuppenceEvent } from "../events.js";
import { bearer, type Item } from "../gateway.js";
import type { Language } from "../language.js";
import type { Product, ItemProduct } from "../product.js";
import type { Obstacle, OpenedModule, PaidProduct } from "../interfaces.js";
import { styleSheet } from "../style-sheet.js";
import { OPENED } from "../words.js";
import { articleOf, canInsert, contentElement } from "./article.js";
import { download } from "./download.js";
import { keepPlace } from "./place.js";
import { thanks } from "./thanks.js";
import { isDecryptable, isSecure, unseal } from "./seal.js";
import ways from "../ways.css";
import css from "./opened.css";

export { endOf } from "./ends.js";

const STYLES = styleSheet(ways + css);

/** Why this page could not show the product after a payment. */
export function obstacleTo(host: HTMLElement, product: Product): Obstacle {
  const item = "item" in product ? (product as ItemProduct).item : undefined;
  if (item?.kind === "text") return canInsert() ? "" : "unshown";
  if (item?.kind !== "sealed") return "";
  const sealed = host.getAttribute("sealed");
  const opens = sealed ? isDecryptable(sealed) && canInsert() : isSecure(item.page_url ?? "");
  return opens ? "" : "unopened";
}

export const showRefund: OpenedModule["showRefund"] = ({ frame, gateway, language, token }) => {
  const words = language.with(OPENED);
  frame.append(h("p", { class: "refunds" }, words.say("refunded"), " ", receiptLink(gateway.url("r#" + token), words)));
};

export const render: OpenedModule["render"] = async (opener) => {
  const paid: PaidProduct = { ...opener, language: opener.language.with(OPENED) };
  const { host, frame, product, again } = paid;
  const root = host.shadowRoot as ShadowRoot;
  if (!root.adoptedStyleSheets.includes(STYLES)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, STYLES];
  const before = h("div", { class: "before" }, confirmation(paid));
  const after = h("div", { class: "after" });
  let landing: HTMLElement = before.firstElementChild as HTMLElement;
  landing.tabIndex = -1;
  let isOpen = true;
  if ("item" in product) {
    const itemProduct = product as ItemProduct;
    const { kind } = itemProduct.item;
    if (kind === "text") {
      const parts = articleOf(itemProduct, host.hasAttribute("rest"));
      host.append(...parts);
      landing = parts.at(-1) as HTMLElement;
    }
    else if (kind === "file") after.append((landing = download(paid.gateway, itemProduct, paid.token, paid.language)));
    else [landing, isOpen] = await openSealed(paid, itemProduct, landing, after);
    frame.classList.toggle("sealed", kind === "sealed");
  }
  if ("item" in product && isOpen) after.append(onward(paid, (product as ItemProduct).item));
  after.append(receiptLinks(paid));
  // A fresh confirmation stands where the free part ends: there the reader is.
  const free = h("slot", { name: "free" });
  frame.append(...(again ? [before, free] : [free, before]), h("slot", { name: "content" }), after);
  frame.classList.toggle("fresh", !again);
  // A reader who has closed the sheet and reads elsewhere stays there.
  if (root.querySelector("dialog[open]")) requestAnimationFrame(() => before.scrollIntoView({ block: "nearest" }));
  if (product.reopens) keepPlace();
  return [landing, isOpen];
};

/** Decrypt the sealed text in the page; if the page has none, link to the page that has it. */
async function openSealed(
  paid: PaidProduct, product: ItemProduct, line: HTMLElement, after: HTMLElement,
): Promise<[HTMLElement, boolean]> {
  const { host, language } = paid;
  const sealed = host.getAttribute("sealed");
  if (!sealed) {
    const { page_url } = await receipt(paid).catch(() => product.item);
    const link = h("a", { class: "pay", part: "button", href: page_url ?? "" }, language.say("there"));
    after.append(link);
    return [link, false];
  }
  try {
    const text = contentElement(await unseal(sealed, product.html));
    host.append(text);
    return [text, true];
  } catch (error) {
    line.replaceChildren(language.say("broken"));
    line.setAttribute("role", "alert");
    host.dispatchEvent(new TuppenceEvent("error", { code: "seal_broken", message: String(error) }));
    return [line, false];
  }
}

function confirmation(paid: PaidProduct): HTMLElement {
  const { gateway, language, token, product, again } = paid;
  const link = !again && product.reopens && receiptLink(gateway.url("r#" + token), language, "");
  return h("p", { class: "held", part: "paid" }, tick(), h("span", {}, thanks(paid), " ", link));
}

/** Where a reader who liked it may go from here. */
function onward({ gateway, language }: PaidProduct, item: Item): HTMLElement {
  // Isolated, so that a name of another direction leaves the words around it in their order.
  const name = `\u2068${item.creator_title}\u2069`;
  const link = (href: string, words: "tipName" | "more") =>
    h("a", { href, target: "_blank", rel: "noopener noreferrer" }, language.say(words, { name }));
  const copy = h("button", { type: "button" }, language.say("copyPage"));
  copyOnClick(copy, () => location.href.split("#", 1)[0] as string, language);
  const more = item.more_url ? [" · ", link(item.more_url, "more")] : [];
  return h("p", { class: "onward", part: "onward" }, link(gateway.url("t/" + item.creator), "tipName"), ...more, " · ", copy);
}

function receiptLinks(paid: PaidProduct): HTMLElement {
  const { gateway, language, token, product, again, onAgain } = paid;
  const href = gateway.url("r#" + token);
  const copy = h("button", { type: "button", class: "way", part: "copy" }, language.say("copyLink"));
  copyOnClick(copy, () => href, language);
  const ways = h("p", { class: "ways" },
    receiptLink(href, language), copy);
  if (!product.reopens) {
    const more = h("button", { type: "button", class: "way" }, language.say("again"));
    more.addEventListener("click", onAgain);
    ways.append(more);
  }
  return h("div", { class: "kept" }, product.reopens && h("p", {}, language.say("keep")), ways, product.reopens && !again && recoveryCode(paid));
}

function receiptLink(href: string, language: Language, name = "way"): HTMLElement {
  const link = { class: name, part: "receipt", href, target: "_blank", rel: "noopener noreferrer" };
  return h("a", link, language.say("receipt"));
}

/** The recovery code, shown only after the payment. Its line reserves its height until the code is loaded. */
function recoveryCode(paid: PaidProduct): HTMLElement {
  const line = h("p", { class: "written", part: "code" });
  receipt(paid).then(({ recovery_code }) => {
    if (recovery_code) line.append(paid.language.say("orCode"), " ", h("code", { translate: "no", dir: "ltr" }, recovery_code));
  }).catch(() => {
    // The reader can still find it on the receipt.
  });
  return line;
}

/** Fetch the receipt. Its `page_url` carries a one-time code that unlocks a sealed text on its page. */
async function receipt({ gateway, token }: PaidProduct): Promise<{ recovery_code: string | null; page_url: string | null }> {
  return (await gateway.ask("v1/receipt", bearer(token))).json();
}
