/** Types of the elements for TypeScript and JSX. */

export type TuppenceState = "loading" | "offered" | "paid" | "open";
export type TuppenceTheme = "auto" | "light" | "dark";

export interface TuppenceElement extends HTMLElement {
  readonly state: TuppenceState;
  /** Open the payment sheet. Call it only from a reader's click: a wallet may be asked to pay. */
  open(): Promise<void>;
  close(): void;
  /** Unlock with an access token, which a receipt link carries after its `#`. Returns whether it is paid. */
  unlock(token: string): Promise<boolean>;
}

export interface TuppenceInvoice {
  payment_hash: string;
  payment_request: string;
  amount_msat: number;
  state: "open" | "expired" | "settled" | "canceled";
  expires_at: string;
}

export interface TuppenceEventMap {
  "tuppence-ready": Event & { readonly detail: { title: string; amount_msat: number | null } };
  "tuppence-invoice": Event & { readonly detail: TuppenceInvoice };
  "tuppence-paid": Event & { readonly detail: { payment_hash: string } };
  "tuppence-unlocked": Event & { readonly detail: { payment_hash: string; again: boolean } };
  "tuppence-expired": Event & { readonly detail: { payment_hash: string } };
  "tuppence-error": Event & { readonly detail: { code: string; message: string } };
}

interface Common {
  theme?: TuppenceTheme;
  lang?: string;
  /** The gateway's base URL, if it did not serve the script. */
  gateway?: string;
  id?: string;
  class?: string;
  className?: string;
  slot?: string;
  hidden?: boolean;
  style?: unknown;
  key?: string | number | null;
  ref?: unknown;
  children?: unknown;
}

export interface TuppencePaywallAttributes extends Common {
  item: string;
  /** The page shows the preview itself, so only the rest of the text is inserted. */
  rest?: boolean | "";
  /** The ciphertext, written by `tuppence seal`. The payment unlocks its key. */
  sealed?: string;
}

export interface TuppenceTipAttributes extends Common {
  to: string;
  /** Whole sats. */
  amount?: number | string;
}

export interface TuppenceButtonAttributes extends Common {
  item?: string;
  to?: string;
  amount?: number | string;
  rest?: boolean | "";
}

interface TuppenceIntrinsicElements {
  "tuppence-paywall": TuppencePaywallAttributes;
  "tuppence-tip": TuppenceTipAttributes;
  "tuppence-button": TuppenceButtonAttributes;
}

declare global {
  interface HTMLElementTagNameMap {
    "tuppence-paywall": TuppenceElement;
    "tuppence-tip": TuppenceElement;
    "tuppence-button": TuppenceElement;
  }
  interface GlobalEventHandlersEventMap extends TuppenceEventMap {}
  interface DocumentEventMap extends TuppenceEventMap {}
  interface HTMLElementEventMap extends TuppenceEventMap {}
  namespace JSX {
    interface IntrinsicElements extends TuppenceIntrinsicElements {}
  }
}

declare module "react" {
  namespace JSX {
    interface IntrinsicElements extends TuppenceIntrinsicElements {}
  }
}
