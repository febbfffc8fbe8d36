import { payButton, status } from "../card.js";
import { h } from "../dom.js";
import { paint } from "../style-sheet.js";
import { type State, Till } from "../element.js";
import type { PageId } from "../words.js";

/** An element with one button: what stands around it is its subclass's. */
export abstract class Buy extends Till {
  protected frame!: HTMLElement;
  protected button!: HTMLButtonElement;
  #line!: HTMLElement;

  protected abstract readonly kind: string;

  /** What stands in the card, in order. */
  protected abstract parts(button: HTMLElement, line: HTMLElement): Node[];

  protected override draw(root: ShadowRoot): void {
    this.button = payButton();
    this.#line = status();
    this.frame = h("div", { class: "till " + this.kind, part: "till" },
      this.kind === "paywall" && h("div", { class: "preview", part: "preview" }, h("slot", { name: "preview" })),
      h("div", { class: "box" },
        h("div", { class: "fallback" }, h("slot", {})),
        h("div", { class: "card", part: "card" }, ...this.parts(this.button, this.#line))));
    this.button.addEventListener("click", () => void this.open());
    for (const near of ["pointerenter", "focus"]) this.button.addEventListener(near, () => this.warm(), { once: true });
    root.append(this.frame);
  }

  protected override show(state: State): void {
    const { goods, language } = this;
    this.frame.dataset["state"] = state;
    if (state === "loading") return;
    const amount = language.say("amount", { sat: language.sat(goods.subject(language).amount_msat) });
    this.frame.lang = language.tag;
    paint(this.frame, this.fills);
    this.button.textContent = language.say(goods.keeps ? "pay" : "tip", { amount });
    this.button.hidden = !goods.forSale;
    this.say(state === "paid" ? "opening" : goods.forSale ? "" : "ended");
  }

  protected override say(id: PageId | ""): void {
    this.#line.textContent = id && this.language.say(id);
  }
}
