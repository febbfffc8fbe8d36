/** The form of a tip: reads the amount and the note, and shows what the button will ask for. */

import { h } from "../dom.js";
import type { Gateway } from "../gateway.js";
import type { Language } from "../language.js";
import type { TipProduct } from "../product.js";
import { inCurrency, type Rate, rateOf } from "../rate/exchange-rate.js";
import { readTip } from "../tipping/read-tip.js";
import { part } from "./part.js";

export class TipForm {
  readonly #form = part<HTMLFormElement>("offer");
  readonly #own = part<HTMLInputElement>("own");
  readonly #label = this.#form.querySelector(".pay")?.textContent;
  #rate: Rate | null = null;

  constructor(private readonly product: TipProduct, private readonly language: Language, gateway: Gateway) {
    this.#form.addEventListener("input", () => this.read());
    void rateOf(gateway).then((rate) => {
      this.#rate = rate;
      this.read();
    });
    this.read();
  }

  /** Take what is chosen and typed. Returns whether it is an amount of whole sats. */
  read(): boolean {
    const sat = readTip(this.#form, this.product, Number(this.#own.dataset["most"]));
    this.#show(sat);
    return sat > 0;
  }

  /** Say in the page's words, at its field, that it is no amount. */
  refuse(): void {
    this.#own.ariaInvalid = "true";
    part("own-mistake").textContent = this.#own.dataset["wrong"] ?? "";
    this.#own.focus();
  }

  #show(sat: number): void {
    const { language } = this;
    const fiat = sat && this.#rate ? inCurrency(sat * 1000, this.#rate, language) : "";
    part("own-fiat").textContent = fiat;
    const button = this.#form.querySelector(".pay") as HTMLElement;
    const amount = sat && language.say("amount", { sat: language.number(sat) });
    button.replaceChildren(amount ? `${this.#label} · ${amount} ` : `${this.#label}`, h("span", { class: "fiat", translate: "no" }, fiat));
    if (!sat) return;
    this.#own.ariaInvalid = null;
    part("own-mistake").textContent = "";
  }
}
