import { byline, price } from "../card.js";
import { type Product, ItemProduct } from "../product.js";
import type { State } from "../element.js";
import { CardElement } from "./card-element.js";

/** `<tuppence-paywall item="…">`: a card with the price, replaced by the item once it is paid. */
export class TuppencePaywall extends CardElement {
  protected override readonly kind = "paywall";
  #by = byline();
  #sum = price();

  protected override parse(): Product {
    return new ItemProduct(this.getAttribute("item") ?? "");
  }

  protected override parts(button: HTMLElement, line: HTMLElement): Node[] {
    return [this.#by.row, this.#sum.row, button, line];
  }

  protected override show(state: State): void {
    super.show(state);
    if (state === "loading") return;
    const { creator, amount_msat, summary } = this.product.terms(this.language);
    this.#by.fill(creator);
    this.#sum.fill(this.language.sat(amount_msat), summary);
  }
}
