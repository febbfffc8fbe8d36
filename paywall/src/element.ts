/** The base class of the elements: resumes stored attempts, unlocks what is paid, and opens the payment sheet on a click. */

import { fills } from "./accent.js";
import { documentProperty } from "./dom.js";
import { type Emit, TuppenceEvent } from "./events.js";
import type { Product } from "./product.js";
import { bearer, type Gateway, gatewayOf, load, Refusal, Unreachable } from "./gateway.js";
import { type Language, languageOf } from "./language.js";
import { ELEMENT_STYLES } from "./element-styles.js";
import type { Obstacle, OpenedModule, PaidProduct, PaymentContext, Sheet, SheetModule } from "./interfaces.js";
import { type Attempt, newKey, AttemptStore } from "./attempts.js";
import { type WatchedState, watcherOf } from "./invoice-watcher.js";
import type { PageId } from "./words.js";

export type State = "loading" | "offered" | "paid" | "open";

const RETRY_MILLISECONDS = [1_000, 2_000, 5_000, 10_000, 30_000];
const elements = new Set<TuppenceElement>();

export abstract class TuppenceElement extends HTMLElement {
  static readonly observedAttributes = ["item", "to", "amount", "gateway", "lang", "rest"];

  protected gateway!: Gateway;
  protected language!: Language;
  protected product!: Product;
  protected fills!: ReturnType<typeof fills>;
  protected abstract frame: HTMLElement;
  readonly #root: ShadowRoot;
  readonly #states: CustomStateSet | undefined;
  #state: State = "loading";
  #lifetime: AbortController | undefined;
  #store: AttemptStore | undefined;
  #watched = new Map<string, () => void>();
  /** The keys of the paid attempts that open nothing any more. */
  #ended = new Set<string>();
  #sheet: Sheet | undefined;
  #opening = false;
  /** Whether content is being fetched, or shown. */
  #delivering = false;
  readonly #emit: Emit = (name, detail) => this.dispatchEvent(new TuppenceEvent(name, detail));

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [ELEMENT_STYLES];
    this.#states = this.attachInternals().states;
  }

  /** Read the product from the element's attributes. */
  protected abstract parse(): Product;
  /** Add the content to the shadow root, at its final size so that nothing below moves later. */
  protected abstract draw(root: ShadowRoot): void;
  /** Show a state. In every state but `loading`, product and language are set. */
  protected abstract show(state: State): void;
  /** Show a message in the status line. */
  protected abstract say(id: PageId): void;
  /** Add what has no need to be there at once. */
  protected extend?(): void;

  get state(): State {
    return this.#state;
  }

  connectedCallback(): void {
    elements.add(this);
    const lifetime = (this.#lifetime = new AbortController());
    const { signal } = lifetime;
    const check = () => !documentProperty("hidden") && this.#check();
    for (const name of ["pageshow", "online", "visibilitychange"]) addEventListener(name, check, { signal });
    addEventListener("storage", ({ key }) => key === this.#store?.key && this.#resume(), { signal });
    this.#root.replaceChildren();
    this.querySelectorAll(":scope > .tuppence-content").forEach((old) => old.remove());
    this.draw(this.#root);
    this.#setState("loading");
    void this.#start(signal);
  }

  disconnectedCallback(): void {
    elements.delete(this);
    this.#lifetime?.abort();
    this.#watched.forEach((stop) => stop());
    this.#watched.clear();
    this.#ended.clear();
    this.#sheet?.remove();
    this.#sheet = undefined;
    this.#delivering = false;
  }

  attributeChangedCallback(_: string, before: string | null, after: string | null): void {
    if (!this.#lifetime || this.#lifetime.signal.aborted || before === after) return;
    this.disconnectedCallback();
    this.connectedCallback();
  }

  /** Open the payment sheet. Call it only from a reader's click: a wallet may be asked to pay. */
  async open(): Promise<void> {
    if (this.#state !== "offered" || this.#opening) return;
    const { signal } = this.#lifetime as AbortController;
    this.#opening = true;
    try {
      // The code that shows the content is loaded before anything is paid.
      const [{ makeSheet }, { obstacleTo }] = await Promise.all([load<SheetModule>("sheet.js"), this.opened()]);
      if (signal.aborted || this.#state !== "offered") return;
      // What was paid before is still being fetched.
      if (this.#delivering) return this.say("opening");
      this.#sheet ??= makeSheet(this.context(obstacleTo(this, this.product)));
      this.#sheet.open();
    } catch (error) {
      this.#sheet?.close();
      this.#reportError(error);
      this.say(error instanceof Unreachable ? "lost" : "failed");
    } finally {
      this.#opening = false;
    }
  }

  close(): void {
    this.#sheet?.close();
  }

  /** Unlock with an access token, as in a receipt link. Returns whether it is paid. Throws Refusal, Unreachable. */
  async unlock(token: string): Promise<boolean> {
    const answer = await this.gateway.ask("v1/receipt", bearer(token));
    const receipt: { payment_hash: string; state: string } = await answer.json();
    const attempt: Attempt = { key: newKey(), body: "", ends: 0, hash: receipt.payment_hash, token };
    this.#store?.put(attempt);
    if (receipt.state !== "settled") return this.#watch(attempt), false;
    await this.#deliver(attempt);
    return this.#state === "open";
  }

  /** Load the sheet when the pointer or the focus reaches the button, so that it opens at once on a click. */
  protected preload(): void {
    for (const loading of [load("sheet.js"), this.opened()]) void loading.catch(() => {});
  }

  /** The code that shows what was paid for. */
  protected opened(): Promise<OpenedModule> {
    return load("opened.js");
  }

  /** Remove the paid content and offer the product again. */
  protected offerAgain(): void {
    this.#delivering = false;
    this.#root.querySelectorAll(".before, .after, slot[name=content]").forEach((shown) => shown.remove());
    this.#setState("offered");
  }

  async #start(signal: AbortSignal): Promise<void> {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        const [gateway, product] = [gatewayOf(this), this.parse()];
        const [language] = await Promise.all([languageOf(this), product.prepare(gateway)]);
        if (signal.aborted) return;
        [this.gateway, this.product, this.language] = [gateway, product, language];
        break;
      } catch (error) {
        this.#reportError(error);
        // The fallback link inside the tag stays visible.
        if (error instanceof Refusal && error.status < 500 && error.status !== 429) return;
        await retryPause(tries, signal);
      }
    }
    if (signal.aborted) return;
    this.fills = fills(this.product.accent);
    this.#store = new AttemptStore(this.gateway.base, this.product.name);
    this.#setState("offered");
    const { title, amount_msat } = this.product.terms(this.language);
    this.#emit("ready", { title, amount_msat: amount_msat || null });
    this.#resume();
    this.extend?.();
  }

  /** Unlock the newest paid attempt, and watch the unpaid ones. */
  #resume(): void {
    const attempts = this.#store?.attempts() ?? [];
    const paid = attempts.filter(({ key, paid, token }) => paid && token && !this.#ended.has(key)).at(-1);
    if (paid && this.#state === "offered") void this.#deliver(paid);
    for (const attempt of attempts) if (!attempt.paid) this.#watch(attempt);
    this.#check();
  }

  #watch(attempt: Attempt): void {
    if (!attempt.hash) return;
    const stop = this.#watched.get(attempt.key);
    this.#watched.set(attempt.key, watcherOf(this.gateway).add(attempt.hash, (state) => this.#update(attempt, state)));
    stop?.();
  }

  #check(): void {
    if (this.#watched.size) void watcherOf(this.gateway).check();
  }

  #update(attempt: Attempt, state: WatchedState): void {
    if (state === "canceled") this.#store?.drop(attempt);
    if (state === "settled") void this.#deliver(attempt);
    else this.#sheet?.update(attempt, state);
  }

  /** Fetch and show the content of a settled attempt. Retries until the gateway itself refuses. */
  async #deliver(attempt: Attempt): Promise<void> {
    // A payment that this page has watched is new to its reader, though another tab may have opened it first.
    const again = attempt.paid === true && !this.#watched.has(attempt.key);
    if (this.#delivering) return this.#remember(attempt);
    this.#delivering = true;
    if (!again) this.#announce(attempt);
    const signal = this.#lifetime?.signal;
    for (let tries = 0; signal && !signal.aborted; tries++) {
      const loading = this.opened();
      try {
        const [opened] = await Promise.all([loading, this.product.fetch(this.gateway, attempt.token ?? "")]);
        if (!signal.aborted) await this.#showContent(attempt, again, opened);
        return;
      } catch (error) {
        if (error instanceof Refusal) {
          const opened = await loading.catch(() => null);
          const end = opened?.endOf(error.code);
          if (end) {
            // It was paid, so it is neither watched nor offered to be paid again.
            if (end === "lost") this.#store?.drop(attempt);
            else if (!again) this.#store?.put({ ...attempt, paid: true });
            this.#ended.add(attempt.key);
            this.#reportError(error), this.#sheet?.close(), this.offerAgain();
            if (end === "refunded") opened?.showRefund(this.#paid(attempt, again));
            return this.#resume();
          }
        } else this.#sheet?.update(attempt, "offline");
        await retryPause(tries, signal);
      }
    }
  }

  #announce(attempt: Attempt): void {
    this.#setState("paid");
    this.#sheet?.paid();
    this.#emit("paid", { payment_hash: attempt.hash ?? "" });
  }

  async #showContent(attempt: Attempt, again: boolean, { render }: OpenedModule): Promise<void> {
    this.#remember(attempt);
    const [landing, isOpen] = await render(this.#paid(attempt, again));
    this.#setState("open");
    if (isOpen) this.#emit("unlocked", { payment_hash: attempt.hash ?? "", again });
    const wasOpen = this.#sheet?.isOpen;
    void this.#sheet?.leave().then(() => wasOpen && landing.focus());
    for (const other of elements) if (other !== this && other.#store?.key === this.#store?.key) other.#resume();
  }

  #paid(attempt: Attempt, again: boolean): PaidProduct {
    const { gateway, language, product, frame } = this;
    return { host: this, frame, gateway, language, product, token: attempt.token ?? "", again, onAgain: () => this.offerAgain() };
  }

  /** Mark an item's attempt as paid, and delete a tip's. */
  #remember(attempt: Attempt): void {
    if (this.product.reopens) this.#store?.put({ ...attempt, paid: true });
    else this.#store?.drop(attempt);
  }

  protected context(obstacle: Obstacle): PaymentContext {
    return {
      root: this.#root,
      gateway: this.gateway,
      language: this.language,
      store: this.#store as AttemptStore,
      fills: this.fills,
      terms: () => this.product.terms(this.language),
      watch: (attempt) => this.#watch(attempt),
      check: () => this.#check(),
      obstacle,
      reopens: this.product.reopens,
      newKey,
      emit: this.#emit,
      unlock: (token) => this.unlock(token),
    };
  }

  #reportError(error: unknown): void {
    const { code = "failed", message = "" } = error as Partial<Refusal>;
    this.#emit("error", { code, message });
  }

  #setState(state: State): void {
    this.#states?.delete(this.#state);
    this.#states?.add(state);
    this.#state = state;
    this.show(state);
  }
}

/** Wait before the next try. Ends early when the browser comes online or the element is removed. */
function retryPause(tries: number, signal: AbortSignal | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    setTimeout(resolve, RETRY_MILLISECONDS[tries] ?? RETRY_MILLISECONDS.at(-1));
    signal?.addEventListener("abort", resolve, { once: true });
    addEventListener("online", resolve, { once: true });
  });
}
