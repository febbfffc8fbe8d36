/** The state machine of a payment, from the click to the settled invoice. The sheet renders its state. */

import { documentProperty } from "../dom.js";
import type { Invoice, Refusal } from "../gateway.js";
import type { PaymentContext } from "../interfaces.js";
import type { Attempt } from "../attempts.js";
import type { WatchedState } from "../invoice-watcher.js";
import type { MessageId } from "../words.js";
import { amountOf } from "./amount.js";
import { walletOf } from "./wallet.js";

const SILENT_MILLISECONDS = 8_000;
const OPENS_MILLISECONDS = 3_000;
const SHOWN_SECONDS = 60;
// Pseudo statuses beside those of HTTP.
const UNREACHABLE = -1, WRONG = 0, DEFECT = 500;

/** `asking`: an invoice is being requested. `stale`: it has expired, but a wallet may still be paying it. */
export type Step = "asking" | "waiting" | "stale" | "failed" | "settled";
/** How far a wallet is with the invoice. `sent`: it reports the payment as sent. `linked`: the reader followed the `lightning:`
 * link. `left`: the reader then left the page, or went to the gateway's own. */
export type WalletStep = "none" | "asked" | "sent" | "silent" | "refused" | "unreached" | "linked" | "left";

export interface View {
  step: Step;
  wallet: WalletStep;
  line: MessageId | "";
  invoice: Invoice | undefined;
  /** Seconds until the invoice expires, if they are few. */
  left: number | undefined;
  /** The browser does not store the attempt, so the access is lost when the page is closed. */
  forgets: boolean;
}

export class Payment {
  #step: Step = "asking";
  #wallet: WalletStep = "none";
  #offline = false;
  #renewed = false;
  #refusal: MessageId = "failed";
  #attempt: Attempt | undefined;
  #invoice: Invoice | undefined;
  #expired = false;
  #countdown = 0;
  #silenceTimer = 0;
  #round = 0;

  constructor(private readonly context: PaymentContext, private readonly draw: (view: View) => void) {}

  /** Show the pending invoice or request a new one, and ask the wallet if there is one. */
  async begin(): Promise<void> {
    clearInterval(this.#countdown);
    this.#countdown = setInterval(() => this.#tick(), 1_000);
    if (this.#step === "settled") return;
    if (this.context.obstacle) return this.#fail({ code: "page_cannot_show" }, this.context.obstacle);
    try {
      const known = this.#pendingKey();
      if (known && known === this.#attempt?.key && this.#invoice && this.#step === "waiting") {
        this.context.watch(this.#attempt);
        return this.#show();
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.#renewed = false;
    await this.#requestInvoice();
    if (this.#step === "waiting" && this.#wallet === "asked") void this.askWallet();
  }

  /** Stop the countdown while the sheet is closed, so that no invoice is renewed. */
  pause(): void {
    clearInterval(this.#countdown);
  }

  stop(): void {
    this.pause();
    clearTimeout(this.#silenceTimer);
    this.#round++;
  }

  /** Request a new invoice. A payment of the old one still counts. */
  async renew(): Promise<void> {
    this.#renewed = true;
    await this.#requestInvoice(true);
  }

  /** Pass the shown invoice to the reader's wallet. It may answer late or never; only the invoice's state at the gateway counts. */
  async askWallet(): Promise<void> {
    const [wallet, invoice, attempt] = [walletOf(this.context), this.#invoice, this.#attempt];
    if (!wallet || !invoice || !attempt || this.#step !== "waiting") return;
    const round = this.#round;
    const before = attempt.asked === true;
    this.#markAsked(true);
    this.#setWallet("asked");
    this.#startSilenceTimer(round);
    let isHanded = before;
    try {
      await wallet.enable();
      isHanded = true;
      await wallet.sendPayment(invoice.payment_request);
      if (round === this.#round) {
        this.#setWallet("sent");
        this.#startSilenceTimer(round);
      }
      this.context.check();
    } catch (error) {
      if (round !== this.#round) return;
      this.#markAsked(isHanded);
      this.#setWallet((error as Error).name === "Unreachable" ? "unreached" : "refused");
    }
  }

  /** Show the QR code if nothing happens for a while. */
  #startSilenceTimer(round: number): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      if (round === this.#round && /asked|sent/.test(this.#wallet)) this.#setWallet("silent");
    }, SILENT_MILLISECONDS);
  }

  showCode(): void {
    this.#setWallet("silent");
  }

  /** The reader followed the link to the gateway's own page. */
  left(): void {
    this.#markAsked(true);
    this.#setWallet("left");
  }

  /** The reader followed the `lightning:` link. No browser tells whether it opened a wallet, but one that opens takes the focus. */
  linked(): void {
    if (this.#wallet === "linked") return;
    const before = this.#attempt?.asked === true;
    const round = this.#round;
    const listening = new AbortController(), { signal } = listening;
    const end = (wallet: WalletStep) => {
      listening.abort();
      clearTimeout(timer);
      if (round !== this.#round || this.#wallet !== "linked") return;
      if (wallet === "none") this.#markAsked(before);
      this.#setWallet(wallet);
    };
    const timer = setTimeout(end, OPENS_MILLISECONDS, "none");
    addEventListener("blur", () => end("left"), { signal });
    document.addEventListener("visibilitychange", () => end("left"), { signal });
    this.#markAsked(true);
    this.#setWallet("linked");
  }

  update(attempt: Attempt, state: WatchedState): void {
    if (attempt.key !== this.#attempt?.key) return;
    this.#offline = state === "offline";
    if (state === "expired" || (state === "canceled" && this.context.follows)) this.#expire();
    else if (state === "canceled" && this.#isVisible()) {
      this.#renewed = true;
      void this.#requestInvoice(true);
    }
    this.#show();
  }

  paid(): void {
    this.stop();
    this.#step = "settled";
    this.#show();
  }

  /** Forget the settled payment, so that another tip can follow. */
  reset(): void {
    this.stop();
    this.#attempt = this.#invoice = undefined;
    this.#step = "asking";
    this.#wallet = "none";
  }

  /** The key of the attempt to continue: unpaid, for the same request, and not expired or possibly being paid. */
  #pendingKey(): string | undefined {
    const { body } = this.context.terms();
    const fits = (a: Attempt) => this.context.follows
      || (!a.paid && a.body === body && (!a.hash || a.ends > Date.now() || a.asked));
    return this.context.store.attempts().filter(fits).at(-1)?.key;
  }

  async #requestInvoice(fresh = false): Promise<void> {
    const round = ++this.#round;
    try {
      const { path, body } = this.context.terms();
      const known = fresh ? undefined : this.#pendingKey();
      const attempt = this.context.store.attempts().find(({ key }) => key === known)
        ?? { key: this.context.newKey(), body, ends: Date.now() };
      // Stored before the request, so that a crash before the response loses no invoice.
      this.context.store.put(attempt);
      this.#attempt = attempt;
      this.#step = "asking";
      // If the attempt cannot be stored, the sheet warns the reader first and asks the wallet only on a click.
      // An invoice that a link leads to may be anybody's, so it waits for a click, too.
      const asks = walletOf(this.context) && !this.#renewed && !this.#isUnsaved() && !this.context.follows;
      this.#wallet = attempt.asked ? "silent" : asks ? "asked" : "none";
      this.#expired = this.#offline = false;
      this.#show();
      const headers = { "Content-Type": "application/json", "Idempotency-Key": attempt.key };
      const answer = await (this.context.request?.(attempt) ?? this.context.gateway.ask(path, { method: "POST", body, headers }));
      const invoice: Invoice = await answer.json();
      if (round === this.#round) this.#receive(attempt, invoice, Date.parse(answer.headers.get("Date") ?? ""));
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    }
  }

  #receive(attempt: Attempt, invoice: Invoice, now: number): void {
    if (amountOf(invoice.payment_request) !== invoice.amount_msat) {
      return this.#fail({ status: WRONG, code: "invoice_wrong", message: "the invoice does not ask for its amount" });
    }
    attempt.hash = invoice.payment_hash;
    if (invoice.access_token) attempt.token = invoice.access_token;
    // This browser's clock may be wrong, so the expiry is measured from the response's Date header, if the page may read it.
    attempt.ends = Date.now() + Date.parse(invoice.expires_at) - (now || Date.now());
    this.context.store.put(attempt);
    this.#invoice = invoice;
    this.#step = "waiting";
    // The price was raised since the page was loaded: no wallet is asked for more than the reader has seen.
    if (this.#wallet === "asked" && invoice.amount_msat > this.context.terms().amount_msat) this.#wallet = "none";
    if (attempt.ends <= Date.now()) this.#expire();
    this.#show();
    const { access_token: _, ...shown } = invoice;
    this.context.emit("invoice", shown);
    this.context.watch(attempt);
    if (invoice.state !== "open") this.context.check();
  }

  #fail(error: unknown, message?: MessageId): void {
    // No instanceof: the error's class comes from another bundle.
    const { status = DEFECT, code = "failed", message: detail = "" } = error as Partial<Refusal>;
    const known: Record<number, MessageId> = { [UNREACHABLE]: "lost", [WRONG]: "wrong", 403: "elsewhere", 429: "busy", 503: "away", 504: "away" };
    this.#refusal = message ?? (code === "item_archived" ? "ended" : known[status]) ?? "failed";
    this.#step = "failed";
    this.#show();
    this.context.emit("error", { code, message: detail });
  }

  #tick(): void {
    if (this.#step !== "waiting" && this.#step !== "stale") return;
    if ((this.#attempt?.ends ?? 0) <= Date.now()) this.#expire();
    this.#show();
  }

  #expire(): void {
    if (!this.#expired) this.context.emit("expired", { payment_hash: this.#invoice?.payment_hash ?? "" });
    this.#expired = true;
    if (this.#step !== "waiting") return;
    if (this.#attempt?.asked || this.context.follows) this.#step = "stale";
    else if (this.#isVisible()) void this.renew();
  }

  #isVisible(): boolean {
    return !documentProperty("hidden") && this.context.root.querySelector("dialog")?.open === true;
  }

  #isUnsaved(): boolean {
    return this.context.reopens && !this.context.store.persists;
  }

  #markAsked(asked: boolean): void {
    if (!this.#attempt) return;
    this.#attempt.asked = asked;
    this.context.store.put(this.#attempt);
  }

  #setWallet(wallet: WalletStep): void {
    this.#wallet = wallet;
    this.#show();
  }

  #show(): void {
    const seconds = Math.ceil(((this.#attempt?.ends ?? 0) - Date.now()) / 1_000);
    const counts = this.#step === "waiting" && seconds > 0 && seconds <= SHOWN_SECONDS;
    this.draw({
      step: this.#step, wallet: this.#wallet, line: this.#message(), invoice: this.#invoice, left: counts ? seconds : undefined,
      forgets: this.#isUnsaved(),
    });
  }

  #message(): MessageId | "" {
    if (this.#step === "failed") return this.#refusal;
    if (this.#offline) return "offline";
    if (this.#step === "settled") return "opening";
    if (this.#step === "asking") return "";
    if (this.#step === "stale") return "stale";
    const messages = { none: "waiting", asked: "confirm", sent: "paying", silent: "silent", refused: "refused", unreached: "unreached", linked: "linked", left: "paying" } as const;
    return this.#wallet === "none" && this.#renewed ? "renewed" : messages[this.#wallet];
  }
}
