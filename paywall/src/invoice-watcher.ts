/** The unpaid invoices of a page, watched until they are final. Over HTTP/1.1 a browser has six connections to the gateway
 * for all of its tabs: of all pages of an origin one that is seen holds one stream, for its newest invoice. All else is
 * asked for in turn. */

import { ofDocument } from "./dom.js";
import type { Gateway, InvoiceState } from "./gateway.js";

const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 10_000;
const EACH = 500;
// A connection that died without a word still counts as open to the browser.
const STREAMED_PAUSE = 30_000;

/** `offline` when there is no answer, or none that says what became of it: a gateway may come back from a backup. */
export type Told = InvoiceState | "offline";
type Hear = (told: Told) => void;

const watches = new Map<string, Watch>();

export function watchOf(gateway: Gateway): Watch {
  const { base } = gateway;
  if (!watches.has(base)) watches.set(base, new Watch(gateway));
  return watches.get(base) as Watch;
}

class Watch {
  /** By hash, the newest last. */
  readonly #heard = new Map<string, Set<Hear>>();
  #source: EventSource | undefined;
  #streamed = "";
  #turn: AbortController | undefined;
  #free: (() => void) | undefined;
  #timer = 0;
  #pause = FIRST_PAUSE;
  #looking = false;

  constructor(private readonly gateway: Gateway) {
    document.addEventListener("visibilitychange", () => this.#listen());
  }

  /** Tells `hear` each state of an invoice; gives what ends that. */
  add(hash: string, hear: Hear): () => void {
    const all = this.#heard.get(hash) ?? new Set();
    this.#heard.delete(hash);
    this.#heard.set(hash, all.add(hear));
    this.#listen();
    this.#wait();
    return () => {
      all.delete(hear);
      if (!all.size && this.#heard.get(hash) === all) this.#end(hash);
    };
  }

  /** Ask for every invoice now, one after the other, and listen again where the stream was cut. */
  async look(): Promise<void> {
    this.#listen();
    if (this.#looking) return;
    this.#looking = true;
    // What is added meanwhile is asked for, too.
    for (const hash of this.#heard.keys()) {
      try {
        const { state } = await this.gateway.invoice(hash);
        this.#pause = FIRST_PAUSE;
        this.#tell(hash, state);
      } catch {
        this.#tell(hash, "offline");
      }
    }
    this.#looking = false;
  }

  #tell(hash: string, told: Told): void {
    const all = this.#heard.get(hash);
    if (told === "settled" || told === "canceled") this.#end(hash);
    all?.forEach((hear) => hear(told));
  }

  #end(hash: string): void {
    this.#heard.delete(hash);
    this.#listen();
  }

  #listen(): void {
    const newest = ofDocument("hidden") ? undefined : [...this.#heard.keys()].at(-1);
    if (!newest) return this.#leave();
    if (!this.#free) return this.#queue();
    if (newest === this.#streamed && this.#source?.readyState !== EventSource.CLOSED) return;
    this.#source?.close();
    this.#streamed = newest;
    this.#source = this.gateway.events(newest);
    for (const state of ["open", "expired", "settled", "canceled"] as const) {
      this.#source.addEventListener(state, () => this.#tell(newest, state));
    }
  }

  /** Wait for the turn to hold the stream of this origin. */
  #queue(): void {
    if (this.#turn) return;
    const { signal } = (this.#turn = new AbortController());
    const hold = () => new Promise<void>((free) => {
      this.#free = free;
      this.#listen();
    });
    // Without locks (plain http) only what is seen tells the tabs apart.
    if (!navigator.locks) return void hold();
    // A page without an origin of its own has no turn: it asks.
    navigator.locks.request("tuppence:" + this.gateway.base, { signal }, hold).catch(() => {});
  }

  #leave(): void {
    this.#source?.close();
    this.#turn?.abort();
    this.#free?.();
    this.#source = this.#turn = this.#free = undefined;
    this.#streamed = "";
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const { size } = this.#heard;
    if (!size) return;
    const isStreamed = size === 1 && this.#source?.readyState === EventSource.OPEN;
    this.#timer = setTimeout(async () => {
      // A page that nobody looks at asks nothing; it looks when the reader returns.
      if (!ofDocument("hidden")) await this.look();
      this.#wait();
    }, isStreamed ? STREAMED_PAUSE : this.#pause + size * EACH);
    this.#pause = Math.min(this.#pause * 1.5, LONGEST_PAUSE);
  }
}
