/** Unlocks a sealed text by a link from the gateway. The fragment carries a one-time code, or in older links a token; it is
 * removed from the address at once. */

import { h } from "../dom.js";
import { gatewayOf } from "../gateway.js";
import { redeem } from "./redeem.js";

const CARRIED = "#tuppence=";

interface TuppenceElement extends HTMLElement {
  state: string;
  unlock(token: string): Promise<boolean>;
}

export async function openLink(): Promise<void> {
  const carried = location.hash.slice(CARRIED.length);
  history.replaceState(history.state, "", location.pathname + location.search);
  const token = carried.includes(".") ? await exchange(carried) : carried;
  const item = itemOf(token);
  if (!item) return;
  const open = (element: TuppenceElement) => {
    if (element.getAttribute("item") !== item || element.state !== "offered") return;
    // The element reports errors of the gateway as events.
    void element.unlock(token).then(() => element.scrollIntoView({ block: "nearest" }), () => {});
  };
  document.querySelectorAll<TuppenceElement>("tuppence-paywall, tuppence-button").forEach(open);
  document.addEventListener("tuppence-ready", ({ target }) => open(target as TuppenceElement));
}

/** Exchange a code for a token, or "" if it is too old. The code is always used up, because browsers store addresses. */
async function exchange(code: string): Promise<string> {
  const [, item = ""] = /\.([a-z0-9-]+)$/.exec(code) ?? [];
  // The element, which names the gateway, may not exist before the document is parsed.
  if (document.readyState === "loading") await new Promise((parsed) => document.addEventListener("DOMContentLoaded", parsed));
  const element = document.querySelector(`tuppence-paywall[item="${item}"], tuppence-button[item="${item}"]`);
  try {
    return (await redeem(gatewayOf(element ?? h("p")), code)).access_token;
  } catch {
    return "";
  }
}

/** The item id that a token names. Only the gateway can verify the token. */
function itemOf(token: string): string | undefined {
  try {
    return /item=([a-z0-9-]{1,64})/.exec(atob(token.replaceAll("-", "+").replaceAll("_", "/")))?.[1];
  } catch {
    return undefined;
  }
}
