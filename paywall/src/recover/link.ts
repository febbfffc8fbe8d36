/** A link of the gateway to the page of a sealed text: its code is taken out of the address and used, and opens there what
 * was paid for. Older links carry a token instead. */

import { h } from "../dom.js";
import { gatewayOf } from "../gateway.js";
import { redeem } from "./redeem.js";

const CARRIED = "#tuppence=";

interface Till extends HTMLElement {
  state: string;
  unlock(token: string): Promise<boolean>;
}

export async function arrive(): Promise<void> {
  const carried = location.hash.slice(CARRIED.length);
  history.replaceState(history.state, "", location.pathname + location.search);
  const token = carried.includes(".") ? await exchange(carried) : carried;
  const item = itemOf(token);
  if (!item) return;
  const open = (till: Till) => {
    if (till.getAttribute("item") !== item || till.state !== "offered") return;
    // What the gateway refuses, the element tells the page itself.
    void till.unlock(token).then(() => till.scrollIntoView({ block: "nearest" }), () => {});
  };
  document.querySelectorAll<Till>("tuppence-paywall, tuppence-button").forEach(open);
  document.addEventListener("tuppence-ready", ({ target }) => open(target as Till));
}

/** The token of a code, which is used up whatever is open here already: browsers keep addresses. "" for one that is too old. */
async function exchange(code: string): Promise<string> {
  const [, item = ""] = /\.([a-z0-9-]+)$/.exec(code) ?? [];
  // Before the page is whole, the element that names its gateway may not be there.
  if (document.readyState === "loading") await new Promise((whole) => document.addEventListener("DOMContentLoaded", whole));
  const till = document.querySelector(`tuppence-paywall[item="${item}"], tuppence-button[item="${item}"]`);
  try {
    return (await redeem(gatewayOf(till ?? h("p")), code)).access_token;
  } catch {
    return "";
  }
}

/** The item that a token names; the gateway alone can tell whether it opens it. */
function itemOf(token: string): string | undefined {
  try {
    return /item=([a-z0-9-]{1,64})/.exec(atob(token.replaceAll("-", "+").replaceAll("_", "/")))?.[1];
  } catch {
    return undefined;
  }
}
