/** Picks the reader's language (the element's, else its page's, else the browser's; English as the fallback) and formats text. */

import { fileUrl } from "./gateway.js";
import { type MessageId, PAGE, type Words } from "./words.js";

const LOADED: Record<string, string> = { de: "de", es: "es", fr: "fr", ja: "ja", ko: "ko", pt: "pt-BR", zh: "zh-Hans" };

export interface Language {
  readonly tag: string;
  say(id: MessageId, values?: Record<string, string>): string;
  /** An amount in msat as sats, with up to three decimals, so never rounded. */
  sat(msat: number): string;
  number(value: number, options?: Intl.NumberFormatOptions): string;
  unit(value: number, unit: string, display: "short" | "long"): string;
  /** Adds the English messages of another file of the script, which apply where no translation is loaded. */
  with(part: Partial<Words>): Language;
}

/** The nearest `lang` attribute above an element, across shadow roots; else the browser's language. */
export function wantedTag(host: Element): string {
  for (let at: Element | null = host; at;) {
    const named: Element | null = at.closest("[lang]");
    if (named) return named.getAttribute("lang") || navigator.language;
    const root: Node = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return navigator.language;
}

export async function languageOf(host: Element): Promise<Language> {
  for (const tag of [wantedTag(host), navigator.language]) {
    const short = shortOf(tag);
    if (short === "en") return languageFor(tag, {});
    const file = LOADED[short];
    if (!file) continue;
    try {
      return languageFor(tag, await (await fetch(fileUrl(`words-${file}.json`))).json() as Words);
    } catch {
      // A price in English is better than no price.
      break;
    }
  }
  return languageFor("en", {});
}

function languageFor(tag: string, translated: Partial<Words>): Language {
  const words: Partial<Words> = { ...PAGE, ...translated };
  const number: Language["number"] = (value, options) => {
    try {
      return value.toLocaleString(tag, options);
    } catch {
      return value.toLocaleString("en", options);
    }
  };
  return {
    tag,
    say: (id, values = {}) => (words[id] ?? id).replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? ""),
    sat: (msat) => number(msat / 1000, { maximumFractionDigits: 3 }),
    with: (part) => languageFor(tag, { ...part, ...words }),
    number,
    unit: (value, unit, unitDisplay) => number(value, { style: "unit", unit, unitDisplay }),
  };
}

function shortOf(tag: string): string {
  return tag.toLowerCase().split("-")[0] as string;
}
