/** The wallets that the gateway names to readers who have none. */

import type { Gateway } from "../gateway.js";

type Device = "ios" | "android" | "browser";

export interface Wallet {
  name: string;
  url: string;
  devices: Device[];
  /** About how long it takes to set up. */
  minutes: number;
}

const PATIENCE_MILLISECONDS = 2_000;
const known = new Map<string, Promise<Wallet[]>>();

/** Fetch the list, once for all elements of a page. The steps make sense without it, so they do not wait for it long. */
export function walletsOf(gateway: Gateway): Promise<Wallet[]> {
  const wallets = known.get(gateway.base) ?? gateway.json<Wallet[]>("v1/wallets").catch(() => (known.delete(gateway.base), []));
  known.set(gateway.base, wallets);
  return Promise.race([wallets, new Promise<Wallet[]>((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS, []))]);
}

/** The reader's phone or tablet; undefined on a computer. An iPad calls itself a Mac, but no Mac has a touch screen. */
export function deviceOf({ userAgent, maxTouchPoints }: Navigator): Device | undefined {
  if (userAgent.includes("Android")) return "android";
  return /iPhone|iPad|iPod/.test(userAgent) || (userAgent.includes("Macintosh") && maxTouchPoints > 1) ? "ios" : undefined;
}
