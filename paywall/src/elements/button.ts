import { type Product, ItemProduct, TipProduct } from "../product.js";
import { CardElement } from "./card-element.js";

/** `<tuppence-button item="…">` or `<tuppence-button to="…" amount="…">`: a pay button within a line of text. */
export class TuppenceButton extends CardElement {
  protected override readonly kind = "button";

  protected override parse(): Product {
    const to = this.getAttribute("to");
    return to ? new TipProduct(to, this.getAttribute("amount")) : new ItemProduct(this.getAttribute("item") ?? "");
  }

  protected override parts(button: HTMLElement, line: HTMLElement): Node[] {
    return [button, line];
  }
}
