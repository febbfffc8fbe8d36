/** The reader's wallet: one that they connected themselves, else the one that the browser gives to the page. */

import { load } from "../gateway.js";
import type { Connect, Wallet } from "../sale.js";

const SHELF = "tuppence:wallet";

let current: string | undefined;
let connected: Wallet | undefined;

/** Looked for at the tap: extensions put theirs into the page late. */
export function walletOf(): Wallet | undefined {
  const address = connection();
  if (address) return (connected ??= overNostr(address));
  return (globalThis as { webln?: Wallet }).webln;
}

/** The address of the connected wallet, "" if there is none. */
export function connection(): string {
  try {
    return (current ??= localStorage.getItem(SHELF) ?? "");
  } catch {
    return (current ??= "");
  }
}

/** For as long as the page lives, or `keep` it for this site; "" disconnects. */
export function useConnection(address: string, keep: boolean): void {
  [current, connected] = [address, undefined];
  try {
    if (keep) localStorage.setItem(SHELF, address);
    else localStorage.removeItem(SHELF);
  } catch {
    // A browser without storage has nothing to keep it in.
  }
}

function overNostr(address: string): Wallet {
  let wallet: Wallet;
  return {
    isRemote: true,
    enable: async () => (wallet = (await load<Connect>("connect.js")).connect(address)).enable(),
    sendPayment: (paymentRequest) => wallet.sendPayment(paymentRequest),
  };
}
