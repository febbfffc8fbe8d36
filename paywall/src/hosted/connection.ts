/** The connection to the reader's wallet, for this visit or kept in this browser. */

import { load } from "../gateway.js";
import type { ConnectModule, Connection, Wallet } from "../interfaces.js";

const STORAGE_KEY = "tuppence:connection";

export class WalletConnection implements Connection {
  #ofVisit = "";

  /** Read from storage each time, because another tab may have disconnected the wallet. */
  get address(): string {
    return this.#ofVisit || storedAddress();
  }

  wallet(): Wallet | undefined {
    const { address } = this;
    if (!address) return undefined;
    let loaded: Promise<Wallet> | undefined;
    const wallet = () => (loaded ??= load<ConnectModule>("connect.js").then(({ overNostr }) => overNostr(address)));
    return {
      async enable() {
        try {
          await (await wallet()).enable();
        } catch (error) {
          throw Object.assign(new Error(String(error)), { name: "Unreachable" });
        }
      },
      sendPayment: async (paymentRequest) => (await wallet()).sendPayment(paymentRequest),
    };
  }

  use(address: string, keep: boolean): void {
    try {
      if (keep) localStorage.setItem(STORAGE_KEY, address);
      else localStorage.removeItem(STORAGE_KEY);
    } catch {
      // Without storage the connection lasts until the page is closed.
    }
    this.#ofVisit = storedAddress() === address ? "" : address;
  }
}

function storedAddress(): string {
  try {
    return localStorage.getItem(STORAGE_KEY) ?? "";
  } catch {
    return "";
  }
}
