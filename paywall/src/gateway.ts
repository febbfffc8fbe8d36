/** The gateway that an element pays: its addresses, and what it answers. */

import { h, ofDocument } from "./dom.js";

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
  /** Where a sealed text stands. */
  page_url: string | null;
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

/** A refusal of the gateway: an RFC 9457 problem. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, detail: string) {
    super(detail);
  }
}

/** No answer at all: offline, blocked by the page's policy, or the gateway is down. */
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

  /** The host that a reader should know the gateway by. */
  get host(): string {
    return new URL(this.base).host;
  }

  /** An answer that is 2xx. Throws Refusal, Unreachable. */
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

  async item(id: string): Promise<Item> {
    return (await this.ask("v1/items/" + encodeURIComponent(id))).json();
  }

  async creator(name: string): Promise<Creator> {
    return (await this.ask("v1/creators/" + encodeURIComponent(name))).json();
  }

  async invoice(hash: string): Promise<Invoice> {
    return (await this.ask("v1/invoices/" + hash)).json();
  }

  events(hash: string): EventSource {
    return new EventSource(this.url(`v1/invoices/${hash}/events`));
  }

  receipt(token: string): string {
    return this.url("r#" + token);
  }
}

export function bearer(token: string): RequestInit {
  return { headers: { Authorization: "Bearer " + token } };
}

/** Where this file came from: `…/embed/v1.js` or `…/embed/{version}/{part}.js`. */
const SCRIPT = /embed\/(?:v1|[^/]+\/\w+)\.js(?:\?.*)?$/;

export function gatewayOf(host: Element): Gateway {
  const named = host.getAttribute("gateway") ?? host.getAttribute("data-gateway");
  const base = named ? new URL(named, document.baseURI).href : import.meta.url.replace(SCRIPT, "");
  return new Gateway(base.replace(/\/*$/, "/"));
}

/** A file that belongs to this version of the script. */
export function fileUrl(name: string): string {
  return import.meta.url.replace(SCRIPT, "") + `embed/${VERSION}/${name}`;
}

/** A part of the script. It is refused when its bytes are not those of the build. */
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
      ofDocument("head").append(link);
    }).finally(() => link.remove());
  }
  return import(href);
}
