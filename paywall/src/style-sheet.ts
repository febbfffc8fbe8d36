import type { Fill } from "./accent.js";

/** A constructed style sheet: it needs no permission for inline styles in the page's content security policy. */
export function styleSheet(css: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

/** Set the custom properties of the accent colours on an element. */
export function paint(element: HTMLElement, { day, night }: { day: Fill; night: Fill }): void {
  element.style.setProperty("--day", day.fill);
  element.style.setProperty("--day-on", day.on);
  element.style.setProperty("--night", night.fill);
  element.style.setProperty("--night-on", night.on);
}
