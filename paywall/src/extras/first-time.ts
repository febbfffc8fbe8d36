/** The line for readers who have no wallet yet. It opens the steps below it, which are loaded when it is first pressed. */

import { h } from "../dom.js";
import { load } from "../gateway.js";
import type { PaymentContext, SectionModule } from "../interfaces.js";
import { styleSheet } from "../style-sheet.js";
import { FIRST_TIME } from "../words.js";
import css from "./first-time.css";

const STYLES = styleSheet(css);

/** A button within a line of text has no room for it. */
export function showFirstTime(context: PaymentContext): void {
  const { root } = context;
  const status = root.querySelector(":not(.button) > .box > .card > .line");
  if (!status) return;
  if (!root.adoptedStyleSheets.includes(STYLES)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, STYLES];
  const { say } = context.language.with(FIRST_TIME);
  const steps = h("div", { class: "steps", id: "steps", hidden: true });
  const line = h("button", {
    type: "button", class: "first-time", part: "newcomers", "aria-expanded": "false", "aria-controls": "steps",
  }, h("span", {}, say("anyWallet")), " ", h("u", {}, say("help")));
  line.addEventListener("click", async () => {
    const opens = line.ariaExpanded !== "true";
    line.ariaExpanded = String(opens);
    if (!steps.firstChild) {
      try {
        steps.replaceChildren(await (await load<SectionModule>("help.js")).render(context));
      } catch {
        line.ariaExpanded = "false";
        return;
      }
    }
    steps.hidden = line.ariaExpanded !== "true";
  });
  root.querySelectorAll(".first-time, .steps").forEach((old) => old.remove());
  status.after(line, steps);
}
