/** Shows the price of a card in the reader's currency. It moves nothing on the card. */

import { h } from "../dom.js";
import type { PaymentContext } from "../interfaces.js";
import { styleSheet } from "../style-sheet.js";
import { RATE } from "../words.js";
import { inCurrency, rateOf } from "../rate/exchange-rate.js";
import css from "./fiat.css";

const STYLES = styleSheet(css);

export async function showRate({ root, gateway, language, terms }: PaymentContext): Promise<void> {
  const rate = await rateOf(gateway);
  const button = root.querySelector(".card > .pay");
  if (!rate || !button) return;
  if (!root.adoptedStyleSheets.includes(STYLES)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, STYLES];
  const hint = rate.fixed && language.with(RATE).say("sampleRate");
  const place = () => h("span", { class: "fiat", part: "fiat", translate: "no", title: hint });
  const [beside, onButton] = [place(), place()];
  const show = () => {
    beside.textContent = onButton.textContent = inCurrency(terms().amount_msat, rate, language);
    root.querySelector(".card > .price > .sum")?.after(beside);
    button.append(onButton);
  };
  root.querySelectorAll(":is(.card > .price, .card > .pay) > .fiat").forEach((old) => old.remove());
  show();
  // The words of the button name the amount that is chosen.
  new MutationObserver(show).observe(button, { characterData: true, subtree: true });
}
