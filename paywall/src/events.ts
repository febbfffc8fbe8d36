/** The events that an element dispatches. All of them bubble and cross shadow roots. */

import type { Invoice } from "./gateway.js";

export interface Details {
  /** The element has loaded and shows its price or its paid content. */
  ready: { title: string; amount_msat: number | null };
  /** The payment sheet shows an invoice. The access token is left out. */
  invoice: Omit<Invoice, "access_token">;
  /** The gateway has reported the invoice as settled. */
  paid: { payment_hash: string };
  /** The paid content is in the page. `again` is true if it was paid earlier. */
  unlocked: { payment_hash: string; again: boolean };
  /** The shown invoice has expired. A payment that still arrives counts. */
  expired: { payment_hash: string };
  /** A request failed; `code` is the gateway's error code, or `unreachable`. */
  error: { code: string; message: string };
}

// Some libraries replace the global `Event`; the prototype of `CustomEvent` is the original.
const OwnEvent: typeof Event = Object.getPrototypeOf(CustomEvent);

export class TuppenceEvent<Name extends keyof Details> extends OwnEvent {
  constructor(name: Name, readonly detail: Details[Name]) {
    super("tuppence-" + name, { bubbles: true, composed: true });
  }
}

export type Emit = <Name extends keyof Details>(name: Name, detail: Details[Name]) => void;
