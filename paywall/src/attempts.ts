/** Stores payment attempts in the browser, per gateway and product. An attempt is stored before its invoice is requested, so
 * that a closed page loses no payment. */

import { json } from "./dom.js";

export interface Attempt {
  /** The Idempotency-Key: a repeated request returns the same invoice. */
  key: string;
  body: string;
  /** When the invoice expires, in milliseconds by this browser's clock. */
  ends: number;
  hash?: string;
  token?: string;
  /** Whether a wallet has received the invoice and may be paying it. */
  asked?: boolean;
  /** Whether it has been unlocked in this browser. */
  paid?: boolean;
}

// Attempts that localStorage did not accept (absent, forbidden or full). They override the stored ones and are lost with the
// page.
const memory = new Map<string, string>();

export class AttemptStore {
  readonly key: string;

  constructor(gateway: string, productId: string) {
    this.key = `tuppence:${new URL(gateway).origin}:${productId}`;
  }

  /** Whether the last write outlives the page. */
  get persists(): boolean {
    return !memory.has(this.key);
  }

  /** Oldest first. Read from storage each time because another tab may have written. */
  attempts(): Attempt[] {
    try {
      const stored: unknown = JSON.parse(memory.get(this.key) ?? localStorage.getItem(this.key) ?? "[]");
      return Array.isArray(stored) ? stored.filter((attempt) => attempt?.key) : [];
    } catch {
      return [];
    }
  }

  put(attempt: Attempt): void {
    const others = this.attempts().filter((other) => other.key !== attempt.key);
    this.#write([...others, attempt]);
  }

  drop(attempt: Attempt): void {
    this.#write(this.attempts().filter((other) => other.key !== attempt.key));
  }

  #write(attempts: Attempt[]): void {
    const text = json(attempts);
    memory.set(this.key, text);
    try {
      if (attempts.length) localStorage.setItem(this.key, text);
      else localStorage.removeItem(this.key);
      // Some browsers discard a write without an error.
      if ((localStorage.getItem(this.key) ?? "[]") === text) memory.delete(this.key);
    } catch {
      // The attempts stay in memory.
    }
  }
}

/** A new Idempotency-Key with 160 random bits; the gateway requires at least 128. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(5)).join("-");
}
