/** The form of a tip: a few amounts, one's own, and a word to the creator. */

import { h } from "../dom.js";
import type { TipGoods } from "../product.js";
import type { Language } from "../language.js";
import type { Tipping } from "../interfaces.js";
import { sheetOf } from "../style-sheet.js";
import { TIPPING } from "../words.js";
import css from "./tipping.css";

const AMOUNTS = [21, 100, 1000];
const OWN = 500;
const MOST_SAT = 100_000_000;
const LONGEST_NAME = 80, LONGEST_MESSAGE = 500;
const LOOK = sheetOf(css);

export const makeForm: Tipping["makeForm"] = (root, goods, spoken, chosen) => {
  const language = spoken.with(TIPPING);
  if (!root.adoptedStyleSheets.includes(LOOK)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, LOOK];
  const own = h("input", {
    type: "number", name: "own", inputmode: "numeric", min: "1", max: String(MOST_SAT), step: "1", required: true,
    value: String(AMOUNTS.includes(goods.amountSat) ? OWN : goods.amountSat),
  });
  const ownLabel = h("label", { class: "own" }, language.say("own"), own);
  const form = h("form", { class: "tipping" },
    h("fieldset", {}, h("legend", { class: "unseen" }, language.say("amounts")), amounts(goods, language)),
    ownLabel, note(goods, language));
  const choose = () => {
    const { amount = "", name, message } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    ownLabel.hidden = own.disabled = amount !== "";
    const sat = Number(amount) || own.valueAsNumber;
    if (sat >= 1 && sat <= MOST_SAT) goods.amountSat = Math.round(sat);
    goods.note = { ...(name && { name }), ...(message && { message }) };
    chosen();
  };
  form.addEventListener("input", choose);
  form.addEventListener("reset", () => setTimeout(choose));
  choose();
  return form;
};

function amounts(goods: TipGoods, language: Language): HTMLElement {
  const one = (value: string, checked: boolean, ...words: (Node | string)[]) => h("label", { class: "amount" },
    h("input", { type: "radio", name: "amount", value, checked }), h("span", {}, ...words));
  return h("div", { class: "amounts" },
    ...AMOUNTS.map((sat) => one(String(sat), sat === goods.amountSat, h("b", {}, language.number(sat)), " sat")),
    one("", !AMOUNTS.includes(goods.amountSat), h("b", {}, language.say("other"))));
}

function note(goods: TipGoods, { say }: Language): HTMLElement {
  return h("details", { class: "note" }, h("summary", {}, say("note")),
    h("label", {}, say("name"), h("input", { name: "name", maxlength: String(LONGEST_NAME), autocomplete: "nickname" })),
    h("label", {}, say("message"), h("textarea", { name: "message", rows: "3", maxlength: String(LONGEST_MESSAGE) })),
    h("p", {}, say("noteFor", { name: goods.creator.title })));
}
