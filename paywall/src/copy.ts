import type { Language } from "./language.js";

const COPIED_MILLISECONDS = 2_000;

/** Copies at a press, and says so; `otherwise` where the browser forbids it. */
export function copyOn(button: HTMLElement, text: () => string, language: Language, otherwise?: () => void): void {
  const words = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      return otherwise ? otherwise() : void prompt("", text());
    }
    button.textContent = language.say("copied");
    setTimeout(() => { button.textContent = words; }, COPIED_MILLISECONDS);
  });
}
