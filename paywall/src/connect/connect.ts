/** The section that connects the reader's wallet over Nostr Wallet Connect. The connection is a secret that can spend money, so
 * it is entered and kept only on the gateway's own pages, where no script of an embedding page can read it. */

import { fieldError, h } from "../dom.js";
import type { Connection, SectionModule } from "../interfaces.js";
import type { Language } from "../language.js";
import { CONNECT } from "../words.js";

export { overNostr } from "./nostr.js";

const CONNECTION = /^nostr\+?walletconnect:(\/\/)?[0-9a-f]{64}\?(?=.*relay=ws)(?=.*secret=[0-9a-f]{64})/i;

export const render: SectionModule["render"] = ({ connection, language }, askWallet = () => {}) => {
  const section = h("div");
  const show = () => section.replaceChildren(...parts());
  const { say } = language.with(CONNECT);
  const use = (address: string, keep: boolean) => {
    connection?.use(address, keep);
    show();
    if (address) askWallet();
    else section.querySelector("input")?.focus();
  };
  const parts = () => connection?.address ? connected(say, askWallet, () => use("", false)) : [form(say, use)];
  show();
  return section;
};

function form(say: Language["say"], use: Connection["use"]): HTMLFormElement {
  const field = h("input", {
    name: "connection", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    placeholder: "nostr+walletconnect://", "aria-describedby": "connection-mistake", dir: "ltr", translate: "no",
  });
  const keep = h("input", { type: "checkbox", name: "keep" });
  const mistake = fieldError("connection-mistake");
  const asked = h("form", { novalidate: true }, h("p", {}, say("connectHow")), h("label", {}, say("connection"), " ", field), mistake,
    h("label", { class: "keep" }, keep, " ", say("connectKeep")), h("button", { class: "act" }, say("connectPay")));
  asked.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    const isWhole = CONNECTION.test(text);
    mistake.textContent = isWhole ? "" : say("connectWrong");
    field.ariaInvalid = String(!isWhole);
    if (isWhole) use(text, keep.checked);
    else field.focus();
  });
  return asked;
}

function connected(say: Language["say"], askWallet: () => void, leave: () => void): HTMLElement[] {
  const again = h("button", { type: "button", class: "way" }, say("connectPay"));
  const end = h("button", { type: "button", class: "way" }, say("disconnect"));
  again.addEventListener("click", askWallet);
  end.addEventListener("click", leave);
  return [h("p", {}, say("connected")), h("p", { class: "ways" }, again, end)];
}
