/** Reads the amount of an invoice in msat, as a wallet does (BOLT 11); undefined if the invoice names none. */

const PART: Record<string, bigint> = { "": 1n, m: 1_000n, u: 1_000_000n, n: 1_000_000_000n, p: 1_000_000_000_000n };
const MSAT_PER_BITCOIN = 100_000_000_000n;

export function amountOf(paymentRequest: string): number | undefined {
  const head = paymentRequest.toLowerCase().slice(0, paymentRequest.lastIndexOf("1"));
  const found = /^ln(?:bcrt|tbs|bc|tb|sb)(\d+)([munp]?)$/.exec(head);
  if (!found) return undefined;
  return Number((BigInt(found[1] as string) * MSAT_PER_BITCOIN) / (PART[found[2] as string] as bigint));
}
