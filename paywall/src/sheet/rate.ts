/** Converts an amount into the gateway's fiat currency. */

import type { Gateway } from "../gateway.js";
import type { Language } from "../language.js";

const MSAT_PER_BITCOIN = 100_000_000_000;
const SMALLEST_COIN = 0.01;

interface Rate {
  currency: string;
  per_bitcoin: number;
}

/** Fetch the exchange rate; null if the gateway has none. */
export async function rateOf(gateway: Gateway): Promise<Rate | null> {
  try {
    return await (await gateway.ask("v1/rate")).json();
  } catch {
    return null;
  }
}

export function inCurrency(msat: number, { currency, per_bitcoin }: Rate, language: Language): string {
  const value = (msat / MSAT_PER_BITCOIN) * per_bitcoin;
  const digits = value < SMALLEST_COIN ? { maximumSignificantDigits: 1 } : {};
  return "≈ " + language.number(value, { style: "currency", currency, ...digits });
}
