/** A short animation of coins after a payment. None if the reader prefers reduced motion. */

import { h } from "../dom.js";

const COINS = 14;
const MILLISECONDS = 600;

export function celebrate(plate: HTMLElement): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (let n = 0; n < COINS; n++) {
    const coin = h("i", { class: "coin", "aria-hidden": "true" });
    plate.append(coin);
    const angle = ((n + (n % 2) / 2) / COINS) * 2 * Math.PI;
    const reach = 70 + (n % 3) * 26;
    const [x, y] = [Math.cos(angle) * reach, Math.sin(angle) * reach];
    coin.animate([
      { transform: "translate(0, 0) scale(.4)", opacity: 0 },
      { transform: `translate(${x * 0.8}px, ${y * 0.8}px) scale(1)`, opacity: 1, offset: 0.45 },
      { transform: `translate(${x}px, ${y + 18}px) scale(.6)`, opacity: 0 },
    ], { duration: MILLISECONDS, easing: "cubic-bezier(.2, .7, .3, 1)", fill: "both" }).finished.then(() => coin.remove(), () => {});
  }
}
