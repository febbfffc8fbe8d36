/** `<tuppence-page item="…">` or `<tuppence-page to="…">`: the gateway's page of an item or a creator. The server renders what
 * stands in it, and its form sells without this script, too. */

import { AttemptStore } from "../attempts.js";
import { h } from "../dom.js";
import { type State, TuppenceElement } from "../element.js";
import type { Gateway, Refusal } from "../gateway.js";
import type { Obstacle, OpenedModule, PaymentContext, Sheet } from "../interfaces.js";
import { type Product, ItemProduct, TipProduct } from "../product.js";
import { endOf } from "../opened/ends.js";
import { type MessageId, SHEET } from "../words.js";
import { WalletConnection } from "./connection.js";
import { follow, followedHash } from "./followed.js";
import { adoptOlder } from "./older.js";
import { openedPage } from "./opened-page.js";
import { part } from "./part.js";
import { TipForm } from "./tip-form.js";

export class HostedPage extends TuppenceElement {
  protected frame = part("sale");
  readonly #line = part("status");
  readonly #said = this.#line.textContent ?? "";
  readonly #connection = this.hasAttribute("connects") ? new WalletConnection() : undefined;
  #tip: TipForm | undefined;
  #isAsked = false;
  #followed = "";
  /** Of an embedding page's invoice. */
  #followedSheet: Sheet | undefined;

  protected override parse(): Product {
    const known = JSON.parse(part("product").textContent ?? "{}");
    const product = known.kind ? new PageItem(known, () => this.say("offline")) : new PageTip(known);
    adoptOlder(new AttemptStore(document.baseURI, product.name));
    return product;
  }

  protected override draw(root: ShadowRoot): void {
    root.append(h("slot"));
    const form = part<HTMLFormElement>("offer"), button = form.querySelector(".pay") as HTMLElement;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#press();
    });
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => this.preload(), { once: true });
    addEventListener("hashchange", () => this.#follow());
  }

  protected override show(state: State): void {
    if (state === "loading") return;
    // An open sheet says it itself.
    this.say(state === "paid" && !this.shadowRoot?.querySelector("dialog[open]") ? "opening" : "");
    // What the server has said belongs to the offer.
    if (state === "open") this.#line.textContent = "";
    this.frame.toggleAttribute("data-paid", state === "paid");
    if (state !== "offered") return;
    this.frame.dataset["state"] = state;
    if (this.product instanceof TipProduct) this.#tip ??= new TipForm(this.product, this.language, this.gateway);
    if (this.#isAsked) this.#press();
    else this.#follow();
  }

  protected override say(id: MessageId | ""): void {
    this.#line.textContent = id ? this.language.with(SHEET).say(id) : this.#said;
  }

  protected override opened(): Promise<OpenedModule> {
    return Promise.resolve(openedPage);
  }

  protected override context(obstacle: Obstacle): PaymentContext {
    return { ...super.context(obstacle), connection: this.#connection };
  }

  /** A reader may press before the script knows the words. */
  #press(): void {
    this.#isAsked = this.state === "loading";
    if (this.#isAsked) return;
    // Who comes from another page to pay there buys nothing here.
    if (this.#followedSheet) this.#followedSheet.open();
    else if (this.#tip?.read() === false) this.#tip.refuse();
    else void this.open();
  }

  #follow(): void {
    const hash = followedHash();
    if (this.state === "loading" || hash === this.#followed) return;
    this.#followed = hash;
    this.#followedSheet = undefined;
    if (!hash) return;
    follow(hash, this.context(""), (id) => this.say(id)).then((sheet) => { this.#followedSheet = sheet; }, () => this.say("failed"));
  }
}

class PageItem extends ItemProduct {
  constructor(known: ItemProduct["item"], private readonly fails: () => void) {
    super(known.id);
    this.item = known;
  }

  /** The page brings it along. */
  override async prepare(): Promise<void> {}

  override async fetch(gateway: Gateway, token: string): Promise<void> {
    try {
      await super.fetch(gateway, token);
    } catch (error) {
      if (!endOf((error as Refusal).code)) this.fails();
      throw error;
    }
  }
}

class PageTip extends TipProduct {
  constructor(known: TipProduct["creator"]) {
    super(known.name, null);
    this.creator = known;
  }

  override async prepare(): Promise<void> {}
}
