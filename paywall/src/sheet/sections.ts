/** What only some readers need, folded away below the payment: a row of words, and below it what one of them unfolds.
 * What is in a fold is a file of its own, loaded when it is first opened. */

import { h } from "../dom.js";
import { load } from "../gateway.js";
import type { Fold, Sale } from "../interfaces.js";

const WORDS = { help: "help", recover: "paidBefore" } as const;

/** `others` stand in the row behind the first. */
export function foldsOf(sale: Sale, parts: (keyof typeof WORDS)[], ...others: HTMLElement[]): HTMLElement {
  const panel = h("div", { class: "unfolded", id: "unfolded" });
  const shown = new Map<string, Node>();
  let open = "";
  const turn = (part: string) => {
    open = part;
    for (const button of buttons) button.ariaExpanded = String(button.value === part);
    panel.replaceChildren(shown.get(part) ?? "");
    if (part) panel.scrollIntoView({ block: "nearest" });
  };
  const buttons = parts.map((part) => {
    const button = h("button", {
      type: "button", class: "fold", part, value: part, "aria-expanded": "false", "aria-controls": "unfolded",
    }, sale.language.say(WORDS[part]));
    button.addEventListener("click", async () => {
      turn(open === part ? "" : part);
      if (!open || shown.has(part)) return;
      try {
        shown.set(part, (await load<Fold>(part + ".js")).unfold(sale));
        if (open === part) turn(part);
      } catch {
        turn("");
      }
    });
    return button;
  });
  return h("div", { class: "folds" }, h("p", {}, ...buttons.slice(0, 1), ...others, ...buttons.slice(1)), panel);
}
