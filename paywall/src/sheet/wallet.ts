/** Finds the reader's wallet: the one connected on the gateway's own page, else that of a browser extension (WebLN). */

import type { PaymentContext, Wallet } from "../interfaces.js";

/** Called on each click, because extensions may add `webln` late. The methods are checked, because an element or a frame named
 * `webln` also appears as a global. */
export function walletOf({ connection }: PaymentContext): Wallet | undefined {
  const connected = connection?.wallet();
  if (connected) return connected;
  try {
    const { webln } = globalThis as { webln?: Wallet };
    return typeof webln?.enable === "function" && typeof webln.sendPayment === "function" ? webln : undefined;
  } catch {
    // Reading a property of a cross-origin frame throws.
    return undefined;
  }
}
