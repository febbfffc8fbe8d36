/** A wallet of the reader's own, over Nostr Wallet Connect. A connection is a secret that spends: it is made and kept on the
 * gateway's own pages alone, where no script of a page that embeds us can read it. Loaded when a reader asks for it. */

import { complaint, h } from "../dom.js";
import { gatewayOf } from "../gateway.js";
import { follow } from "./embedded-invoice.js";
import { overNostr } from "./nostr.js";
import type { Place, Tell } from "./host-page.js";

const CONNECTION = /^nostr\+?walletconnect:(\/\/)?[0-9a-f]{64}\?(?=.*relay=ws)(?=.*secret=[0-9a-f]{64})/i;

/** The page's sentences stand in it, in its reader's language. */
type Say = (id: string) => string;

export interface Connected {
  /** Pay the shown invoice, if a wallet is connected. */
  pay(): Promise<void>;
  /** Show the invoice that a page which embeds us waits for, until it is final. */
  follow(hash: string): Promise<void>;
}

export function connectOn(place: Place): Connected {
  const line = document.getElementById("status") as HTMLElement;
  const say: Say = (id) => place.fold.dataset[id] ?? line.dataset[id] ?? "";
  const tell: Tell = (id) => { line.textContent = say(id); };
  let address = kept(place.shelf);
  const pay = async () => {
    const invoice = place.shown();
    if (!invoice || !address) return;
    tell("confirm");
    place.fold.open = false;
    const wallet = overNostr(address);
    let isHanded = false;
    try {
      await wallet.enable();
      isHanded = true;
      await wallet.sendPayment(invoice.payment_request);
      if (place.shown() === invoice && line.textContent === say("confirm")) tell("paying");
    } catch {
      if (place.shown() === invoice) tell(isHanded ? "declined" : "unreached");
    }
  };
  place.fold.append(form(say, () => address, (text, keep) => {
    address = text;
    put(place.shelf, keep ? text : "");
    void pay();
  }));
  return { pay, follow: (hash) => follow(gatewayOf(document.documentElement), hash, place, tell) };
}

function form(say: Say, connection: () => string, use: (address: string, keep: boolean) => void): HTMLElement {
  const field = h("input", {
    class: "field", name: "connection", required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    placeholder: "nostr+walletconnect://", "aria-describedby": "connection-mistake", dir: "ltr", translate: "no",
  });
  const keep = h("input", { type: "checkbox", name: "keep" });
  const mistake = complaint("connection-mistake");
  const asked = h("form", {}, h("p", {}, say("how")), h("label", {}, say("connection"), " ", field), mistake,
    h("label", { class: "keep" }, keep, " ", say("keep")), h("button", { class: "way" }, say("pay")));
  const again = h("button", { type: "button", class: "way" }, say("pay"));
  const leave = h("button", { type: "button", class: "way" }, say("disconnect"));
  const connected = h("div", {}, h("p", {}, say("connected")), h("p", { class: "ways" }, again, leave));
  let isKept = Boolean(connection());
  const show = () => ([asked.hidden, connected.hidden] = [Boolean(connection()), !connection()]);
  asked.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    const isWhole = CONNECTION.test(text);
    mistake.textContent = isWhole ? "" : say("wrong");
    field.ariaInvalid = String(!isWhole);
    if (!isWhole) return field.focus();
    isKept = keep.checked;
    use(text, isKept);
    asked.reset();
    show();
  });
  again.addEventListener("click", () => use(connection(), isKept));
  leave.addEventListener("click", () => {
    use("", false);
    show();
    field.focus();
  });
  show();
  return h("div", {}, asked, connected);
}

function kept(shelf: string): string {
  try {
    return localStorage.getItem(shelf) ?? "";
  } catch {
    return "";
  }
}

function put(shelf: string, address: string): void {
  try {
    if (address) localStorage.setItem(shelf, address);
    else localStorage.removeItem(shelf);
  } catch {
    // A browser without storage has nothing to keep it in.
  }
}
