/** A wallet that is reached over Nostr Wallet Connect (NIP-47). */

import { Nip47PublishError, Nip47PublishTimeoutError, Nip47ReplyTimeoutError, Nip47ResponseDecodingError, NWCClient } from "@getalby/sdk/nwc";
import type { Wallet } from "../interfaces.js";

// After these errors the payment may still be in flight.
const UNCERTAIN = [Nip47PublishError, Nip47PublishTimeoutError, Nip47ReplyTimeoutError, Nip47ResponseDecodingError];

export function overNostr(connection: string): Wallet {
  const client = new NWCClient({ nostrWalletConnectUrl: connection, requireSecret: true });
  return {
    async enable() {
      try {
        return await client.getWalletServiceInfo();
      } catch (error) {
        client.close();
        throw error;
      }
    },
    async sendPayment(invoice) {
      try {
        return await client.payInvoice({ invoice });
      } catch (error) {
        if (!UNCERTAIN.some((kind) => error instanceof kind)) throw error;
        return new Promise(() => {});
      } finally {
        client.close();
      }
    },
  };
}
