/** Derives readable button colours for light and dark pages from a creator's accent colour. */

type Colour = readonly [number, number, number];

const COPPER = "#a4552b";
const WHITE: Colour = [255, 255, 255];
const INK: Colour = [28, 23, 18];
const NIGHT: Colour = [23, 20, 17];
const TEXT_CONTRAST = 4.5;
const EDGE_CONTRAST = 3;

export interface Fill {
  /** The background, as a CSS colour. */
  fill: string;
  /** The text on it, as a CSS colour. */
  on: string;
}

/** `accent` is `#rrggbb`; anything else gives the default accent. At night the fill is lightened until it stands out. */
export function fills(accent: string): { day: Fill; night: Fill } {
  const colour = parse(/^#[0-9a-f]{6}$/i.test(accent) ? accent : COPPER);
  let lit = colour;
  for (let step = 1; step <= 20 && contrast(lit, NIGHT) < EDGE_CONTRAST; step++) {
    lit = colour.map((part) => Math.round(part + ((255 - part) * step) / 20)) as unknown as Colour;
  }
  return { day: filled(colour), night: filled(lit) };
}

function filled(colour: Colour): Fill {
  const on = [WHITE, INK].find((text) => contrast(text, colour) >= TEXT_CONTRAST) ?? [0, 0, 0];
  return { fill: `rgb(${colour})`, on: `rgb(${on})` };
}

function parse(hex: string): Colour {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Colour;
}

function contrast(one: Colour, other: Colour): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Relative luminance as WCAG 2.2 defines it. */
function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Colour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
