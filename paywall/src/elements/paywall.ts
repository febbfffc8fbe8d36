import { byline, price } from "../card.js";
import { type Goods, ItemGoods } from "../product.js";
import type { State } from "../element.js";
import { Buy } from "./card-element.js";

/** `<tuppence-paywall item="…">`: a price in the page, and in its place what was paid for. */
export class TuppencePaywall extends Buy {
  protected override readonly kind = "paywall";
  #by = byline();
  #sum = price();

  protected override stock(): Goods {
    return new ItemGoods(this.getAttribute("item") ?? "");
  }

  protected override parts(button: HTMLElement, line: HTMLElement): Node[] {
    return [this.#by.row, this.#sum.row, button, line];
  }

  protected override show(state: State): void {
    super.show(state);
    if (state === "loading") return;
    const { creator, amount_msat, buys } = this.goods.subject(this.language);
    this.#by.fill(creator);
    this.#sum.fill(this.language.sat(amount_msat), buys);
  }
}
