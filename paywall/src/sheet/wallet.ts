/** Finds the WebLN wallet of a browser extension. */

import type { Wallet } from "../interfaces.js";

/** Called on each click, because extensions may add `webln` late. The methods are checked, because an element or a frame named
 * `webln` also appears as a global. */
export function walletOf(): Wallet | undefined {
  try {
    const { webln } = globalThis as { webln?: Wallet };
    return typeof webln?.enable === "function" && typeof webln.sendPayment === "function" ? webln : undefined;
  } catch {
    // Reading a property of a cross-origin frame throws.
    return undefined;
  }
}
