import type { AccessEnd } from "../interfaces.js";

/** What a refusal does to an access; nothing if it comes from elsewhere. The gateway may get its key back from a backup, and a
 * proxy that removed the Authorization header may be repaired. */
export function endOf(code: string): AccessEnd | undefined {
  if (!/^(access|token|payment)_/.test(code)) return undefined;
  return /refunded/.test(code) ? "refunded" : /_(unknown_key|required)/.test(code) ? "kept" : "lost";
}
