/** Watches the unpaid invoices of a page until their state is final. Over HTTP/1.1 a browser opens at most six connections to
 * a host, shared by all tabs. Therefore only one visible page per origin keeps an event stream, for its newest invoice; all
 * other invoices are polled. */

import { documentProperty } from "./dom.js";
import type { Gateway, InvoiceState } from "./gateway.js";

const FIRST_PAUSE_MILLISECONDS = 2_000;
const LONGEST_PAUSE_MILLISECONDS = 10_000;
const PER_INVOICE_MILLISECONDS = 500;
// Polling goes on beside the stream because the browser does not notice a dead connection.
const STREAMED_PAUSE_MILLISECONDS = 30_000;

/** `offline`: no response, or an error. An error is not final because the gateway may be restored from a backup. */
export type WatchedState = InvoiceState | "offline";
type Listener = (state: WatchedState) => void;

const watchers = new Map<string, InvoiceWatcher>();

/** The watcher that all elements of a gateway share. */
export function watcherOf(gateway: Gateway): InvoiceWatcher {
  const { base } = gateway;
  if (!watchers.has(base)) watchers.set(base, new InvoiceWatcher(gateway));
  return watchers.get(base) as InvoiceWatcher;
}

class InvoiceWatcher {
  /** By payment hash, the newest last. */
  readonly #listeners = new Map<string, Set<Listener>>();
  #source: EventSource | undefined;
  #streamedHash = "";
  #lockRequest: AbortController | undefined;
  #releaseLock: (() => void) | undefined;
  #timer = 0;
  #pause = FIRST_PAUSE_MILLISECONDS;
  #checking = false;

  constructor(private readonly gateway: Gateway) {
    document.addEventListener("visibilitychange", () => this.#openStream());
  }

  /** Call `listener` with each state of an invoice. Returns a function that removes it. */
  add(hash: string, listener: Listener): () => void {
    const all = this.#listeners.get(hash) ?? new Set();
    this.#listeners.delete(hash);
    this.#listeners.set(hash, all.add(listener));
    this.#openStream();
    this.#schedule();
    return () => {
      all.delete(listener);
      if (!all.size && this.#listeners.get(hash) === all) this.#remove(hash);
    };
  }

  /** Poll every invoice now, one after the other, and reopen the stream if it was cut. */
  async check(): Promise<void> {
    this.#openStream();
    if (this.#checking) return;
    this.#checking = true;
    // Invoices that are added meanwhile are polled as well.
    for (const hash of this.#listeners.keys()) {
      try {
        const { state } = await this.gateway.invoice(hash);
        this.#pause = FIRST_PAUSE_MILLISECONDS;
        this.#notify(hash, state);
      } catch {
        this.#notify(hash, "offline");
      }
    }
    this.#checking = false;
  }

  #notify(hash: string, state: WatchedState): void {
    const all = this.#listeners.get(hash);
    if (state === "settled" || state === "canceled") this.#remove(hash);
    all?.forEach((listener) => listener(state));
  }

  #remove(hash: string): void {
    this.#listeners.delete(hash);
    this.#openStream();
  }

  #openStream(): void {
    const newest = documentProperty("hidden") ? undefined : [...this.#listeners.keys()].at(-1);
    if (!newest) return this.#closeStream();
    if (!this.#releaseLock) return this.#waitForLock();
    if (newest === this.#streamedHash && this.#source?.readyState !== EventSource.CLOSED) return;
    this.#source?.close();
    this.#streamedHash = newest;
    this.#source = this.gateway.events(newest);
    for (const state of ["open", "expired", "settled", "canceled"] as const) {
      this.#source.addEventListener(state, () => this.#notify(newest, state));
    }
  }

  /** Wait for the lock that allows one stream per origin. */
  #waitForLock(): void {
    if (this.#lockRequest) return;
    const { signal } = (this.#lockRequest = new AbortController());
    const hold = () => new Promise<void>((release) => {
      this.#releaseLock = release;
      this.#openStream();
    });
    // The Web Locks API is missing over plain HTTP; then every visible page opens a stream.
    if (!navigator.locks) return void hold();
    // A page with an opaque origin gets no lock, so it polls.
    navigator.locks.request("tuppence:" + this.gateway.base, { signal }, hold).catch(() => {});
  }

  #closeStream(): void {
    this.#source?.close();
    this.#lockRequest?.abort();
    this.#releaseLock?.();
    this.#source = this.#lockRequest = this.#releaseLock = undefined;
    this.#streamedHash = "";
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { size } = this.#listeners;
    if (!size) return;
    const isStreamed = size === 1 && this.#source?.readyState === EventSource.OPEN;
    this.#timer = setTimeout(async () => {
      // A hidden page does not poll; it checks when it becomes visible.
      if (!documentProperty("hidden")) await this.check();
      this.#schedule();
    }, isStreamed ? STREAMED_PAUSE_MILLISECONDS : this.#pause + size * PER_INVOICE_MILLISECONDS);
    this.#pause = Math.min(this.#pause * 1.5, LONGEST_PAUSE_MILLISECONDS);
  }
}
