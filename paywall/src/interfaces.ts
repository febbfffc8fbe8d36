/** Interfaces between the elements and the parts of the script that they load on demand. */

import type { Fill } from "./accent.js";
import type { Product, Terms, TipProduct } from "./product.js";
import type { Emit } from "./events.js";
import type { Gateway } from "./gateway.js";
import type { Language } from "./language.js";
import type { Attempt, AttemptStore } from "./attempts.js";
import type { WatchedState } from "./invoice-watcher.js";
import type { MessageId } from "./words.js";

/** Why a page could not show the paid content, or "" if it can. */
export type Obstacle = "" | "unshown" | "unopened";

/** What an element provides to the payment sheet and its sections. */
export interface PaymentContext {
  readonly root: ShadowRoot;
  readonly gateway: Gateway;
  readonly language: Language;
  readonly store: Pick<AttemptStore, "attempts" | "put" | "persists">;
  readonly fills: { day: Fill; night: Fill };
  terms(): Terms;
  /** Watch the invoice of an attempt until its state is final. */
  watch(attempt: Attempt): void;
  /** Ask the gateway for the state of every attempt now. */
  check(): void;
  newKey(): string;
  /** Dispatch an event on the element. */
  readonly emit: Emit;
  readonly obstacle: Obstacle;
  /** Whether a payment unlocks the product again on later visits. */
  readonly reopens: boolean;
  /** Unlock with a token that was obtained elsewhere. Returns whether it is paid. Throws Refusal, Unreachable. */
  unlock(token: string): Promise<boolean>;
  /** On the gateway's own pages: the wallet that the reader connects there. */
  readonly connection?: Connection | undefined;
  /** The request for the invoice of an attempt, where it is not the usual one. Throws Refusal, Unreachable. */
  request?(attempt: Attempt): Promise<Response>;
  /** The invoice belongs to another page, which alone may renew it. */
  readonly follows?: boolean;
}

/** A connection to a wallet over Nostr. It can spend, so only the gateway's own pages, where no other script runs, have one. */
export interface Connection {
  /** The secret address of the wallet, or "". */
  readonly address: string;
  /** The wallet, if there is one. Its code is loaded when it is asked. */
  wallet(): Wallet | undefined;
  /** Connect a wallet for this visit, or with `keep` in this browser. An empty address disconnects. */
  use(address: string, keep: boolean): void;
}

export interface ConnectModule extends SectionModule {
  overNostr(address: string): Wallet;
}

export interface Sheet {
  /** Call it only from a reader's click: a wallet may be asked to pay. */
  open(): void;
  /** Open a section below the payment. */
  unfold(section: string): void;
  close(): void;
  readonly isOpen: boolean;
  /** Show a new state of an attempt's invoice. */
  update(attempt: Attempt, state: WatchedState): void;
  /** Show that the payment has settled, with a message. */
  paid(line?: MessageId): void;
  /** Close after the reader has had time to see that the payment has settled. */
  leave(): Promise<void>;
  remove(): void;
}

export interface SheetModule {
  makeSheet(context: PaymentContext): Sheet;
  /** Unlock with the code or token in the fragment of the page's address. */
  openLink(): Promise<void>;
}

export interface RecoverModule extends SectionModule {
  openLink(): Promise<void>;
}

/** A wallet that pays invoices, with the methods of WebLN. */
export interface Wallet {
  enable(): Promise<unknown>;
  /** The promise may settle late or never. */
  sendPayment(paymentRequest: string): Promise<unknown>;
}

/** A part of the script with one collapsible section of the sheet, loaded when the section is first opened. */
export interface SectionModule {
  /** In the sheet, `askWallet` passes the shown invoice to the reader's wallet. */
  render(context: PaymentContext, askWallet?: () => void): Node | Promise<Node>;
}

/** A paid product and the element to show it in. */
export interface PaidProduct {
  host: HTMLElement;
  frame: HTMLElement;
  gateway: Gateway;
  language: Language;
  product: Product;
  token: string;
  /** Whether it was paid earlier. */
  again: boolean;
  /** Called when the reader wants to tip again. */
  onAgain(): void;
}

/** How an access ends: it stays stored, as the cause may be mended; or it is lost; or its payment was refunded. */
export type AccessEnd = "kept" | "lost" | "refunded";

export interface OpenedModule {
  /** Checked before an invoice is created. */
  obstacleTo(host: HTMLElement, product: Product): Obstacle;
  /** Show the paid product. Returns the element to focus, and whether the content is shown. */
  render(paid: PaidProduct): Promise<[landing: HTMLElement, isOpen: boolean]>;
  /** What a refusal of the gateway does to an access; nothing if it comes from elsewhere, such as a proxy. */
  endOf(code: string): AccessEnd | undefined;
  /** Link to the receipt of a payment that was refunded, where its payer gets it back. */
  showRefund(paid: PaidProduct): void;
}

export interface TippingModule {
  makeForm(root: ShadowRoot, product: TipProduct, language: Language, gateway: Gateway, chosen: () => void): Promise<HTMLFormElement>;
}

export interface ExtrasModule {
  /** Add to a card the price in the reader's currency, now and whenever it changes, and the line for readers without a wallet. */
  extend(context: PaymentContext): Promise<void>;
}
