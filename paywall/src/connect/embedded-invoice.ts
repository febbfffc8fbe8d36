/** The invoice of a page that embeds us, shown here so that the reader's own wallet pays it: that page holds its token, and
 * opens by itself. */

import type { Gateway, Invoice, InvoiceState } from "../gateway.js";
import type { Place, Tell } from "./host-page.js";

const PAUSE_MILLISECONDS = 2_000;
const TOLD: Record<InvoiceState, string> = { open: "waiting", expired: "stale", settled: "back", canceled: "stale" };

export async function follow(gateway: Gateway, hash: string, place: Place, tell: Tell): Promise<void> {
  for (let state = ""; !/settled|canceled/.test(state) && location.hash.endsWith(hash);) {
    try {
      const invoice = await gateway.invoice(hash);
      // Only an invoice of this page: what is paid for stands above it.
      const { pathname } = new URL((invoice as Invoice & { pay_url: string }).pay_url);
      if (pathname !== location.pathname) return location.replace(pathname + location.hash);
      if (!state && invoice.payment_request) show(gateway, invoice, place);
      if (invoice.state !== state) tell(TOLD[invoice.state]);
      state = invoice.state;
    } catch {
      tell("offline");
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}

function show(gateway: Gateway, invoice: Invoice, place: Place): void {
  const part = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
  const { lang } = document.documentElement;
  part<HTMLImageElement>("qr").src = gateway.url(`v1/invoices/${invoice.payment_hash}/qr.svg`);
  part<HTMLAnchorElement>("wallet").href = "lightning:" + invoice.payment_request;
  part<HTMLInputElement>("request").value = invoice.payment_request;
  part("amount").textContent = (invoice.amount_msat / 1000).toLocaleString(lang);
  place.show(invoice);
  place.fold.open = true;
}
