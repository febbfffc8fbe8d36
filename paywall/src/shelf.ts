/** What this browser has asked for and not yet seen the end of: kept before it is paid, per gateway and subject. */

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

// What a browser without storage keeps, for as long as the page lives.
const memory = new Map<string, string>();

export class Shelf {
  readonly name: string;

  constructor(gateway: string, subject: string) {
    this.name = `tuppence:${new URL(gateway).origin}:${subject}`;
  }

  /** Oldest first. Read anew each time: another tab may have written. */
  attempts(): Attempt[] {
    try {
      const kept: unknown = JSON.parse(this.#read() ?? "[]");
      return Array.isArray(kept) ? kept : [];
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

  #read(): string | null {
    try {
      return localStorage.getItem(this.name);
    } catch {
      return memory.get(this.name) ?? null;
    }
  }

  #write(attempts: Attempt[]): void {
    const text = JSON.stringify(attempts);
    try {
      if (attempts.length) localStorage.setItem(this.name, text);
      else localStorage.removeItem(this.name);
    } catch {
      memory.set(this.name, text);
    }
  }
}

/** 128 random bits and more, as the gateway wants its keys. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(5)).join("-");
}
