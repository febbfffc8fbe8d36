/** The elements under their names. A page that loads two versions keeps the first. */

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
