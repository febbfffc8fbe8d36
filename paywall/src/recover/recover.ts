/** What was paid for on another device, opened here by the code on its receipt. */

import { complaint, h } from "../dom.js";
import type { Refusal } from "../gateway.js";
import type { Fold, Sale } from "../interfaces.js";
import { type MessageId, RECOVER } from "../words.js";
import { redeem } from "./redeem.js";

export { arrive } from "./link.js";

const WRONG: Record<number, MessageId> = { [-1]: "lost", 404: "codeUnknown", 422: "codeMalformed", 429: "codeTries" };

export const unfold: Fold["unfold"] = (sale) => {
  const { say } = sale.language.with(RECOVER);
  const field = h("input", {
    name: "code", required: true, maxlength: "64", autocomplete: "off", autocapitalize: "characters", spellcheck: "false",
    placeholder: "0000-0000-0000", "aria-describedby": "code-mistake",
  });
  const mistake = complaint("code-mistake");
  const button = h("button", { class: "act" }, say("codeOpen"));
  const form = h("form", {}, h("label", {}, say("code"), field), mistake, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const wrong = await open(sale, field.value);
    button.disabled = false;
    mistake.textContent = wrong ? say(wrong) : "";
    field.ariaInvalid = String(Boolean(wrong));
    if (wrong) field.focus();
  });
  return form;
};

/** Gives what is wrong with the code. */
async function open({ gateway, subject, unlock }: Sale, code: string): Promise<MessageId | undefined> {
  try {
    const found = await redeem(gateway, code);
    if (subject().path !== `v1/items/${found.item_id}/invoices`) return "codeElse";
    await unlock(found.access_token);
    return undefined;
  } catch (error) {
    // Its class is that of another file of the build: what it has counts.
    const { status } = error as Partial<Refusal>;
    return (status && WRONG[status]) || "failed";
  }
}
