/** The part of a page on which a wallet is connected. */

import type { Invoice } from "../gateway.js";

/** The fold that holds the connection, the key under which it is kept, and the invoice that the page shows. */
export interface Place {
  fold: HTMLDetailsElement;
  shelf: string;
  shown(): Invoice | undefined;
  show(invoice: Invoice): void;
}

/** Shows a sentence of the page, in its reader's language, by its id. */
export type Tell = (id: string) => void;
