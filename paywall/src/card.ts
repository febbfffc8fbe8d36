/** DOM fragments that the elements and the payment sheet share. */

import { h } from "./dom.js";

export function byline(): { row: HTMLElement; fill(creator: string, text?: string): void } {
  const mark = h("span", { class: "mark", part: "mark", "aria-hidden": "true" });
  const name = h("span", { class: "name", part: "creator", dir: "auto" });
  return {
    row: h("p", { class: "by" }, mark, name),
    fill(creator, text = creator) {
      mark.textContent = [...creator.trim()][0]?.toUpperCase() ?? "";
      name.textContent = text;
    },
  };
}

export function price(): { row: HTMLElement; fill(sat: string, summary: string): void } {
  const amount = h("strong", { part: "amount" }, "0");
  const description = h("span", { class: "buys", part: "buys" }, "\u00a0");
  return {
    row: h("p", { class: "price" }, h("span", { class: "sum", translate: "no", dir: "ltr" }, amount, " ", h("span", { class: "unit" }, "sat")), description),
    fill(sat, summary) {
      amount.textContent = sat;
      description.textContent = summary;
    },
  };
}
