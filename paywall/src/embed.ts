/** The script that a page includes: registers the custom elements and upgrades `data-tuppence` placeholders. */

import { define } from "./define.js";
import { load } from "./gateway.js";
import type { SheetModule } from "./interfaces.js";
import { upgrade } from "./upgrade.js";

define();
// Older versions stored a wallet connection on the embedding page's origin, where every script of the page can read it.
try {
  localStorage.removeItem("tuppence:wallet");
} catch {
  // Without storage there is nothing to remove.
}
upgrade(document);
// An async module may run before the document is parsed.
document.addEventListener("DOMContentLoaded", () => upgrade(document));
// A link from the gateway carries a code in the fragment; it can also be followed while the page is open.
const openLink = () => location.hash.startsWith("#tuppence=") && void load<SheetModule>("sheet.js").then((sheet) => sheet.openLink());
openLink();
addEventListener("hashchange", openLink);

export { upgrade };
export const version = VERSION;
