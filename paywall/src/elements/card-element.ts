import { h } from "../dom.js";
import { paint } from "../style-sheet.js";
import { type State, TuppenceElement } from "../element.js";
import { load } from "../gateway.js";
import type { ExtrasModule } from "../interfaces.js";
import type { PageId } from "../words.js";

/** An element that shows a pay button and a status line; subclasses add the rest of the card. */
export abstract class CardElement extends TuppenceElement {
  protected frame!: HTMLElement;
  protected button!: HTMLButtonElement;
  #line!: HTMLElement;

  protected abstract readonly kind: string;

  /** The content of the card, in order. */
  protected abstract parts(button: HTMLElement, line: HTMLElement): Node[];

  protected override draw(root: ShadowRoot): void {
    this.button = h("button", { class: "pay", part: "button" }, "\u00a0");
    this.#line = h("p", { class: "line", part: "status", role: "status" });
    this.frame = h("div", { class: "till " + this.kind, part: "till" },
      this.kind === "paywall" && h("div", { class: "preview", part: "preview" }, h("slot", { name: "preview" })),
      h("div", { class: "box" },
        h("div", { class: "fallback" }, h("slot", {})),
        h("div", { class: "card", part: "card" }, ...this.parts(this.button, this.#line))));
    this.button.addEventListener("click", () => void this.open());
    for (const event of ["pointerenter", "focus"]) this.button.addEventListener(event, () => this.preload(), { once: true });
    root.append(this.frame);
  }

  protected override show(state: State): void {
    const { product, language } = this;
    this.frame.dataset["state"] = state;
    if (state === "loading") return;
    const amount = language.say("amount", { sat: language.sat(product.terms(language).amount_msat) });
    this.frame.lang = language.tag;
    paint(this.frame, this.fills);
    (this.button.firstChild as Text).data = language.say(product.reopens ? "pay" : "tip", { amount });
    this.button.hidden = !product.forSale;
    this.say(state === "paid" ? "opening" : product.forSale ? "" : "ended");
  }

  protected override extend(): void {
    void load<ExtrasModule>("extras.js").then(({ extend }) => extend(this.context("")), () => {});
  }

  protected override say(id: PageId | ""): void {
    this.#line.textContent = id && this.language.say(id);
  }
}
