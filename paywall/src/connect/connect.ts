/** A wallet of the reader's own, over Nostr Wallet Connect. Loaded only when they ask for it. */

import { complaint, h } from "../dom.js";
import type { Fold } from "../sale.js";
import { CONNECT } from "../words.js";

export { connect } from "./nostr.js";

const CONNECTION = /^nostr\+?walletconnect:(\/\/)?[0-9a-f]{64}\?(?=.*relay=ws)(?=.*secret=[0-9a-f]{64})/i;

export const unfold: Fold["unfold"] = ({ language }, { connection, use }) => {
  const { say } = language.with(CONNECT);
  const field = h("input", {
    name: "connection", required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    placeholder: "nostr+walletconnect://", "aria-describedby": "connection-mistake",
  });
  const keep = h("input", { type: "checkbox", name: "keep" });
  const mistake = complaint("connection-mistake");
  const form = h("form", {}, h("p", {}, say("connectHow")), h("label", {}, say("connection"), field), mistake,
    h("label", { class: "keep" }, keep, " ", say("connectKeep")), h("button", { class: "act" }, say("connectPay")));
  const leave = h("button", { type: "button", class: "act" }, say("disconnect"));
  const connected = h("div", {}, h("p", {}, say("connected")), leave);
  const show = () => ([form.hidden, connected.hidden] = [Boolean(connection()), !connection()]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    const isWhole = CONNECTION.test(text);
    mistake.textContent = isWhole ? "" : say("connectWrong");
    field.ariaInvalid = String(!isWhole);
    if (!isWhole) return field.focus();
    use(text, keep.checked);
    form.reset();
    show();
  });
  leave.addEventListener("click", () => {
    use("", false);
    show();
    field.focus();
  });
  show();
  return h("div", {}, form, connected);
};
