/** What a card shows besides the price in sats, loaded once it stands: the price in the reader's currency, and a line for readers
 * who have no wallet yet. Both have their room reserved. */

import type { ExtrasModule } from "../interfaces.js";
import { showRate } from "./fiat.js";
import { showFirstTime } from "./first-time.js";

export const extend: ExtrasModule["extend"] = (context) => {
  showFirstTime(context);
  return showRate(context);
};
