// Keeps the reader's place in what was paid for, over a reload and over going back. The page is shorter until its content is
// here, so the browser itself cannot restore the place.
const key = "tuppence:place:" + location.pathname;
const type = performance.getEntriesByType("navigation")[0]?.type;
let opened = false;

document.addEventListener("tuppence-unlocked", () => {
  history.scrollRestoration = "manual";
  opened = true;
  try {
    // A reader who has scrolled meanwhile stays there.
    if (/reload|back/.test(type) && !scrollY) scrollTo({ top: sessionStorage[key], behavior: "instant" });
  } catch {}
});
addEventListener("pagehide", () => {
  try { if (opened) sessionStorage[key] = Math.round(scrollY); } catch {}
});
