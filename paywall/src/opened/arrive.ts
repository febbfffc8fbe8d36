/** A receipt's link to the page of a sealed text: its token is taken out of the address, and opens what it paid for. */

const CARRIED = "#tuppence=";

interface Till extends HTMLElement {
  state: string;
  unlock(token: string): Promise<boolean>;
}

export function arrive(): void {
  const token = location.hash.slice(CARRIED.length);
  history.replaceState(history.state, "", location.pathname + location.search);
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

/** The item that a token names; the gateway alone can tell whether it opens it. */
function itemOf(token: string): string | undefined {
  try {
    return /item=([a-z0-9-]{1,64})/.exec(atob(token.replaceAll("-", "+").replaceAll("_", "/")))?.[1];
  } catch {
    return undefined;
  }
}
