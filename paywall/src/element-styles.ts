import { styleSheet } from "./style-sheet.js";
import css from "./elements.css";

/** The style sheet that the shadow roots of all elements share. */
export const ELEMENT_STYLES = styleSheet(css);
