/** HTTP client for the gateway's API, and the URLs of the script's own files. */

import { h, documentProperty } from "./dom.js";

export interface Item {
  id: string;
  kind: "text" | "file" | "sealed";
  title: string;
  creator: string;
  creator_title: string;
  accent: string;
  price_msat: number;
  preview_html: string;
  access_seconds: number | null;
  media_type: string;
  byte_size: number;
  word_count: number;
  for_sale: boolean;
  /** The page that holds the ciphertext of a sealed text. */
  page_url: string | null;
  /** The gateway's page of what else the creator sells, if there is anything. */
  more_url: string | null;
}

export interface Creator {
  name: string;
  title: string;
  accent: string;
}

export type InvoiceState = "open" | "expired" | "settled" | "canceled";

export interface Invoice {
  payment_hash: string;
  payment_request: string;
  amount_msat: number;
  state: InvoiceState;
  expires_at: string;
  access_token?: string;
}

/** An error response of the gateway: an RFC 9457 problem document. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, detail: string) {
    super(detail);
  }
}

/** No response: the browser is offline, the page's policy blocks the request, or the gateway is down. */
export class Unreachable extends Error {
  readonly status = -1;
  readonly code = "unreachable";
}

export class Gateway {
  /** `base` ends with a slash. */
  constructor(readonly base: string) {}

  url(path: string): string {
    return this.base + path;
  }

  /** Send a request without cookies and return its 2xx response. Throws Refusal, Unreachable. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(this.url(path), { credentials: "omit", referrerPolicy: "no-referrer", ...init });
    } catch (error) {
      throw new Unreachable(String(error));
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new Refusal(answer.status, problem.code ?? "", problem.detail ?? "");
  }

  async json<T>(path: string): Promise<T> {
    return (await this.ask(path)).json();
  }

  /** Gives up soon, so that an answer that is lost on its way holds up no later one. */
  async invoice(hash: string): Promise<Invoice> {
    return (await this.ask("v1/invoices/" + hash, { signal: AbortSignal.timeout(15_000) })).json();
  }

  events(hash: string): EventSource {
    return new EventSource(this.url(`v1/invoices/${hash}/events`));
  }
}

export function bearer(token: string): RequestInit {
  return { headers: { Authorization: "Bearer " + token } };
}

/** Matches this file's path: `…/embed/v1.js` or `…/embed/{version}/{part}.js`. What precedes it is the gateway's base URL. */
const SCRIPT = /embed\/(?:v1|[^/]+\/\w+)\.js(?:\?.*)?$/;

/** The gateway that an element names, else the one that served this script. */
export function gatewayOf(host: Element): Gateway {
  const named = host.getAttribute("gateway") ?? host.getAttribute("data-gateway");
  const base = named ? new URL(named, document.baseURI).href : import.meta.url.replace(SCRIPT, "");
  return new Gateway(base.replace(/\/*$/, "/"));
}

/** The URL of a file of this version of the script. */
export function fileUrl(name: string): string {
  return import.meta.url.replace(SCRIPT, "") + `embed/${VERSION}/${name}`;
}

/** Import a part of the script after checking its integrity. Throws Unreachable if its bytes are not those of the build. */
export async function load<T>(name: string): Promise<T> {
  const href = fileUrl(name);
  const link = h("link");
  if (link.relList?.supports("modulepreload")) {
    link.rel = "modulepreload";
    link.integrity = INTEGRITY[name] ?? "";
    link.href = href;
    await new Promise<void>((resolve, reject) => {
      link.onload = () => resolve();
      link.onerror = () => reject(new Unreachable(href));
      documentProperty("head").append(link);
    }).finally(() => link.remove());
  }
  return import(href);
}
