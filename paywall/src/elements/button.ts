import { type Goods, ItemGoods, TipGoods } from "../product.js";
import { Buy } from "./card-element.js";

/** `<tuppence-button item="…">` or `<tuppence-button to="…" amount="…">`: one button in a line of text. */
export class TuppenceButton extends Buy {
  protected override readonly kind = "button";

  protected override stock(): Goods {
    const to = this.getAttribute("to");
    return to ? new TipGoods(to, this.getAttribute("amount")) : new ItemGoods(this.getAttribute("item") ?? "");
  }

  protected override parts(button: HTMLElement, line: HTMLElement): Node[] {
    return [button, line];
  }
}
