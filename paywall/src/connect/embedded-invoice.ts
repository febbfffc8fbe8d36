/** Shows an invoice that an embedding page has created, so that the reader can pay it with the connected wallet. The access
 * token stays in the embedding page, which unlocks the item by itself. */

import type { Gateway, Invoice, InvoiceState } from "../gateway.js";
import type { HostPage, ShowStatus } from "./host-page.js";

const POLL_MILLISECONDS = 2_000;
const STATUS: Record<InvoiceState, string> = { open: "waiting", expired: "stale", settled: "back", canceled: "stale" };

/** Poll the invoice and show its state, until that is final or the address changes. */
export async function follow(gateway: Gateway, hash: string, page: HostPage, showStatus: ShowStatus): Promise<void> {
  for (let state = ""; !/settled|canceled/.test(state) && location.hash.endsWith(hash);) {
    try {
      const invoice = await gateway.invoice(hash);
      // An invoice of another product belongs on that product's page, which shows what is paid for.
      const { pathname } = new URL((invoice as Invoice & { pay_url: string }).pay_url);
      if (pathname !== location.pathname) return location.replace(pathname + location.hash);
      if (!state && invoice.payment_request) show(gateway, invoice, page);
      if (invoice.state !== state) showStatus(STATUS[invoice.state]);
      state = invoice.state;
    } catch {
      showStatus("offline");
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function show(gateway: Gateway, invoice: Invoice, page: HostPage): void {
  const part = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
  const { lang } = document.documentElement;
  part<HTMLImageElement>("qr").src = gateway.url(`v1/invoices/${invoice.payment_hash}/qr.svg`);
  part<HTMLAnchorElement>("wallet").href = "lightning:" + invoice.payment_request;
  part<HTMLInputElement>("request").value = invoice.payment_request;
  part("amount").textContent = (invoice.amount_msat / 1000).toLocaleString(lang);
  page.show(invoice);
  page.details.open = true;
}
