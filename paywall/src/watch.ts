/** One invoice, watched until it is final: a stream while there is one, looks with growing pauses while there is none. */

import { type Gateway, type InvoiceState, Refusal } from "./gateway.js";

const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 10_000;
// A connection that died without a word still counts as open to the browser.
const STREAMED_PAUSE = 30_000;

export type Told = InvoiceState | "unknown" | "offline";

export class Watch {
  #source: EventSource | undefined;
  #timer = 0;
  #pause = FIRST_PAUSE;
  #looking = false;
  #stopped = false;

  /** `tell` hears each state, `offline` when nobody answers, and `unknown` for an invoice that is not there. */
  constructor(
    private readonly gateway: Gateway, private readonly hash: string, private readonly tell: (told: Told) => void,
  ) {
    this.#listen();
    this.#wait();
  }

  /** Ask now, and listen again where the stream was cut. */
  async look(): Promise<void> {
    if (this.#stopped || this.#looking) return;
    this.#looking = true;
    if (this.#source?.readyState === EventSource.CLOSED) this.#listen();
    try {
      const { state } = await this.gateway.invoice(this.hash);
      this.#pause = FIRST_PAUSE;
      this.#hear(state);
    } catch (error) {
      this.#hear(error instanceof Refusal && error.code === "invoice_not_found" ? "unknown" : "offline");
    }
    this.#looking = false;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  #listen(): void {
    this.#source?.close();
    const source = (this.#source = this.gateway.events(this.hash));
    for (const state of ["open", "expired", "settled", "canceled"] as const) {
      source.addEventListener(state, () => this.#hear(state));
    }
  }

  #hear(told: Told): void {
    if (this.#stopped) return;
    if (told === "settled" || told === "canceled" || told === "unknown") this.stop();
    this.tell(told);
  }

  #wait(): void {
    const streamed = this.#source?.readyState === EventSource.OPEN;
    this.#timer = setTimeout(async () => {
      // A page that nobody looks at asks nothing; it looks when the reader returns.
      if (!document.hidden) await this.look();
      if (!this.#stopped) this.#wait();
    }, streamed ? STREAMED_PAUSE : this.#pause);
    this.#pause = Math.min(this.#pause * 1.5, LONGEST_PAUSE);
  }
}
