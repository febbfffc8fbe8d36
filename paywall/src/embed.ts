/** The one script: registers the elements, and makes elements of what stands for them. */

import { define } from "./define.js";
import { load } from "./gateway.js";
import type { SheetModule } from "./interfaces.js";
import { upgrade } from "./upgrade.js";

define();
// Older versions kept a wallet's connection here, where every script of the page can read it.
try {
  localStorage.removeItem("tuppence:wallet");
} catch {
  // Without storage nothing was kept.
}
upgrade(document);
// An async module may run before the page is whole.
document.addEventListener("DOMContentLoaded", () => upgrade(document));
// The gateway led here, or leads here while the page is open: what it paid for is in this page.
const arrive = () => location.hash.startsWith("#tuppence=") && void load<SheetModule>("sheet.js").then((sheet) => sheet.arrive());
arrive();
addEventListener("hashchange", arrive);

export { upgrade };
export const version = VERSION;
