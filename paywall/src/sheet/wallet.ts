/** The wallet that the browser gives to the page. One that readers connect themselves is connected at the gateway, where
 * no script of this page can read what spends from it. */

import type { Wallet } from "../interfaces.js";

/** Looked for at the tap: extensions put theirs into the page late. What only has the name of one is none: an element
 * with that id, or a frame. */
export function walletOf(): Wallet | undefined {
  try {
    const { webln } = globalThis as { webln?: Wallet };
    return typeof webln?.enable === "function" && typeof webln.sendPayment === "function" ? webln : undefined;
  } catch {
    // A frame of another origin.
    return undefined;
  }
}
