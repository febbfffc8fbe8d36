import type { Language } from "./language.js";

const COPIED_MILLISECONDS = 2_000;

/** Make `button` copy `text` to the clipboard and confirm it for two seconds. Calls `otherwise` if the browser forbids it. */
export function copyOnClick(button: HTMLElement, text: () => string, language: Language, otherwise?: () => void): void {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      return otherwise ? otherwise() : void prompt("", text());
    }
    button.textContent = language.say("copied");
    setTimeout(() => { button.textContent = label; }, COPIED_MILLISECONDS);
  });
}
