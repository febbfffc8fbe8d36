/** The one script: registers the elements, and makes elements of what stands for them. */

import { define } from "./define.js";
import { upgrade } from "./upgrade.js";

define();
upgrade(document);
// An async module may run before the page is whole.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => upgrade(document), { once: true });

export { upgrade };
export const version = VERSION;
