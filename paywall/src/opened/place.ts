/** Keeps the reader's place over a reload and over going back. The page is shorter until the paid text is in it, so the browser
 * cannot restore the place. The page's own `history.scrollRestoration` is left alone. */

const placeKey = () => "tuppence:place:" + location.pathname + location.search;
let isKept = false;

/** Restore the place once the content is shown. */
export function keepPlace(): void {
  if (isKept) return;
  isKept = true;
  addEventListener("pagehide", () => {
    try {
      sessionStorage.setItem(placeKey(), String(Math.round(scrollY)));
    } catch {
      // The page then opens at its top.
    }
  });
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (/reload|back/.test(navigation?.type ?? "")) requestAnimationFrame(restorePlace);
}

/** The browser has scrolled to the end of the shorter page, or stayed at what follows the text. */
function restorePlace(): void {
  try {
    const top = sessionStorage.getItem(placeKey());
    if (top) scrollTo({ top: Number(top), behavior: "instant" });
  } catch {
    // Without storage there is no place to restore.
  }
}
