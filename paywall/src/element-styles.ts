import { sheetOf } from "./style-sheet.js";
import css from "./elements.css";

/** The look of all elements, shared by their shadow roots. */
export const LOOK = sheetOf(css);
