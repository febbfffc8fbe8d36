import { byline } from "../card.js";
import { h } from "../dom.js";
import { load } from "../gateway.js";
import { TipGoods } from "../product.js";
import type { Tipping } from "../interfaces.js";
import type { State } from "../element.js";
import { Buy } from "./card-element.js";

/** `<tuppence-tip to="…">`: a few amounts, and a word to the creator. Its form is a file of its own. */
export class TuppenceTip extends Buy {
  protected override readonly kind = "tip";
  declare protected goods: TipGoods;
  #by = byline();
  // Takes the room of the form.
  #place = h("div", { class: "place" });

  protected override stock(): TipGoods {
    return new TipGoods(this.getAttribute("to") ?? "", this.getAttribute("amount"));
  }

  protected override parts(button: HTMLElement, line: HTMLElement): Node[] {
    this.#place.replaceChildren();
    return [this.#by.row, this.#place, button, line];
  }

  protected override show(state: State): void {
    super.show(state);
    if (state === "loading") return;
    this.#by.fill(this.goods.creator.title, this.goods.subject(this.language).title);
    if (!this.#place.childElementCount) void this.#fill();
  }

  protected override offerAgain(): void {
    this.#place.querySelector("form")?.reset();
    super.offerAgain();
    this.button.focus();
  }

  async #fill(): Promise<void> {
    const { makeForm } = await load<Tipping>("tipping.js");
    const form = makeForm(this.shadowRoot as ShadowRoot, this.goods, this.language, () => super.show(this.state));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.open();
    });
    this.#place.replaceChildren(form);
  }

  override async open(): Promise<void> {
    if (this.#place.querySelector("form")?.reportValidity() !== false) await super.open();
  }
}
