/** The section that unlocks an item by the recovery code on its receipt. */

import { fieldError, h } from "../dom.js";
import type { Refusal } from "../gateway.js";
import type { SectionModule, PaymentContext } from "../interfaces.js";
import { type MessageId, RECOVER } from "../words.js";
import { redeem } from "./redeem.js";

export { openLink } from "./link.js";

const WRONG: Record<number, MessageId> = { [-1]: "lost", 404: "codeUnknown", 422: "codeMalformed", 429: "codeTries" };

export const render: SectionModule["render"] = (context) => {
  const { say } = context.language.with(RECOVER);
  const field = h("input", {
    name: "code", maxlength: "64", autocomplete: "off", autocapitalize: "characters", spellcheck: "false",
    placeholder: "0000-0000-0000", "aria-describedby": "code-mistake",
  });
  const mistake = fieldError("code-mistake");
  const button = h("button", { class: "act" }, say("codeOpen"));
  const form = h("form", { novalidate: true }, h("p", {}, say("elsewherePaid")), h("label", {}, say("code"), field), mistake, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const wrong = await open(context, field.value);
    button.disabled = false;
    mistake.textContent = wrong ? say(wrong) : "";
    field.ariaInvalid = String(Boolean(wrong));
    if (wrong) field.focus();
  });
  return form;
};

/** Redeem the code. Returns the message to show if that fails. */
async function open({ gateway, terms, unlock }: PaymentContext, code: string): Promise<MessageId | undefined> {
  try {
    const found = await redeem(gateway, code);
    if (terms().path !== `v1/items/${found.item_id}/invoices`) return "codeElse";
    await unlock(found.access_token);
    return undefined;
  } catch (error) {
    // No instanceof: the error's class comes from another bundle.
    const { status } = error as Partial<Refusal>;
    return (status && WRONG[status]) || "failed";
  }
}
