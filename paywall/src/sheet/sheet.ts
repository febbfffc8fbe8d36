/** The payment sheet: a native dialog in the element's shadow root that renders the state of a payment. */

import { byline, price } from "../card.js";
import { copyOnClick } from "../copy.js";
import { h, svg, tick } from "../dom.js";
import { load } from "../gateway.js";
import type { RecoverModule, PaymentContext, Sheet } from "../interfaces.js";
import { paint, styleSheet } from "../style-sheet.js";
import { type MessageId, OPENED, RATE, SHEET } from "../words.js";
import { drawCode } from "./qr-code.js";
import { type Section, sectionsOf } from "./sections.js";
import { Payment, type View } from "./payment.js";
import { inCurrency, rateOf } from "../rate/exchange-rate.js";
import ways from "../ways.css";
import css from "./sheet.css";
import { celebrate } from "./celebration.js";
import { walletOf } from "./wallet.js";

const SEEN_MILLISECONDS = 450;
const STYLES = styleSheet(ways + css);

export const openLink = async () => (await load<RecoverModule>("recover.js")).openLink();

export function makeSheet(opener: PaymentContext): Sheet {
  const context: PaymentContext = { ...opener, language: opener.language.with({ ...OPENED, ...RATE, ...SHEET }) };
  const { root, language: { say } } = context;
  if (!root.adoptedStyleSheets.includes(STYLES)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, STYLES];
  const parts = assemble(context, () => void payment.askWallet());
  const { dialog } = parts;
  const payment = new Payment(context, (view) => {
    try {
      draw(context, parts, view);
    } catch {
      showFailure();
    }
  });
  // The page may have broken a function that the sheet needs; the reader then gets a message and a retry button.
  const showFailure = () => {
    const { line, act } = parts;
    line.textContent = say("failed");
    act.textContent = say("retry");
    act.dataset["act"] = "retry";
    act.hidden = false;
  };
  const begin = () => void payment.begin().catch(showFailure);
  const actions: Record<string, () => void> = {
    code: () => payment.showCode(),
    ask: () => void payment.askWallet(),
    fresh: () => void payment.renew(),
    retry: begin,
    // An item that may not be sold on this site can be bought on its page at the gateway.
    leave: () => void window.open(ownPage(context), "_blank", "noopener"),
  };
  parts.act.addEventListener("click", () => actions[parts.act.dataset["act"] ?? ""]?.());
  parts.wallet.addEventListener("click", () => payment.linked());
  parts.connect?.addEventListener("click", () => payment.left());
  copyOnClick(parts.copy, () => parts.request.value, context.language, () => {
    parts.request.hidden = false;
    parts.request.select();
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => payment.pause());
  root.append(dialog);
  return {
    get isOpen() {
      return dialog.open;
    },
    open() {
      if (dialog.open) return;
      const { title, creator, amount_msat, summary } = context.terms();
      parts.by.fill(creator);
      parts.title.textContent = title;
      parts.showPrice(amount_msat, summary);
      if (dialog.dataset["step"] === "settled") payment.reset();
      dialog.showModal();
      // The focus scrolls to the middle of what is higher than the window.
      dialog.scrollTop = 0;
      begin();
    },
    unfold(section) {
      parts.folds.querySelector<HTMLElement>(`[part=${section}]`)?.click();
    },
    close: () => dialog.close(),
    update: (attempt, state) => payment.update(attempt, state),
    paid(line = "opening") {
      payment.paid();
      parts.line.textContent = say(line);
      if (dialog.open) celebrate(parts.plate);
    },
    async leave() {
      if (dialog.open) await new Promise((resolve) => setTimeout(resolve, SEEN_MILLISECONDS));
      dialog.close();
    },
    remove() {
      payment.stop();
      dialog.close();
      dialog.remove();
    },
  };
}

type Parts = ReturnType<typeof assemble>;

function draw(context: PaymentContext, parts: Parts, view: View): void {
  const { step, wallet, line, invoice, left, forgets } = view;
  const { say } = context.language;
  const { dialog, plate, act } = parts;
  const text = line && say(line);
  parts.forgets.hidden = !forgets || step === "failed";
  dialog.dataset["step"] = step;
  dialog.dataset["wallet"] = wallet;
  if (parts.line.textContent !== text) parts.line.textContent = text;
  parts.left.textContent = left === undefined ? "" : say("seconds", { seconds: String(left) });
  const action = actOf(view, context);
  act.hidden = !action;
  act.dataset["act"] = action?.[0] ?? "";
  if (action) act.textContent = say(action[1]);
  if (step === "asking") removeInvoice(parts);
  if (!invoice || plate.dataset["hash"] === invoice.payment_hash || step === "asking") return;
  plate.dataset["hash"] = invoice.payment_hash;
  parts.showPrice(invoice.amount_msat, context.terms().summary);
  parts.wallet.href = "lightning:" + invoice.payment_request;
  if (parts.connect) parts.connect.href = `${ownPage(context)}#invoice=${invoice.payment_hash}`;
  parts.request.value = invoice.payment_request;
  void showCode(context, parts, invoice.payment_hash);
}

type Act = "code" | "ask" | "fresh" | "retry" | "leave";

function actOf({ step, wallet, line, forgets }: View, context: PaymentContext): [Act, MessageId] | undefined {
  if (step === "failed") {
    if (line === "unopened") return undefined;
    return line === "elsewhere" || line === "unshown" ? ["leave", "ownPage"] : ["retry", "retry"];
  }
  if (step === "stale") return context.follows ? undefined : ["fresh", "fresh"];
  if (step !== "waiting") return undefined;
  if (wallet === "asked") return ["code", "showCode"];
  if (wallet === "none" && forgets && walletOf(context)) return ["ask", "wallet"];
  return /refused|unreached/.test(wallet) && walletOf(context) ? ["ask", "askAgain"] : undefined;
}

/** Remove an invoice that is no longer offered, so that it cannot be scanned, copied or opened. */
function removeInvoice({ plate, wallet, request }: Parts): void {
  delete plate.dataset["hash"];
  plate.querySelector(".code")?.remove();
  wallet.removeAttribute("href");
  request.value = "";
}

async function showCode(context: PaymentContext, { plate }: Parts, hash: string): Promise<void> {
  for (let tries = 0; plate.dataset["hash"] === hash && tries < 5; tries++) {
    try {
      const code = await drawCode(context.gateway, hash, context.language.say("qr"));
      if (plate.dataset["hash"] !== hash) return;
      plate.querySelector(".code")?.remove();
      return plate.prepend(code);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

/** The product's page at the gateway. */
function ownPage({ gateway, terms }: PaymentContext): string {
  const [, kind, name] = terms().path.split("/");
  return gateway.url(`${kind === "items" ? "i" : "t"}/${name}`);
}

/** A connection can spend, so it is made only on the gateway's pages, and not at all if the gateway shares its origin. */
function connectLink({ connection, gateway, language }: PaymentContext): HTMLAnchorElement | undefined {
  if (connection || new URL(gateway.base).pathname !== "/") return undefined;
  return h("a", { class: "fold", part: "connect", target: "_blank", rel: "noopener noreferrer" }, language.say("connect"));
}

function assemble(context: PaymentContext, askWallet: () => void) {
  const { gateway, language } = context;
  const { say } = language;
  const by = byline(), sum = price();
  const fiat = h("span", { class: "fiat", part: "fiat", translate: "no" });
  sum.row.firstElementChild?.after(" ", fiat);
  const title = h("h2", { id: "title", part: "title", dir: "auto" });
  const close = h("button", { type: "button", class: "close", part: "close", "aria-label": say("close") },
    svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: "m6 6 12 12M18 6 6 18" })));
  const plate = h("div", { class: "plate", part: "plate" }, tick());
  const wallet = h("a", { class: "way first", part: "wallet" }, say("wallet"));
  const copy = h("button", { type: "button", class: "way", part: "copy" }, say("copy"));
  const request = h("input", { class: "request", dir: "ltr", translate: "no", readonly: true, hidden: true, "aria-label": say("invoice") });
  const forgets = h("p", { class: "forgets", hidden: true }, say("forgets"));
  const line = h("p", { class: "status", part: "status", role: "status", "aria-live": "polite" });
  const left = h("span", { class: "left", "aria-hidden": "true" });
  const act = h("button", { type: "button", class: "act", part: "act", hidden: true });
  const connect = connectLink(context);
  // A tip unlocks nothing, so it has no recovery code.
  const sections: Section[] = ["help"];
  if (context.connection) sections.push("connect");
  if (context.reopens && !context.follows) sections.push("recover");
  const folds = sectionsOf(context, sections, connect, askWallet);
  const host = h("p", { class: "host" }, new URL(gateway.base).host);
  const dialog = h("dialog", { class: "till sheet", part: "sheet", "aria-labelledby": "title", lang: context.language.tag },
    h("div", { class: "inside", tabindex: "-1", autofocus: true },
      h("header", {}, by.row, close), title, sum.row, forgets,
      h("div", { class: "pay-by" }, plate, h("p", { class: "ways" }, copy, wallet), request),
      h("div", { class: "tell" }, line, left), act, folds,
      host),
    h("slot", { name: "sheet" }));
  paint(dialog, context.fills);
  close.addEventListener("click", () => dialog.close());
  const rate = rateOf(gateway);
  void rate.then((known) => known?.fixed && host.append(" · ", say("sampleRate")));
  const showPrice = (msat: number, summary: string) => {
    sum.fill(language.sat(msat), summary);
    void rate.then((known) => { fiat.textContent = known && inCurrency(msat, known, language); });
  };
  return { dialog, by, showPrice, title, plate, wallet, copy, request, line, left, act, connect, folds, forgets };
}
