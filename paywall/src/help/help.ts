/** The section that explains Lightning. */

import { h } from "../dom.js";
import type { SectionModule } from "../interfaces.js";
import { HELP } from "../words.js";

export const render: SectionModule["render"] = ({ language }) => {
  const { say } = language.with(HELP);
  return h("div", {}, h("p", {}, say("helpWhat")), h("p", {}, say("helpHow")));
};
