/** What a page of the gateway provides to the wallet connection. */

import type { Invoice } from "../gateway.js";

/** The section for the form, the storage key of the connection, and access to the shown invoice. */
export interface HostPage {
  details: HTMLDetailsElement;
  storageKey: string;
  shown(): Invoice | undefined;
  show(invoice: Invoice): void;
}

/** Shows a translated message in the status line, by its id. */
export type ShowStatus = (id: string) => void;
