/** After the payment: the text or the file in its place, thanks, and the receipt. */

import { copyOn } from "../copy.js";
import { h, tick } from "../dom.js";
import { TuppenceEvent } from "../events.js";
import { bearer } from "../gateway.js";
import type { Goods, ItemGoods } from "../product.js";
import type { Obstacle, Opened, Paid } from "../interfaces.js";
import { sheetOf } from "../style-sheet.js";
import { OPENED } from "../words.js";
import { article, canPut, put } from "./article.js";
import { download } from "./download.js";
import { isReadable, unseal } from "./seal.js";
import ways from "../ways.css";
import css from "./opened.css";

const LOOK = sheetOf(ways + css);

// Where a browser has what opens a sealed text: it gives that to pages over TLS, and to those of its own machine.
const SECURE = /^https\b|^http\W+(localhost|127\.)/;

export function obstacleTo(host: HTMLElement, goods: Goods): Obstacle {
  const item = "item" in goods ? (goods as ItemGoods).item : undefined;
  if (item?.kind === "text") return canPut() ? "" : "unshown";
  if (item?.kind !== "sealed") return "";
  const sealed = host.getAttribute("sealed");
  const opens = sealed ? isReadable(sealed) && canPut() : SECURE.test(item.page_url ?? "");
  return opens ? "" : "unopened";
}

export const unfold: Opened["unfold"] = async (opener) => {
  const paid: Paid = { ...opener, language: opener.language.with(OPENED) };
  const { host, frame, goods, again } = paid;
  const root = host.shadowRoot as ShadowRoot;
  if (!root.adoptedStyleSheets.includes(LOOK)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, LOOK];
  const before = h("div", { class: "before" }, held(words(paid)));
  const after = h("div", { class: "after" });
  let landing: HTMLElement = before.firstElementChild as HTMLElement;
  landing.tabIndex = -1;
  let isOpen = true;
  if ("item" in goods) {
    const bought = goods as ItemGoods;
    const { kind } = bought.item;
    if (kind === "text") host.append((landing = article(bought, host.hasAttribute("rest"))));
    else if (kind === "file") after.append((landing = download(paid.gateway, bought, paid.token, paid.language)));
    else [landing, isOpen] = await unsealed(paid, bought, landing, after);
    frame.classList.toggle("sealed", kind === "sealed");
  }
  after.append(kept(paid));
  frame.append(before, h("slot", { name: "content" }), after);
  frame.classList.toggle("fresh", !again);
  return [landing, isOpen];
};

/** The text that the page carries; where it carries none, the way to the page that does. */
async function unsealed(
  paid: Paid, goods: ItemGoods, line: HTMLElement, after: HTMLElement,
): Promise<[HTMLElement, boolean]> {
  const { host, language } = paid;
  const sealed = host.getAttribute("sealed");
  if (!sealed) {
    const { page_url } = await receipt(paid).catch(() => goods.item);
    const way = h("a", { class: "pay", part: "button", href: page_url ?? "" }, language.say("there"));
    after.append(way);
    return [way, false];
  }
  try {
    const text = put(await unseal(sealed, goods.html));
    host.append(text);
    return [text, true];
  } catch (error) {
    line.replaceChildren(language.say("broken"));
    line.setAttribute("role", "alert");
    host.dispatchEvent(new TuppenceEvent("error", { code: "seal_broken", message: String(error) }));
    return [line, false];
  }
}

function words({ goods, language, again }: Paid): string {
  const { creator: name, amount_msat } = goods.subject(language);
  if (again) return language.say("yours");
  if (!goods.keeps) return language.say("thanks", { name });
  return language.say("paid", { amount: language.say("amount", { sat: language.sat(amount_msat) }), name });
}

function held(text: string): HTMLElement {
  return h("p", { class: "held", part: "paid" }, tick(), h("span", {}, text));
}

function kept(paid: Paid): HTMLElement {
  const { gateway, language, token, goods, again, onAgain } = paid;
  const href = gateway.receipt(token);
  const copy = h("button", { type: "button", class: "way", part: "copy" }, language.say("copyLink"));
  copyOn(copy, () => href, language);
  const ways = h("p", { class: "ways" },
    h("a", { class: "way", part: "receipt", href, target: "_blank", rel: "noopener noreferrer" }, language.say("receipt")), copy);
  if (!goods.keeps) {
    const more = h("button", { type: "button", class: "way" }, language.say("again"));
    more.addEventListener("click", onAgain);
    ways.append(more);
  }
  return h("div", { class: "kept" }, goods.keeps && h("p", {}, language.say("keep")), ways, goods.keeps && !again && code(paid));
}

/** The other way to come back: shown once, where it was paid. Its line keeps its room until it is known. */
function code(paid: Paid): HTMLElement {
  const line = h("p", { class: "written", part: "code" });
  receipt(paid).then(({ recovery_code }) => {
    if (recovery_code) line.append(paid.language.say("orCode"), " ", h("code", { translate: "no", dir: "ltr" }, recovery_code));
  }).catch(() => {
    // The receipt has it too.
  });
  return line;
}

/** Its `page_url` carries a code that opens a sealed text there, once. */
async function receipt({ gateway, token }: Paid): Promise<{ recovery_code: string | null; page_url: string | null }> {
  return (await gateway.ask("v1/receipt", bearer(token))).json();
}
