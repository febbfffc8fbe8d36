/** Shows the invoice of an embedding page, which leads here so that the reader can pay it with a connected wallet. The access
 * token stays in the embedding page, which unlocks the item by itself. */

import type { Attempt, AttemptStore } from "../attempts.js";
import { type Gateway, type Invoice, load } from "../gateway.js";
import type { PaymentContext, Sheet, SheetModule } from "../interfaces.js";
import { watcherOf } from "../invoice-watcher.js";

const LEAVES_MILLISECONDS = 1_500;
const RETRY_MILLISECONDS = 2_000;

/** The payment hash in the page's address, or "". */
export function followedHash(): string {
  return /^#invoice=([0-9a-f]{64})$/.exec(location.hash)?.[1] ?? "";
}

/** Open the sheet with the invoice and the section for the wallet. */
export async function follow(hash: string, context: PaymentContext): Promise<void> {
  const { gateway } = context;
  const invoice = await found(gateway, hash);
  // An invoice of another product belongs on that product's page, which shows what is paid for.
  const { pathname } = new URL(invoice.pay_url);
  if (pathname !== location.pathname) return location.replace(pathname + location.hash);
  const { makeSheet } = await load<SheetModule>("sheet.js");
  const attempt: Attempt = { key: hash, body: context.terms().body, ends: Date.now(), hash };
  const sheet: Sheet = makeSheet({
    ...context,
    follows: true,
    obstacle: "",
    store: { attempts: () => [attempt], put() {}, drop() {}, persists: true } as unknown as AttemptStore,
    request: () => gateway.ask("v1/invoices/" + hash),
    watch: () => void watcherOf(gateway).add(hash, (state) => (state === "settled" ? leave(sheet) : sheet.update(attempt, state))),
    check: () => void watcherOf(gateway).check(),
  });
  sheet.open();
  sheet.unfold("connect");
}

async function found(gateway: Gateway, hash: string): Promise<Invoice & { pay_url: string }> {
  for (;;) {
    try {
      return await gateway.json("v1/invoices/" + hash);
    } catch (error) {
      if ((error as { status?: number }).status === 404) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }
}

/** A browser closes only a tab that shows nothing but this page; else the reader reads where to go. */
function leave(sheet: Sheet): void {
  sheet.paid("back");
  setTimeout(() => close(), LEAVES_MILLISECONDS);
}
