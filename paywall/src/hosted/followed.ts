/** Shows the invoice of an embedding page, which leads here so that the reader can pay it with a connected wallet. The access
 * token stays in the embedding page, which unlocks the item by itself. */

import type { Attempt } from "../attempts.js";
import { type Gateway, type Invoice, load } from "../gateway.js";
import type { PaymentContext, Sheet, SheetModule } from "../interfaces.js";
import { type WatchedState, watcherOf } from "../invoice-watcher.js";
import type { MessageId } from "../words.js";

const LEAVES_MILLISECONDS = 1_500;
const RETRY_MILLISECONDS = 2_000;

/** Shows a message in the page's own status line. */
type Say = (id: MessageId | "") => void;

/** The payment hash in the page's address, or "". */
export function followedHash(): string {
  return /^#invoice=([0-9a-f]{64})$/.exec(location.hash)?.[1] ?? "";
}

/** Open the sheet with the invoice and the section for the wallet. No wallet is asked before a press there. Returns the sheet, if
 * the invoice is one of this page. */
export async function follow(hash: string, context: PaymentContext, say: Say): Promise<Sheet | undefined> {
  const { gateway } = context;
  const invoice = await found(gateway, hash, say);
  if (!invoice) return undefined;
  // An invoice of another product belongs on that product's page, which shows what is paid for.
  const { pathname } = new URL(invoice.pay_url);
  if (pathname !== location.pathname) return void location.replace(pathname + location.hash);
  const { makeSheet } = await load<SheetModule>("sheet.js");
  const attempt: Attempt = { key: hash, body: context.terms().body, ends: Date.now(), hash };
  const show = (state: WatchedState) => (state === "settled" ? leave(sheet, say) : sheet.update(attempt, state));
  const sheet: Sheet = makeSheet({
    ...context,
    follows: true,
    obstacle: "",
    store: { attempts: () => [attempt], put() {}, persists: true },
    request: () => gateway.ask("v1/invoices/" + hash),
    watch: () => void watcherOf(gateway).add(hash, show),
    check: () => void watcherOf(gateway).check(),
  });
  sheet.open();
  // The payment request of an invoice that was paid long ago is deleted.
  if (invoice.state === "settled") leave(sheet, say);
  else sheet.unfold("connect");
  return sheet;
}

/** The invoice; nothing if the address names another meanwhile. */
async function found(gateway: Gateway, hash: string, say: Say): Promise<Invoice & { pay_url: string } | undefined> {
  while (followedHash() === hash) {
    try {
      const invoice = await gateway.json<Invoice & { pay_url: string }>("v1/invoices/" + hash);
      say("");
      return invoice;
    } catch (error) {
      if ((error as { status?: number }).status === 404) throw error;
      say("offline");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }
  return undefined;
}

/** A browser closes only a tab that shows nothing but this page; else the reader reads where to go. */
function leave(sheet: Sheet, say: Say): void {
  sheet.paid("back");
  say("back");
  setTimeout(() => close(), LEAVES_MILLISECONDS);
}
