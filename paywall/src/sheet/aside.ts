/** What only some readers need, folded away below the payment, one open at a time; its file is loaded when it is asked for. */

import { h } from "../dom.js";

export function aside(part: string, summary: string, unfold: () => Promise<Node> | Node): HTMLDetailsElement {
  const inside = h("div", { class: "unfolded" });
  const details = h("details", { class: "aside", part, name: "aside" }, h("summary", {}, summary), inside);
  details.addEventListener("toggle", async () => {
    if (!details.open || inside.childElementCount) return;
    try {
      const shown = await unfold();
      inside.replaceChildren(shown);
    } catch {
      details.open = false;
    }
  });
  return details;
}
