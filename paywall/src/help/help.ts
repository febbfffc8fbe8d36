/** Explains to somebody who has no wallet how to pay: in the sheet, and on the card. */

import { h } from "../dom.js";
import type { SectionModule } from "../interfaces.js";
import type { Language } from "../language.js";
import { styleSheet } from "../style-sheet.js";
import { HELP } from "../words.js";
import { deviceOf, type Wallet, walletsOf } from "./wallets.js";
import css from "./help.css";

const STYLES = styleSheet(css);

export const render: SectionModule["render"] = async ({ root, gateway, language: base }) => {
  const language = base.with(HELP);
  const { say } = language;
  const device = deviceOf(navigator);
  const wallets = (await walletsOf(gateway)).filter(({ devices }) => !device || devices.includes(device));
  if (!root.adoptedStyleSheets.includes(STYLES)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, STYLES];
  return h("div", { class: "help" },
    h("p", {}, say("helpWhat")),
    h("ol", {},
      h("li", {}, say("helpGet"), wallets.length > 0 && h("ul", {}, ...wallets.map((wallet) => item(wallet, language, !device)))),
      h("li", {}, say("helpFill")),
      h("li", {}, say("helpPay"))),
    h("p", {}, say("helpFails")));
};

/** On a computer each wallet says where it runs. */
function item({ name, url, devices, minutes }: Wallet, { say, unit }: Language, named: boolean): HTMLElement {
  const places = { ios: "iPhone", android: "Android", browser: say("helpBrowser") };
  const time = say("helpTime", { time: unit(minutes, "minute", "short") }).replaceAll(" ", "\u00a0");
  return h("li", {},
    h("a", { href: url, target: "_blank", rel: "noopener noreferrer", translate: "no" }, name), " ",
    h("span", {}, [...(named ? devices.map((device) => places[device]) : []), time].join(" · ")));
}
