/** What the elements and the files that they load know of each other. */

import type { Fill } from "./accent.js";
import type { Goods, Subject, TipGoods } from "./product.js";
import type { Tell } from "./events.js";
import type { Gateway } from "./gateway.js";
import type { Language } from "./language.js";
import type { Attempt, Shelf } from "./attempts.js";
import type { Told } from "./invoice-watcher.js";

export type Obstacle = "" | "unshown" | "unopened";

export interface Sale {
  readonly root: ShadowRoot;
  readonly gateway: Gateway;
  readonly language: Language;
  readonly shelf: Shelf;
  readonly fills: { day: Fill; night: Fill };
  subject(): Subject;
  /** Follow an attempt that has an invoice, until that is final. */
  watch(attempt: Attempt): void;
  /** Ask about every attempt now. */
  look(): void;
  newKey(): string;
  /** Tell the page around the element. */
  readonly tell: Tell;
  /** Why this page could not show what is paid for, "" where it can. */
  readonly obstacle: Obstacle;
  /** Whether what is paid for stays open for who paid. */
  readonly keeps: boolean;
  /** Open with a token that was paid elsewhere. Gives whether it is paid. Throws Refusal, Unreachable. */
  unlock(token: string): Promise<boolean>;
}

export interface Sheet {
  /** Only ever by the reader's own tap: a wallet is asked. */
  open(): void;
  close(): void;
  readonly isOpen: boolean;
  told(attempt: Attempt, told: Told): void;
  paid(): void;
  /** The content is in the page: leave, but let the reader see that it was paid. */
  leave(): Promise<void>;
  remove(): void;
}

export interface SheetModule {
  makeSheet(sale: Sale): Sheet;
  /** Opens what the address of the page carries the way to. */
  arrive(): Promise<void>;
}

export interface Recover extends Fold {
  arrive(): Promise<void>;
}

/** What pays an invoice, as WebLN has it. */
export interface Wallet {
  enable(): Promise<unknown>;
  /** May answer late or never. */
  sendPayment(paymentRequest: string): Promise<unknown>;
}

/** A file of the sheet that is loaded when its fold is opened. */
export interface Fold {
  unfold(sale: Sale): Node;
}

/** What was paid for, to be shown in its element. */
export interface Paid {
  host: HTMLElement;
  frame: HTMLElement;
  gateway: Gateway;
  language: Language;
  goods: Goods;
  token: string;
  /** It was paid before. */
  again: boolean;
  /** The reader wants to tip once more. */
  onAgain(): void;
}

export interface Opened {
  /** Asked before anything is paid. */
  obstacleTo(host: HTMLElement, goods: Goods): Obstacle;
  /** Shows it; gives where the reader goes on, and false where it did not open. */
  unfold(paid: Paid): Promise<[landing: HTMLElement, isOpen: boolean]>;
}

export interface Tipping {
  makeForm(root: ShadowRoot, goods: TipGoods, language: Language, chosen: () => void): HTMLFormElement;
}
