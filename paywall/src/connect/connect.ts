/** Connects the reader's wallet over Nostr Wallet Connect. The connection string is a secret that can spend money, so it is
 * entered and stored only on the gateway's own pages, where no script of an embedding page can read it. */

import { fieldError, h } from "../dom.js";
import { gatewayOf } from "../gateway.js";
import { follow } from "./embedded-invoice.js";
import { overNostr } from "./nostr.js";
import type { HostPage, ShowStatus } from "./host-page.js";

const CONNECTION = /^nostr\+?walletconnect:(\/\/)?[0-9a-f]{64}\?(?=.*relay=ws)(?=.*secret=[0-9a-f]{64})/i;

/** Looks up a translated message in the data attributes of the page. */
type Say = (id: string) => string;

export interface Connected {
  /** Pay the shown invoice, if a wallet is connected. */
  pay(): Promise<void>;
  /** Show the invoice of an embedding page until its state is final. */
  follow(hash: string): Promise<void>;
}

/** Add the connection form to the page. */
export function connectOn(page: HostPage): Connected {
  const line = document.getElementById("status") as HTMLElement;
  const say: Say = (id) => page.details.dataset[id] ?? line.dataset[id] ?? "";
  const showStatus: ShowStatus = (id) => { line.textContent = say(id); };
  let address = storedConnection(page.storageKey);
  const pay = async () => {
    const invoice = page.shown();
    if (!invoice || !address) return;
    showStatus("confirm");
    page.details.open = false;
    const wallet = overNostr(address);
    let isHanded = false;
    try {
      await wallet.enable();
      isHanded = true;
      await wallet.sendPayment(invoice.payment_request);
      if (page.shown() === invoice && line.textContent === say("confirm")) showStatus("paying");
    } catch {
      if (page.shown() === invoice) showStatus(isHanded ? "declined" : "unreached");
    }
  };
  page.details.append(form(say, () => address, (text, keep) => {
    address = text;
    storeConnection(page.storageKey, keep ? text : "");
    void pay();
  }));
  return { pay, follow: (hash) => follow(gatewayOf(document.documentElement), hash, page, showStatus) };
}

function form(say: Say, connection: () => string, use: (address: string, keep: boolean) => void): HTMLElement {
  const field = h("input", {
    class: "field", name: "connection", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    placeholder: "nostr+walletconnect://", "aria-describedby": "connection-mistake", dir: "ltr", translate: "no",
  });
  const keep = h("input", { type: "checkbox", name: "keep" });
  const mistake = fieldError("connection-mistake");
  const asked = h("form", { novalidate: true }, h("p", {}, say("how")), h("label", {}, say("connection"), " ", field), mistake,
    h("label", { class: "keep" }, keep, " ", say("keep")), h("button", { class: "way" }, say("pay")));
  const again = h("button", { type: "button", class: "way" }, say("pay"));
  const leave = h("button", { type: "button", class: "way" }, say("disconnect"));
  const connected = h("div", {}, h("p", {}, say("connected")), h("p", { class: "ways" }, again, leave));
  let isStored = Boolean(connection());
  const show = () => ([asked.hidden, connected.hidden] = [Boolean(connection()), !connection()]);
  asked.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    const isWhole = CONNECTION.test(text);
    mistake.textContent = isWhole ? "" : say("wrong");
    field.ariaInvalid = String(!isWhole);
    if (!isWhole) return field.focus();
    isStored = keep.checked;
    use(text, isStored);
    asked.reset();
    show();
  });
  again.addEventListener("click", () => use(connection(), isStored));
  leave.addEventListener("click", () => {
    use("", false);
    show();
    field.focus();
  });
  show();
  return h("div", {}, asked, connected);
}

function storedConnection(storageKey: string): string {
  try {
    return localStorage.getItem(storageKey) ?? "";
  } catch {
    return "";
  }
}

function storeConnection(storageKey: string, address: string): void {
  try {
    if (address) localStorage.setItem(storageKey, address);
    else localStorage.removeItem(storageKey);
  } catch {
    // Without storage the connection lasts until the page is closed.
  }
}
