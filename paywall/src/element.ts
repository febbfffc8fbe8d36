/** What all elements share: what is on the shelf is tried, what is paid opens, and a tap opens the sheet. */

import { fills } from "./accent.js";
import { ofDocument } from "./dom.js";
import { type Tell, TuppenceEvent } from "./events.js";
import type { Goods } from "./product.js";
import { bearer, type Gateway, gatewayOf, load, Refusal, Unreachable } from "./gateway.js";
import { type Language, languageOf } from "./language.js";
import { LOOK } from "./element-styles.js";
import type { Obstacle, Opened, Sale, Sheet, SheetModule } from "./interfaces.js";
import { type Attempt, newKey, Shelf } from "./attempts.js";
import { type Told, watchOf } from "./invoice-watcher.js";
import type { PageId } from "./words.js";

export type State = "loading" | "offered" | "paid" | "open";

const RETRY = [1_000, 2_000, 5_000, 10_000, 30_000];
// A key that comes back from a backup opens again; a header that a proxy took away may arrive tomorrow.
const RESTORABLE = /_(unknown_key|required)/;
const tills = new Set<Till>();

export abstract class Till extends HTMLElement {
  static readonly observedAttributes = ["item", "to", "amount", "gateway", "lang", "rest"];

  protected gateway!: Gateway;
  protected language!: Language;
  protected goods!: Goods;
  protected fills!: ReturnType<typeof fills>;
  protected abstract frame: HTMLElement;
  readonly #root: ShadowRoot;
  readonly #states: CustomStateSet | undefined;
  #state: State = "loading";
  #life: AbortController | undefined;
  #shelf: Shelf | undefined;
  #watched = new Map<string, () => void>();
  #sheet: Sheet | undefined;
  #opening = false;
  #settling = false;
  readonly #tell: Tell = (name, detail) => this.dispatchEvent(new TuppenceEvent(name, detail));

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [LOOK];
    this.#states = this.attachInternals().states;
  }

  /** What this element sells, from its attributes. */
  protected abstract stock(): Goods;
  /** Put everything into the root; it takes the room that it will keep. */
  protected abstract draw(root: ShadowRoot): void;
  /** Show a state, filled with what was fetched. */
  protected abstract show(state: State): void;
  /** The one line of status. */
  protected abstract say(id: PageId): void;

  get state(): State {
    return this.#state;
  }

  connectedCallback(): void {
    tills.add(this);
    const life = (this.#life = new AbortController());
    const { signal } = life;
    const look = () => !ofDocument("hidden") && this.#look();
    for (const name of ["pageshow", "online"]) addEventListener(name, look, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    addEventListener("storage", ({ key }) => key === this.#shelf?.name && this.#resume(), { signal });
    this.#root.replaceChildren();
    this.querySelectorAll(":scope > .tuppence-content").forEach((old) => old.remove());
    this.draw(this.#root);
    this.#move("loading");
    void this.#start(signal);
  }

  disconnectedCallback(): void {
    tills.delete(this);
    this.#life?.abort();
    this.#watched.forEach((stop) => stop());
    this.#watched.clear();
    this.#sheet?.remove();
    this.#sheet = undefined;
    this.#settling = false;
  }

  attributeChangedCallback(_: string, before: string | null, after: string | null): void {
    if (!this.#life || this.#life.signal.aborted || before === after) return;
    this.disconnectedCallback();
    this.connectedCallback();
  }

  /** Open the payment sheet. Only from a reader's tap: a wallet may be asked. */
  async open(): Promise<void> {
    if (this.#state !== "offered" || this.#opening) return;
    const { signal } = this.#life as AbortController;
    this.#opening = true;
    try {
      // What shows the text is there before anything is paid.
      const [{ makeSheet }, { obstacleTo }] = await Promise.all([load<SheetModule>("sheet.js"), load<Opened>("opened.js")]);
      if (signal.aborted) return;
      this.#sheet ??= makeSheet(this.#sale(obstacleTo(this, this.goods)));
      this.#sheet.open();
    } catch (error) {
      this.#sheet?.close();
      this.#fail(error);
      this.say(error instanceof Unreachable ? "lost" : "failed");
    } finally {
      this.#opening = false;
    }
  }

  close(): void {
    this.#sheet?.close();
  }

  /** Open with a token, as a receipt link carries it. Gives whether it is paid. Throws what the gateway refuses. */
  async unlock(token: string): Promise<boolean> {
    const answer = await this.gateway.ask("v1/receipt", bearer(token));
    const receipt: { payment_hash: string; state: string } = await answer.json();
    const attempt: Attempt = { key: newKey(), body: "", ends: 0, hash: receipt.payment_hash, token };
    this.#shelf?.put(attempt);
    if (receipt.state !== "settled") return this.#watch(attempt), false;
    await this.#settle(attempt);
    return this.#state === "open";
  }

  /** The reader is near: the sheet will be there at the tap. */
  protected warm(): void {
    for (const name of ["sheet.js", "opened.js"]) void load(name).catch(() => {});
  }

  /** What was paid is given back: another payment may follow. */
  protected offerAgain(): void {
    this.#settling = false;
    this.#root.querySelectorAll(".before, .after, slot[name=content]").forEach((shown) => shown.remove());
    this.#move("offered");
  }

  async #start(signal: AbortSignal): Promise<void> {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        const [gateway, goods] = [gatewayOf(this), this.stock()];
        const [language] = await Promise.all([languageOf(this), goods.prepare(gateway)]);
        if (signal.aborted) return;
        [this.gateway, this.goods, this.language] = [gateway, goods, language];
        break;
      } catch (error) {
        this.#fail(error);
        // The link that stands inside the tag goes on being there.
        if (error instanceof Refusal && error.status < 500 && error.status !== 429) return;
        await pause(RETRY[Math.min(tries, RETRY.length - 1)] as number, signal);
      }
    }
    if (signal.aborted) return;
    this.fills = fills(this.goods.accent);
    this.#shelf = new Shelf(this.gateway.base, this.goods.name);
    this.#move("offered");
    const { title, amount_msat } = this.goods.subject(this.language);
    this.#tell("ready", { title, amount_msat: amount_msat || null });
    this.#resume();
  }

  /** Try everything on the shelf. */
  #resume(): void {
    const attempts = this.#shelf?.attempts() ?? [];
    const paid = attempts.filter((attempt) => attempt.paid && attempt.token).at(-1);
    if (paid && this.#state === "offered") void this.#settle(paid);
    for (const attempt of attempts) if (!attempt.paid) this.#watch(attempt);
    this.#look();
  }

  #watch(attempt: Attempt): void {
    if (!attempt.hash) return;
    const stop = this.#watched.get(attempt.key);
    this.#watched.set(attempt.key, watchOf(this.gateway).add(attempt.hash, (told) => this.#told(attempt, told)));
    stop?.();
  }

  #look(): void {
    if (this.#watched.size) void watchOf(this.gateway).look();
  }

  #told(attempt: Attempt, told: Told): void {
    if (told === "canceled") this.#shelf?.drop(attempt);
    if (told === "settled") void this.#settle(attempt);
    else this.#sheet?.told(attempt, told);
  }

  /** The gateway says that it is paid: nothing but its own refusal keeps it from opening now. */
  async #settle(attempt: Attempt): Promise<void> {
    const again = attempt.paid === true;
    if (this.#settling || this.#state === "open") {
      return this.#keep(attempt);
    }
    this.#settling = true;
    if (!again) this.#announce(attempt);
    const signal = this.#life?.signal;
    for (let tries = 0; signal && !signal.aborted; tries++) {
      try {
        const [opened] = await Promise.all([
          load<Opened>("opened.js"), this.goods.collect(this.gateway, attempt.token ?? ""),
        ]);
        if (!signal.aborted) await this.#open(attempt, again, opened);
        return;
      } catch (error) {
        const code = error instanceof Refusal ? error.code : "";
        // Only the gateway's own word ends an access, not that of a proxy before it.
        if (/^(access|token|payment)_/.test(code)) {
          if (!RESTORABLE.test(code)) this.#shelf?.drop(attempt);
          return this.#fail(error), this.#sheet?.close(), this.offerAgain();
        }
        if (!(error instanceof Refusal)) this.#sheet?.told(attempt, "offline");
        await pause(RETRY[Math.min(tries, RETRY.length - 1)] as number, signal);
      }
    }
  }

  #announce(attempt: Attempt): void {
    this.#move("paid");
    this.#sheet?.paid();
    this.#tell("paid", { payment_hash: attempt.hash ?? "" });
  }

  async #open(attempt: Attempt, again: boolean, { unfold }: Opened): Promise<void> {
    this.#keep(attempt);
    const { gateway, language, goods, frame } = this;
    const [landing, isOpen] = await unfold({
      host: this, frame, gateway, language, goods, token: attempt.token ?? "", again, onAgain: () => this.offerAgain(),
    });
    this.#move("open");
    if (isOpen) this.#tell("unlocked", { payment_hash: attempt.hash ?? "", again });
    const watched = this.#sheet?.isOpen;
    void this.#sheet?.leave().then(() => watched && landing.focus());
    for (const other of tills) if (other !== this && other.#shelf?.name === this.#shelf?.name) other.#resume();
  }

  /** What opens again is kept; a tip that was given is over. */
  #keep(attempt: Attempt): void {
    if (this.goods.keeps) this.#shelf?.put({ ...attempt, paid: true });
    else this.#shelf?.drop(attempt);
  }

  #sale(obstacle: Obstacle): Sale {
    return {
      root: this.#root,
      gateway: this.gateway,
      language: this.language,
      shelf: this.#shelf as Shelf,
      fills: this.fills,
      subject: () => this.goods.subject(this.language),
      watch: (attempt) => this.#watch(attempt),
      look: () => this.#look(),
      obstacle,
      keeps: this.goods.keeps,
      newKey,
      tell: this.#tell,
      unlock: (token) => this.unlock(token),
    };
  }

  #fail(error: unknown): void {
    const { code = "failed", message = "" } = error as Partial<Refusal>;
    this.#tell("error", { code, message });
  }

  #move(state: State): void {
    this.#states?.delete(this.#state);
    this.#states?.add(state);
    this.#state = state;
    this.show(state);
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const end = () => (clearTimeout(timer), resolve());
    signal?.addEventListener("abort", end, { once: true });
    addEventListener("online", end, { once: true });
  });
}
