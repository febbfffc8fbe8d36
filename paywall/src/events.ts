/** What an element tells the page around it. All bubble, and cross shadow roots. */

import type { Invoice } from "./gateway.js";

abstract class TuppenceEvent<Detail> extends Event {
  constructor(name: string, readonly detail: Detail) {
    super("tuppence-" + name, { bubbles: true, composed: true });
  }
}

/** The element shows its price, or what was paid. */
export class ReadyEvent extends TuppenceEvent<{ title: string; amount_msat: number | null }> {
  constructor(title: string, amount_msat: number | null) {
    super("ready", { title, amount_msat });
  }
}

/** An invoice is shown. It carries no token. */
export class InvoiceEvent extends TuppenceEvent<Omit<Invoice, "access_token">> {
  constructor({ access_token: _, ...invoice }: Invoice) {
    super("invoice", invoice);
  }
}

/** The gateway says that the invoice is settled. */
export class PaidEvent extends TuppenceEvent<{ payment_hash: string }> {
  constructor(payment_hash: string) {
    super("paid", { payment_hash });
  }
}

/** What was paid for is in the page. `again`: it was paid before. */
export class UnlockedEvent extends TuppenceEvent<{ payment_hash: string; again: boolean }> {
  constructor(payment_hash: string, again: boolean) {
    super("unlocked", { payment_hash, again });
  }
}

/** The shown invoice has expired. If it is paid all the same, it counts. */
export class ExpiredEvent extends TuppenceEvent<{ payment_hash: string }> {
  constructor(payment_hash: string) {
    super("expired", { payment_hash });
  }
}

/** Something was refused or cannot be reached; `code` is the gateway's, or `unreachable`. */
export class ErrorEvent extends TuppenceEvent<{ code: string; message: string }> {
  constructor(code: string, message: string) {
    super("error", { code, message });
  }
}
