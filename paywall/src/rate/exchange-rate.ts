/** Converts amounts at the gateway's exchange rate. */

import type { Gateway } from "../gateway.js";
import type { Language } from "../language.js";

const MSAT_PER_BITCOIN = 100_000_000_000;
const SMALLEST_COIN = 0.01;

export interface Rate {
  currency: string;
  per_bitcoin: number;
  /** It is not the reader's own currency. */
  fallback?: boolean;
  /** It is a sample, as in the demo. */
  fixed?: boolean;
}

const known = new Map<string, Promise<Rate | null>>();

/** Fetch the exchange rate, once for all elements of a page; null if the gateway has none. */
export function rateOf(gateway: Gateway): Promise<Rate | null> {
  const rate = known.get(gateway.base) ?? gateway.json<Rate | null>("v1/rate").catch(() => (known.delete(gateway.base), null));
  known.set(gateway.base, rate);
  return rate;
}

/** A currency that is not the reader's own is named by its code, as `$` is a coin of many countries. */
export function inCurrency(msat: number, { currency, per_bitcoin, fallback }: Rate, language: Language): string {
  const value = (msat / MSAT_PER_BITCOIN) * per_bitcoin;
  const digits = value < SMALLEST_COIN ? { maximumSignificantDigits: 1 } : {};
  return "≈ " + language.number(value, { style: "currency", currency, currencyDisplay: fallback ? "code" : "symbol", ...digits });
}
