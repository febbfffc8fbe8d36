/** Registers the custom elements. If a page loads two versions of the script, the first one stays registered. */

import { TuppenceButton } from "./elements/button.js";
import { TuppencePaywall } from "./elements/paywall.js";
import { TuppenceTip } from "./elements/tip.js";

export function define(): void {
  for (const [name, element] of [
    ["tuppence-paywall", TuppencePaywall], ["tuppence-tip", TuppenceTip], ["tuppence-button", TuppenceButton],
  ] as const) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
}
