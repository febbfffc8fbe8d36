/** What can be paid for: an item, which opens, or a tip, which is thanked for. */

import { buys } from "./summary.js";
import { json } from "./dom.js";
import { bearer, type Creator, type Gateway, type Item } from "./gateway.js";
import type { Language } from "./language.js";

const USUAL_TIP_SAT = 100;

/** What is paid for. */
export interface Subject {
  title: string;
  creator: string;
  amount_msat: number;
  buys: string;
  /** Where its invoices are made, and with which body. */
  path: string;
  body: string;
}

export interface Goods {
  /** On the shelf, among this gateway's. */
  readonly name: string;
  /** Whether it stays open for the one who paid. */
  readonly keeps: boolean;
  readonly accent: string;
  readonly forSale: boolean;
  /** Throws Refusal, Unreachable; so does `collect`. */
  prepare(gateway: Gateway): Promise<void>;
  subject(language: Language): Subject;
  /** Fetch what a token opens. */
  collect(gateway: Gateway, token: string): Promise<void>;
}

export class ItemGoods implements Goods {
  readonly keeps = true;
  item!: Item;
  /** Sanitised by the gateway; of a text. Of a sealed one: its key, as JSON. */
  html = "";
  /** A signed link, for an hour; of a file. */
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
    this.item = await gateway.item(this.id);
  }

  subject(language: Language): Subject {
    const { title, creator_title, price_msat } = this.item;
    const path = `v1/items/${this.item.id}/invoices`;
    return { title, creator: creator_title, amount_msat: price_msat, buys: buys(this.item, language), path, body: "{}" };
  }

  async collect(gateway: Gateway, token: string): Promise<void> {
    const path = `v1/items/${this.item.id}/`;
    if (this.item.kind === "file") this.url = (await (await gateway.ask(path + "links", { method: "POST", ...bearer(token) })).json()).url;
    else this.html = await (await gateway.ask(path + "content", bearer(token))).text();
  }
}

export class TipGoods implements Goods {
  readonly keeps = false;
  readonly forSale = true;
  creator!: Creator;
  note: { name?: string; message?: string } = {};

  amountSat: number;

  /** `amount` in whole sats; what is none is the usual one. */
  constructor(private readonly to: string, amount: string | null) {
    this.amountSat = /^[1-9]\d{0,7}$/.test(amount ?? "") ? Number(amount) : USUAL_TIP_SAT;
  }

  get name(): string {
    return "@" + this.to;
  }

  get accent(): string {
    return this.creator.accent;
  }

  async prepare(gateway: Gateway): Promise<void> {
    this.creator = await gateway.creator(this.to);
  }

  subject(language: Language): Subject {
    const { name, title } = this.creator;
    const amount_msat = this.amountSat * 1000;
    return {
      title: language.say("leaveTip", { name: title }), creator: title, amount_msat, buys: "",
      path: `v1/creators/${name}/tips`, body: json({ amount_msat, ...this.note }),
    };
  }

  async collect(gateway: Gateway, token: string): Promise<void> {
    await gateway.ask("v1/receipt", bearer(token));
  }
}
