/** What this browser has asked for and not yet seen the end of: kept before it is paid, per gateway and subject. */

import { json } from "./dom.js";

export interface Attempt {
  /** The Idempotency-Key, made before the invoice: a repeated request gives the same invoice. */
  key: string;
  body: string;
  /** This browser's clock, ms. */
  ends: number;
  hash?: string;
  token?: string;
  /** A wallet was handed the invoice and may be paying it. */
  asked?: boolean;
  /** Opened here before. */
  paid?: boolean;
}

// What could not be stored (no storage, none allowed, none left): newer than what is, and lost with the page.
const memory = new Map<string, string>();

export class Shelf {
  readonly name: string;

  constructor(gateway: string, subject: string) {
    this.name = `tuppence:${new URL(gateway).origin}:${subject}`;
  }

  /** Whether what was put here last outlives the page. */
  get keeps(): boolean {
    return !memory.has(this.name);
  }

  /** Oldest first. Read anew each time: another tab may have written. */
  attempts(): Attempt[] {
    try {
      const kept: unknown = JSON.parse(memory.get(this.name) ?? localStorage.getItem(this.name) ?? "[]");
      return Array.isArray(kept) ? kept.filter((attempt) => attempt?.key) : [];
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
    memory.set(this.name, text);
    try {
      if (attempts.length) localStorage.setItem(this.name, text);
      else localStorage.removeItem(this.name);
      // Some that keep nothing do not say so.
      if ((localStorage.getItem(this.name) ?? "[]") === text) memory.delete(this.name);
    } catch {
      // It stays in memory.
    }
  }
}

/** 128 random bits and more, as the gateway wants its keys. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(5)).join("-");
}
