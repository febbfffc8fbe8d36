/** What an element tells the page around it. All bubble, and cross shadow roots. */

import type { Invoice } from "./gateway.js";

export interface Details {
  /** The element shows its price, or what was paid. */
  ready: { title: string; amount_msat: number | null };
  /** An invoice is shown. It carries no token. */
  invoice: Omit<Invoice, "access_token">;
  /** The gateway says that the invoice is settled. */
  paid: { payment_hash: string };
  /** What was paid for is in the page. `again`: it was paid before. */
  unlocked: { payment_hash: string; again: boolean };
  /** The shown invoice has expired. If it is paid all the same, it counts. */
  expired: { payment_hash: string };
  /** Something was refused or cannot be reached; `code` is the gateway's, or `unreachable`. */
  error: { code: string; message: string };
}

// Libraries have put something else in the place of `Event`.
const OwnEvent: typeof Event = Object.getPrototypeOf(CustomEvent);

export class TuppenceEvent<Name extends keyof Details> extends OwnEvent {
  constructor(name: Name, readonly detail: Details[Name]) {
    super("tuppence-" + name, { bubbles: true, composed: true });
  }
}

export type Tell = <Name extends keyof Details>(name: Name, detail: Details[Name]) => void;
