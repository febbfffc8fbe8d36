import type { Fill } from "./accent.js";

/** Constructed, so that a page's policy need not allow inline styles. */
export function sheetOf(css: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

export function paint(element: HTMLElement, { day, night }: { day: Fill; night: Fill }): void {
  element.style.setProperty("--day", day.fill);
  element.style.setProperty("--day-on", day.on);
  element.style.setProperty("--night", night.fill);
  element.style.setProperty("--night-on", night.on);
}
