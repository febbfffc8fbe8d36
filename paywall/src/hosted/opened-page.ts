/** Shows what was paid for in the page that the server has rendered. */

import { bearer } from "../gateway.js";
import type { Obstacle, OpenedModule, PaidProduct } from "../interfaces.js";
import { keepFresh } from "../opened/download.js";
import { endOf } from "../opened/ends.js";
import { keepPlace } from "../opened/place.js";
import { isSecure } from "../opened/seal.js";
import { thanks } from "../opened/thanks.js";
import type { ItemProduct, Product } from "../product.js";
import { OPENED } from "../words.js";
import { part } from "./part.js";

const MOST_REFUNDS = 8;

export const openedPage: OpenedModule = { obstacleTo, endOf, render, showRefund };

/** A sealed text opens in its own page. */
function obstacleTo(_: HTMLElement, product: Product): Obstacle {
  const item = "item" in product ? (product as ItemProduct).item : undefined;
  return item?.kind === "sealed" && !isSecure(item.page_url ?? "") ? "unopened" : "";
}

async function render(paid: PaidProduct): Promise<[landing: HTMLElement, isOpen: boolean]> {
  const { host, frame, product, gateway, token, again } = paid;
  frame.dataset["state"] = again ? "yours" : "open";
  part<HTMLAnchorElement>("receipt").href = receiptUrl(paid);
  if (!("item" in product)) return [part("text"), true];
  const itemProduct = product as ItemProduct;
  const { kind } = itemProduct.item;
  const line = again ? undefined : thanksLine(paid);
  if (kind === "text") showText(itemProduct.html, line);
  else if (line) part("text").append(line);
  if (kind === "file") keepFresh(part<HTMLAnchorElement>("file"), gateway, itemProduct, token);
  if (kind === "sealed") part<HTMLAnchorElement>("page").href = await sealedUrl(paid, itemProduct);
  // A reader who has closed the sheet and reads elsewhere stays there.
  if (host.shadowRoot?.querySelector("dialog[open]")) line?.scrollIntoView({ block: "nearest" });
  keepPlace();
  return [line ?? part("text"), kind !== "sealed"];
}

/** Replace the free part by the whole text. The thanks stand where the free part ended: there the reader is. */
function showText(html: string, line: HTMLElement | undefined): void {
  const text = part("text"), free = text.innerHTML.trim(), { length } = text.children;
  // The gateway has sanitised it.
  text.innerHTML = html;
  // A text that was changed since may begin otherwise than its free part.
  const next = text.innerHTML.trimStart().startsWith(free) ? text.children[length] ?? null : text.firstChild;
  if (line) text.insertBefore(line, next);
}

function thanksLine(paid: PaidProduct): HTMLElement {
  const line = part("thanks");
  (line.querySelector("span") as HTMLElement).textContent = thanks({ ...paid, language: paid.language.with(OPENED) });
  (line.querySelector("a") as HTMLAnchorElement).href = receiptUrl(paid);
  line.hidden = false;
  return line;
}

/** Its one-time code unlocks the text on the page that holds it. */
async function sealedUrl({ gateway, token }: PaidProduct, { item }: ItemProduct): Promise<string> {
  try {
    return (await (await gateway.ask("v1/receipt", bearer(token))).json()).page_url;
  } catch {
    return item.page_url ?? "";
  }
}

/** One link per refunded payment, where its payer gets the money back. */
function showRefund(paid: PaidProduct): void {
  const line = part("refunded"), links = line.querySelectorAll("a"), href = receiptUrl(paid);
  const first = links[0] as HTMLAnchorElement;
  if (links.length >= MOST_REFUNDS || [...links].some((link) => link.href === href)) return;
  const link = line.hidden ? first : first.cloneNode(true) as HTMLAnchorElement;
  link.href = href;
  if (link !== first) line.append(" ", link);
  line.hidden = false;
}

/** The receipt's page, in the language of this one. */
function receiptUrl({ gateway, token }: PaidProduct): string {
  const chosen = new URLSearchParams(location.search).get("lang");
  return gateway.url(`r${chosen ? "?lang=" + encodeURIComponent(chosen) : ""}#${token}`);
}
