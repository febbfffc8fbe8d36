import { byline } from "../card.js";
import { h } from "../dom.js";
import { load } from "../gateway.js";
import { TipProduct } from "../product.js";
import type { TippingModule } from "../interfaces.js";
import type { State } from "../element.js";
import { CardElement } from "./card-element.js";

/** `<tuppence-tip to="…">`: a form with amounts and a note to the creator. The form is loaded on demand. */
export class TuppenceTip extends CardElement {
  protected override readonly kind = "tip";
  declare protected product: TipProduct;
  #by = byline();
  // Reserves the height of the form while it is loaded.
  #formBox = h("div", { class: "place" });

  protected override parse(): TipProduct {
    return new TipProduct(this.getAttribute("to") ?? "", this.getAttribute("amount"));
  }

  protected override parts(button: HTMLElement, line: HTMLElement): Node[] {
    this.#formBox.replaceChildren();
    return [this.#by.row, this.#formBox, button, line];
  }

  protected override show(state: State): void {
    super.show(state);
    if (state === "loading") return;
    this.#by.fill(this.product.creator.title, this.product.terms(this.language).title);
    if (!this.#formBox.childElementCount) void this.#loadForm();
  }

  protected override offerAgain(): void {
    this.#formBox.querySelector("form")?.reset();
    super.offerAgain();
    this.button.focus();
  }

  async #loadForm(): Promise<void> {
    const { makeForm } = await load<TippingModule>("tipping.js");
    const form = await makeForm(this.shadowRoot as ShadowRoot, this.product, this.language, this.gateway, () => super.show(this.state));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.open();
    });
    this.#formBox.replaceChildren(form);
  }

  override async open(): Promise<void> {
    if (this.#formBox.querySelector("form")?.reportValidity() !== false) await super.open();
  }
}
