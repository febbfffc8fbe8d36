/** For a reader who meets Lightning for the first time. */

import { h } from "../dom.js";
import type { Fold } from "../interfaces.js";
import { HELP } from "../words.js";

export const unfold: Fold["unfold"] = ({ language }) => {
  const { say } = language.with(HELP);
  return h("div", {}, h("p", {}, say("helpWhat")), h("p", {}, say("helpHow")));
};
