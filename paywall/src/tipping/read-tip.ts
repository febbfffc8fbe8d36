import type { TipProduct } from "../product.js";

/** Take the amount and the note from the form of a tip. Returns the amount in sats, or 0 if it is no whole one up to `most`. */
export function readTip(form: HTMLFormElement, product: TipProduct, most: number): number {
  const { amount = "", own = "", name = "", message = "" } = Object.fromEntries(new FormData(form)) as Record<string, string>;
  const typed = amount || own.trim();
  const sat = /^\d+$/.test(typed) && Number(typed) <= most ? Number(typed) : 0;
  if (sat) product.amountSat = sat;
  product.note = { ...(name && { name }), ...(message && { message }) };
  return sat;
}
