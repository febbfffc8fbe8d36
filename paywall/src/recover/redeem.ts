/** Exchanges a recovery code for an access token. */

import { json } from "../dom.js";
import type { Gateway } from "../gateway.js";

/** Throws Refusal, Unreachable. */
export async function redeem(gateway: Gateway, code: string): Promise<{ access_token: string; item_id: string | null }> {
  const headers = { "Content-Type": "application/json" };
  return (await gateway.ask("v1/recoveries", { method: "POST", headers, body: json({ code }) })).json();
}
