/** The form of a tip: preset amounts, another amount, and a note to the creator. */

import { fieldError, h } from "../dom.js";
import type { TipProduct } from "../product.js";
import { inCurrency, rateOf } from "../rate/exchange-rate.js";
import type { Language } from "../language.js";
import type { TippingModule } from "../interfaces.js";
import { styleSheet } from "../style-sheet.js";
import { TIPPING } from "../words.js";
import { readTip } from "./read-tip.js";
import css from "./tipping.css";

const AMOUNTS_SAT = [21, 100, 1000];
const OTHER_SAT = 500;
const MOST_SAT = 100_000_000;
const LONGEST_NAME = 80, LONGEST_MESSAGE = 500;
// The form has its final height at once, so it waits for the rate, but not for long.
const RATE_MILLISECONDS = 1_000;
const STYLES = styleSheet(css);

export const makeForm: TippingModule["makeForm"] = async (root, product, base, gateway, chosen) => {
  const language = base.with(TIPPING);
  const rate = await Promise.race([rateOf(gateway), new Promise<null>((resolve) => setTimeout(resolve, RATE_MILLISECONDS, null))]);
  const fiat = (sat: number) => rate && inCurrency(sat * 1000, rate, language);
  if (!root.adoptedStyleSheets.includes(STYLES)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, STYLES];
  const own = h("input", {
    name: "own", inputmode: "numeric", autocomplete: "off", "aria-describedby": "own-mistake",
    value: String(AMOUNTS_SAT.includes(product.amountSat) ? OTHER_SAT : product.amountSat),
  });
  const ownFiat = h("span", { class: "fiat", translate: "no" });
  const mistake = fieldError("own-mistake");
  const other = h("div", { class: "own" }, h("label", {}, language.say("own"), " ", ownFiat, own), mistake);
  const form = h("form", { class: "tipping", novalidate: true },
    h("fieldset", {}, h("legend", { class: "unseen" }, language.say("amounts")), amounts(product, language, fiat)),
    other, note(product, language));
  const choose = () => {
    other.hidden = own.disabled = Boolean(new FormData(form).get("amount"));
    const sat = readTip(form, product, MOST_SAT);
    own.setCustomValidity(sat ? "" : language.say("ownWrong"));
    ownFiat.textContent = sat ? fiat(sat) : "";
    if (sat) {
      mistake.textContent = "";
      own.ariaInvalid = null;
    }
    chosen();
  };
  form.addEventListener("input", choose);
  // The browser would explain it in a bubble over the form, in its own language.
  own.addEventListener("invalid", (event) => {
    event.preventDefault();
    mistake.textContent = own.validationMessage;
    own.ariaInvalid = "true";
    own.focus();
  });
  form.addEventListener("reset", () => setTimeout(choose));
  choose();
  return form;
};

function amounts(product: TipProduct, language: Language, fiat: (sat: number) => string | null): HTMLElement {
  const one = (value: string, checked: boolean, ...words: (Node | string | null)[]) => h("label", { class: "amount" },
    h("input", { type: "radio", name: "amount", value, checked }), h("span", {}, ...words));
  return h("div", { class: "amounts" },
    ...AMOUNTS_SAT.map((sat) => one(String(sat), sat === product.amountSat, h("i", {}, h("b", {}, language.number(sat)), " sat"), fiat(sat) && h("small", {}, fiat(sat)))),
    one("", !AMOUNTS_SAT.includes(product.amountSat), h("b", {}, language.say("other"))));
}

function note(product: TipProduct, { say }: Language): HTMLElement {
  return h("details", { class: "note" }, h("summary", {}, say("note")),
    h("label", {}, say("name"), h("input", { name: "name", maxlength: String(LONGEST_NAME), autocomplete: "nickname" })),
    h("label", {}, say("message"), h("textarea", { name: "message", rows: "3", maxlength: String(LONGEST_MESSAGE) })),
    h("p", {}, say("noteFor", { name: product.creator.title })));
}
