/** From a tap to a settled invoice. The state of a payment is here and nowhere else; the sheet draws it. */

import { ofDocument } from "../dom.js";
import type { Invoice, Refusal } from "../gateway.js";
import type { Sale } from "../interfaces.js";
import type { Attempt } from "../attempts.js";
import type { Told } from "../invoice-watcher.js";
import type { MessageId } from "../words.js";
import { amountOf } from "./amount.js";
import { walletOf } from "./wallet.js";

const SILENT_MILLISECONDS = 8_000;
const SHOWN_SECONDS = 60;
// Beside the statuses of HTTP.
const UNREACHABLE = -1, WRONG = 0, DEFECT = 500;

/** `asking`: for an invoice. `stale`: expired, while a wallet may still be paying it. */
export type Step = "asking" | "waiting" | "stale" | "failed" | "settled";
/** What became of handing the invoice to a wallet; `sent`: it says so itself; `linked`: by the `lightning:` link,
 * or at the gateway's own page. */
export type WalletStep = "none" | "asked" | "sent" | "silent" | "refused" | "linked";

export interface View {
  step: Step;
  wallet: WalletStep;
  line: MessageId | "";
  invoice: Invoice | undefined;
  /** Seconds, when there are few. */
  left: number | undefined;
  /** What is paid for will be gone with the page. */
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
  #clock = 0;
  #silence = 0;
  #round = 0;

  constructor(private readonly sale: Sale, private readonly draw: (view: View) => void) {}

  /** The reader's tap: the invoice that waits, else a new one; and the wallet, if there is one. */
  async begin(): Promise<void> {
    clearInterval(this.#clock);
    this.#clock = setInterval(() => this.#tick(), 1_000);
    if (this.#step === "settled") return;
    if (this.sale.obstacle) return this.#fail({ code: "page_cannot_show" }, this.sale.obstacle);
    try {
      const known = this.#known();
      if (known && known === this.#attempt?.key && this.#invoice && this.#step === "waiting") {
        this.sale.watch(this.#attempt);
        return this.#show();
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.#renewed = false;
    await this.#issue();
    if (this.#step === "waiting" && this.#wallet === "asked") void this.askWallet();
  }

  /** The sheet was closed: nothing is renewed while nobody looks. */
  rest(): void {
    clearInterval(this.#clock);
  }

  stop(): void {
    this.rest();
    clearTimeout(this.#silence);
    this.#round++;
  }

  /** A fresh invoice because the reader asked; the old one still counts. */
  async again(): Promise<void> {
    this.#renewed = true;
    await this.#issue(true);
  }

  /** Hand the shown invoice to the reader's wallet. It may answer late, or never: the gateway's word alone counts. */
  async askWallet(): Promise<void> {
    const [wallet, invoice, attempt] = [walletOf(), this.#invoice, this.#attempt];
    if (!wallet || !invoice || !attempt || this.#step !== "waiting") return;
    const round = this.#round;
    const before = attempt.asked === true;
    this.#mark(true);
    this.#turn("asked");
    this.#hush(round);
    let handed = before;
    try {
      await wallet.enable();
      handed = true;
      await wallet.sendPayment(invoice.payment_request);
      if (round === this.#round) {
        this.#turn("sent");
        this.#hush(round);
      }
      this.sale.look();
    } catch {
      if (round !== this.#round) return;
      this.#mark(handed);
      this.#turn("refused");
    }
  }

  /** Show the code when nothing comes for a while. */
  #hush(round: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      if (round === this.#round && /asked|sent/.test(this.#wallet)) this.#turn("silent");
    }, SILENT_MILLISECONDS);
  }

  showCode(): void {
    this.#turn("silent");
  }

  /** The reader followed the `lightning:` link, or that to the gateway's own page. */
  linked(): void {
    this.#mark(true);
    this.#turn("linked");
  }

  told(attempt: Attempt, told: Told): void {
    if (attempt.key !== this.#attempt?.key) return;
    this.#offline = told === "offline";
    if (told === "expired") this.#expire();
    if (told === "canceled" && this.#isWatched()) {
      this.#renewed = true;
      void this.#issue(true);
    }
    this.#show();
  }

  paid(): void {
    this.stop();
    this.#step = "settled";
    this.#show();
  }

  /** After a tip, another may follow. */
  reset(): void {
    this.stop();
    this.#attempt = this.#invoice = undefined;
    this.#step = "asking";
    this.#wallet = "none";
  }

  /** The key of the attempt to go on with: unpaid, for the same thing, and payable or perhaps being paid. */
  #known(): string | undefined {
    const { body } = this.sale.subject();
    const fits = (a: Attempt) => !a.paid && a.body === body && (!a.hash || a.ends > Date.now() || a.asked);
    return this.sale.shelf.attempts().filter(fits).at(-1)?.key;
  }

  async #issue(fresh = false): Promise<void> {
    const round = ++this.#round;
    try {
      const { path, body } = this.sale.subject();
      const known = fresh ? undefined : this.#known();
      const attempt = this.sale.shelf.attempts().find(({ key }) => key === known)
        ?? { key: this.sale.newKey(), body, ends: Date.now() };
      // Before anything is asked: a crash between the question and the answer loses no invoice.
      this.sale.shelf.put(attempt);
      this.#attempt = attempt;
      this.#step = "asking";
      // Where nothing is kept the reader is told so first, and hands it to the wallet themselves.
      const asks = walletOf() && !this.#renewed && !this.#forgets();
      this.#wallet = attempt.asked ? "silent" : asks ? "asked" : "none";
      this.#expired = this.#offline = false;
      this.#show();
      const headers = { "Content-Type": "application/json", "Idempotency-Key": attempt.key };
      const answer = await this.sale.gateway.ask(path, { method: "POST", body, headers });
      const invoice: Invoice = await answer.json();
      if (round === this.#round) this.#offer(attempt, invoice, Date.parse(answer.headers.get("Date") ?? ""));
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    }
  }

  #offer(attempt: Attempt, invoice: Invoice, now: number): void {
    if (amountOf(invoice.payment_request) !== invoice.amount_msat) {
      return this.#fail({ status: WRONG, code: "invoice_wrong", message: "the invoice does not ask for its amount" });
    }
    attempt.hash = invoice.payment_hash;
    if (invoice.access_token) attempt.token = invoice.access_token;
    // By this browser's clock, which may be wrong: the server's is in the answer, where the page may read it.
    attempt.ends = Date.now() + Date.parse(invoice.expires_at) - (now || Date.now());
    this.sale.shelf.put(attempt);
    this.#invoice = invoice;
    this.#step = "waiting";
    if (attempt.ends <= Date.now()) this.#expire();
    this.#show();
    const { access_token: _, ...shown } = invoice;
    this.sale.tell("invoice", shown);
    this.sale.watch(attempt);
    if (invoice.state !== "open") this.sale.look();
  }

  #fail(error: unknown, words?: MessageId): void {
    // Its class is that of another file of the build: what it has counts.
    const { status = DEFECT, code = "failed", message = "" } = error as Partial<Refusal>;
    const known: Record<number, MessageId> = { [UNREACHABLE]: "lost", [WRONG]: "wrong", 403: "elsewhere", 404: "ended", 429: "busy", 503: "away", 504: "away" };
    this.#refusal = words ?? known[status] ?? "failed";
    this.#step = "failed";
    this.#show();
    this.sale.tell("error", { code, message });
  }

  #tick(): void {
    if (this.#step !== "waiting" && this.#step !== "stale") return;
    if ((this.#attempt?.ends ?? 0) <= Date.now()) this.#expire();
    this.#show();
  }

  #expire(): void {
    if (!this.#expired) this.sale.tell("expired", { payment_hash: this.#invoice?.payment_hash ?? "" });
    this.#expired = true;
    if (this.#step !== "waiting") return;
    if (this.#attempt?.asked) this.#step = "stale";
    else if (this.#isWatched()) void this.again();
  }

  #isWatched(): boolean {
    return !ofDocument("hidden") && this.sale.root.querySelector("dialog")?.open === true;
  }

  #forgets(): boolean {
    return this.sale.keeps && !this.sale.shelf.keeps;
  }

  #mark(asked: boolean): void {
    if (!this.#attempt) return;
    this.#attempt.asked = asked;
    this.sale.shelf.put(this.#attempt);
  }

  #turn(wallet: WalletStep): void {
    this.#wallet = wallet;
    this.#show();
  }

  #show(): void {
    const seconds = Math.ceil(((this.#attempt?.ends ?? 0) - Date.now()) / 1_000);
    const counts = this.#step === "waiting" && seconds > 0 && seconds <= SHOWN_SECONDS;
    this.draw({
      step: this.#step, wallet: this.#wallet, line: this.#line(), invoice: this.#invoice, left: counts ? seconds : undefined,
      forgets: this.#forgets(),
    });
  }

  #line(): MessageId | "" {
    if (this.#step === "failed") return this.#refusal;
    if (this.#offline) return "offline";
    if (this.#step === "settled") return "opening";
    if (this.#step === "asking") return "";
    if (this.#step === "stale") return "stale";
    const told = { none: "waiting", asked: "confirm", sent: "paying", silent: "silent", refused: "refused", linked: "paying" } as const;
    return this.#wallet === "none" && this.#renewed ? "renewed" : told[this.#wallet];
  }
}
