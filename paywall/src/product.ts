/** The two kinds of product: an item, which a payment unlocks, and a tip. */

import { summary } from "./summary.js";
import { json } from "./dom.js";
import { bearer, type Creator, type Gateway, type Item } from "./gateway.js";
import type { Language } from "./language.js";

const DEFAULT_TIP_SAT = 100;

/** The terms of an invoice to ask for, and their description for the reader. */
export interface Terms {
  title: string;
  creator: string;
  amount_msat: number;
  summary: string;
  /** Path and body of the POST request that creates the invoice. */
  path: string;
  body: string;
}

export interface Product {
  /** Identifies the product in browser storage: the item id, or `@` and the creator's name. */
  readonly name: string;
  /** Whether a payment unlocks the product again on later visits. True for items, false for tips. */
  readonly reopens: boolean;
  readonly accent: string;
  readonly forSale: boolean;
  /** Fetch the item or the creator. Throws Refusal, Unreachable; so does `fetch`. */
  prepare(gateway: Gateway): Promise<void>;
  terms(language: Language): Terms;
  /** Fetch the paid content with an access token. */
  fetch(gateway: Gateway, token: string): Promise<void>;
}

export class ItemProduct implements Product {
  readonly reopens = true;
  item!: Item;
  /** Of a text: HTML that the gateway has sanitised. Of a sealed text: its key, a JWK in JSON. */
  html = "";
  /** Of a file: a signed link, valid for an hour. */
  url = "";

  constructor(private readonly id: string) {}

  get name(): string {
    return this.id;
  }

  get accent(): string {
    return this.item.accent;
  }

  get forSale(): boolean {
    return this.item.for_sale;
  }

  async prepare(gateway: Gateway): Promise<void> {
    this.item = await gateway.json("v1/items/" + encodeURIComponent(this.id));
  }

  terms(language: Language): Terms {
    const { title, creator_title, price_msat } = this.item;
    const path = `v1/items/${this.item.id}/invoices`;
    return { title, creator: creator_title, amount_msat: price_msat, summary: summary(this.item, language), path, body: "{}" };
  }

  async fetch(gateway: Gateway, token: string): Promise<void> {
    const path = `v1/items/${this.item.id}/`;
    if (this.item.kind === "file") this.url = (await (await gateway.ask(path + "links", { method: "POST", ...bearer(token) })).json()).url;
    else this.html = await (await gateway.ask(path + "content", bearer(token))).text();
  }
}

export class TipProduct implements Product {
  readonly reopens = false;
  readonly forSale = true;
  creator!: Creator;
  note: { name?: string; message?: string } = {};
  amountSat: number;

  /** `amount` is in whole sats; anything else gives the default amount. */
  constructor(private readonly to: string, amount: string | null) {
    this.amountSat = /^[1-9]\d{0,7}$/.test(amount ?? "") ? Number(amount) : DEFAULT_TIP_SAT;
  }

  get name(): string {
    return "@" + this.to;
  }

  get accent(): string {
    return this.creator.accent;
  }

  async prepare(gateway: Gateway): Promise<void> {
    this.creator = await gateway.json("v1/creators/" + encodeURIComponent(this.to));
  }

  terms(language: Language): Terms {
    const { name, title } = this.creator;
    const amount_msat = this.amountSat * 1000;
    return {
      title: language.say("leaveTip", { name: title }), creator: title, amount_msat, summary: "",
      path: `v1/creators/${name}/tips`, body: json({ amount_msat, ...this.note }),
    };
  }

  async fetch(gateway: Gateway, token: string): Promise<void> {
    await gateway.ask("v1/receipt", bearer(token));
  }
}
