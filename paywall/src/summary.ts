/** Summarises an item in the reader's language: `6 min read` or `PDF, 2.1 MB`, and how long the access lasts. */

import type { Item } from "./gateway.js";
import type { Language } from "./language.js";

const WORDS_PER_MINUTE = 220;
const KILO = 1000;
const SPANS: readonly (readonly [number, string])[] = [[86_400, "day"], [3_600, "hour"], [60, "minute"], [1, "second"]];

export function summary(item: Item, language: Language): string {
  const what = item.kind === "file"
    ? [media(item.media_type), size(item.byte_size, language)].filter(Boolean).join(", ")
    : language.say("read", {
      time: language.unit(Math.max(1, Math.ceil(item.word_count / WORDS_PER_MINUTE)), "minute", "short"),
    });
  if (item.access_seconds === null) return what;
  return language.say("during", { what, time: duration(item.access_seconds, language) });
}

/** The exact duration, such as `1 day 12 hours`. It is not rounded because the reader pays for it. */
function duration(seconds: number, language: Language): string {
  let rest = seconds;
  return SPANS.flatMap(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest %= length;
    return count ? [language.unit(count, unit, "long")] : [];
  }).join(" ");
}

function media(type: string): string {
  const short = type === "audio/mpeg" ? "mp3" : type.split(/[/+]/)[1] ?? "";
  return /^[a-z0-9]{2,5}$/.test(short) ? short.toUpperCase() : "";
}

function size(bytes: number, language: Language): string {
  if (bytes < KILO) return language.unit(bytes, "byte", "long");
  if (bytes < KILO * KILO) return language.unit(Math.round(bytes / KILO), "kilobyte", "short");
  return language.unit(Math.round(bytes / KILO / 100) / 10, "megabyte", "short");
}
