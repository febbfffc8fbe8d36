/** The payment sheet: a native dialog in the element's own root. It draws what the payment says. */

import { byline, price } from "../card.js";
import { copyOn } from "../copy.js";
import { h, svg, tick } from "../dom.js";
import { load } from "../gateway.js";
import type { Recover, Sale, Sheet } from "../interfaces.js";
import { paint, sheetOf } from "../style-sheet.js";
import { type MessageId, OPENED, SHEET } from "../words.js";
import { drawCode } from "./qr-code.js";
import { foldsOf } from "./sections.js";
import { Payment, type View } from "./payment.js";
import { inCurrency, rateOf } from "./rate.js";
import ways from "../ways.css";
import css from "./sheet.css";
import { celebrate, still } from "./celebration.js";
import { walletOf } from "./wallet.js";

const SEEN_MILLISECONDS = 900;
const LOOK = sheetOf(ways + css);

export const arrive = async () => (await load<Recover>("recover.js")).arrive();

export function makeSheet(opener: Sale): Sheet {
  const sale: Sale = { ...opener, language: opener.language.with(OPENED).with(SHEET) };
  const { root, language: { say } } = sale;
  if (!root.adoptedStyleSheets.includes(LOOK)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, LOOK];
  const parts = assemble(sale);
  const { dialog } = parts;
  const payment = new Payment(sale, (view) => {
    try {
      draw(sale, parts, view);
    } catch {
      broken();
    }
  });
  // Whatever the page has done to what this needs, nobody is left before an empty sheet.
  const broken = () => {
    const { line, act } = parts;
    line.textContent = say("failed");
    act.textContent = say("retry");
    act.dataset["act"] = "retry";
    act.hidden = false;
  };
  const begin = () => void payment.begin().catch(broken);
  const rate = rateOf(sale.gateway);
  const onAct: Record<string, () => void> = {
    code: () => payment.showCode(),
    ask: () => void payment.askWallet(),
    fresh: () => void payment.again(),
    retry: begin,
    // An item that is not sold here has a page of its own at the gateway.
    leave: () => void window.open(ownPage(sale), "_blank", "noopener"),
  };
  parts.act.addEventListener("click", () => onAct[parts.act.dataset["act"] ?? ""]?.());
  for (const way of [parts.wallet, parts.connect]) way.addEventListener("click", () => payment.linked());
  copyOn(parts.copy, () => parts.request.value, sale.language, () => {
    parts.request.hidden = false;
    parts.request.select();
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => payment.rest());
  root.append(dialog);
  return {
    get isOpen() {
      return dialog.open;
    },
    open() {
      if (dialog.open) return;
      const { title, creator, amount_msat, buys } = sale.subject();
      parts.by.fill(creator);
      parts.title.textContent = title;
      parts.sum.fill(sale.language.sat(amount_msat), buys);
      void rate.then((known) => { parts.fiat.textContent = known ? inCurrency(amount_msat, known, sale.language) : ""; });
      if (dialog.dataset["step"] === "settled") payment.reset();
      dialog.showModal();
      begin();
    },
    close: () => dialog.close(),
    told: (attempt, told) => payment.told(attempt, told),
    paid() {
      payment.paid();
      parts.line.textContent = say("opening");
      if (dialog.open) celebrate(parts.plate);
    },
    async leave() {
      if (dialog.open && !still()) await new Promise((resolve) => setTimeout(resolve, SEEN_MILLISECONDS));
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

function draw(sale: Sale, parts: Parts, view: View): void {
  const { step, wallet, line, invoice, left, forgets } = view;
  const { say } = sale.language;
  const { dialog, plate, act } = parts;
  const words = line && say(line);
  parts.forgets.hidden = !forgets || step === "failed";
  dialog.dataset["step"] = step;
  dialog.dataset["wallet"] = wallet;
  if (parts.line.textContent !== words) parts.line.textContent = words;
  parts.left.textContent = left === undefined ? "" : sale.language.unit(left, "second", "narrow");
  const action = actOf(view);
  act.hidden = !action;
  act.dataset["act"] = action?.[0] ?? "";
  if (action) act.textContent = say(action[1]);
  if (step === "asking") forget(parts);
  if (!invoice || plate.dataset["hash"] === invoice.payment_hash || step === "asking") return;
  plate.dataset["hash"] = invoice.payment_hash;
  parts.sum.fill(sale.language.sat(invoice.amount_msat), sale.subject().buys);
  parts.wallet.href = "lightning:" + invoice.payment_request;
  parts.connect.href = `${ownPage(sale)}#invoice=${invoice.payment_hash}`;
  parts.request.value = invoice.payment_request;
  void showCode(sale, parts, invoice.payment_hash);
}

type Act = "code" | "ask" | "fresh" | "retry" | "leave";

function actOf({ step, wallet, line, forgets }: View): [Act, MessageId] | undefined {
  if (step === "failed") {
    if (line === "unopened") return undefined;
    return line === "elsewhere" || line === "unshown" ? ["leave", "ownPage"] : ["retry", "retry"];
  }
  if (step === "stale") return ["fresh", "fresh"];
  if (step !== "waiting") return undefined;
  if (wallet === "asked") return ["code", "showCode"];
  if (wallet === "none" && forgets && walletOf()) return ["ask", "wallet"];
  return wallet === "refused" && walletOf() ? ["ask", "askAgain"] : undefined;
}

/** An invoice that is no longer offered cannot be scanned, copied or opened. */
function forget({ plate, wallet, request }: Parts): void {
  delete plate.dataset["hash"];
  plate.querySelector(".code")?.remove();
  wallet.removeAttribute("href");
  request.value = "";
}

async function showCode(sale: Sale, { plate }: Parts, hash: string): Promise<void> {
  for (let tries = 0; plate.dataset["hash"] === hash && tries < 5; tries++) {
    try {
      const code = await drawCode(sale.gateway, hash, sale.language.say("qr"));
      if (plate.dataset["hash"] !== hash) return;
      plate.querySelector(".code")?.remove();
      return plate.prepend(code);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

/** The gateway's page of what is paid for. */
function ownPage({ gateway, subject }: Sale): string {
  const [, kind, name] = subject().path.split("/");
  return gateway.url(`${kind === "items" ? "i" : "t"}/${name}`);
}

function assemble(sale: Sale) {
  const { gateway, language: { say } } = sale;
  const by = byline(), sum = price();
  const fiat = h("span", { class: "fiat", part: "fiat" });
  sum.row.firstElementChild?.append(" ", fiat);
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
  // A connection spends: it is made on the gateway's own pages, and where the gateway shares its origin, nowhere.
  const connect = h("a", { class: "fold", part: "connect", target: "_blank", rel: "noopener noreferrer" }, say("connect"));
  connect.hidden = new URL(gateway.base).pathname !== "/";
  // A tip opens nothing that could be opened again.
  const folds = foldsOf(sale, sale.keeps ? ["help", "recover"] : ["help"], connect);
  const dialog = h("dialog", { class: "till sheet", part: "sheet", "aria-labelledby": "title", lang: sale.language.tag },
    h("div", { class: "inside", tabindex: "-1", autofocus: true },
      h("header", {}, by.row, close), title, sum.row, forgets,
      h("div", { class: "pay-by" }, plate, h("p", { class: "ways" }, wallet, copy), request),
      h("div", { class: "tell" }, line, left), act, folds,
      h("p", { class: "host" }, gateway.host)));
  paint(dialog, sale.fills);
  close.addEventListener("click", () => dialog.close());
  return { dialog, by, sum, fiat, title, plate, wallet, copy, request, line, left, act, connect, forgets };
}
