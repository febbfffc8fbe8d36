/** Collapsible sections below the payment: a list of buttons, and below the pressed one its section. Each section is a part of
 * the script, loaded when it is first opened. */

import { h } from "../dom.js";
import { load } from "../gateway.js";
import type { SectionModule, PaymentContext } from "../interfaces.js";

const LABELS = { help: "help", connect: "connect", recover: "paidBefore" } as const;

export type Section = keyof typeof LABELS;

/** `link` is placed in the list after the first button. */
export function sectionsOf(
  context: PaymentContext, parts: Section[], link: HTMLElement | undefined, askWallet: () => void,
): HTMLElement {
  const panel = h("div", { class: "unfolded", id: "unfolded" });
  const shown = new Map<string, Node>();
  let open = "";
  const select = (part: string) => {
    open = part;
    for (const button of buttons) {
      button.ariaExpanded = String(button.value === part);
      if (button.value === part) button.after(panel);
    }
    panel.replaceChildren(shown.get(part) ?? "");
    if (part) panel.scrollIntoView({ block: "nearest" });
  };
  const buttons = parts.map((part) => {
    const button = h("button", {
      type: "button", class: "fold", part, value: part, "aria-expanded": "false", "aria-controls": "unfolded",
    }, context.language.say(LABELS[part]));
    button.addEventListener("click", async () => {
      select(open === part ? "" : part);
      if (!open || shown.has(part)) return;
      try {
        shown.set(part, await (await load<SectionModule>(part + ".js")).render(context, askWallet));
        if (open === part) select(part);
      } catch {
        select("");
      }
    });
    return button;
  });
  return h("div", { class: "folds" }, ...buttons.slice(0, 1), link ?? "", ...buttons.slice(1), panel);
}
