"""The colours of a page, derived from its creator's accent with sufficient contrast."""

import re

COPPER = "#a4552b"
PAPER = "#fcfaf6"
NIGHT = "#171411"
TEXT_CONTRAST = 4.5
EDGE_CONTRAST = 3.0

Colour = tuple[int, int, int]

_WHITE, _INK, _BLACK = (255, 255, 255), (28, 23, 18), (0, 0, 0)
_HEX = re.compile(r"#[0-9a-f]{6}")
_STEPS = 20


def palette(accent: str) -> str:
    """CSS variables for an accent `#rrggbb`, in light and dark mode; COPPER if it is not a colour."""
    colour = _parse(accent.lower() if _HEX.fullmatch(accent.lower()) else COPPER)
    day = _variables(colour, paper=_parse(PAPER), towards=_BLACK, fill=colour)
    lit = _until(colour, paper=_parse(NIGHT), towards=_WHITE, contrast_wanted=EDGE_CONTRAST)
    night = _variables(colour, paper=_parse(NIGHT), towards=_WHITE, fill=lit)
    return f":root{{{day}}}@media(prefers-color-scheme:dark){{:root{{{night}}}}}"


def shades(accent: str, count: int) -> list[Colour]:
    """`count` even steps from an accent `#rrggbb` to a text colour that is readable on it."""
    colour = _parse(accent)
    return [_mix(colour, _readable_on(colour), step / (count - 1)) for step in range(count)]


def contrast(one: str, other: str) -> float:
    """The WCAG contrast of two colours `#rrggbb`, from 1 to 21."""
    return _contrast(_parse(one), _parse(other))


def _variables(colour: Colour, *, paper: Colour, towards: Colour, fill: Colour) -> str:
    link = _until(colour, paper=paper, towards=towards, contrast_wanted=TEXT_CONTRAST)
    return f"--accent:{_format(fill)};--on-accent:{_format(_readable_on(fill))};--accent-text:{_format(link)}"


def _readable_on(fill: Colour) -> Colour:
    """White if it is readable on the fill, else ink, else black."""
    return next(c for c in (_WHITE, _INK, _BLACK) if c == _BLACK or _contrast(c, fill) >= TEXT_CONTRAST)


def _until(colour: Colour, *, paper: Colour, towards: Colour, contrast_wanted: float) -> Colour:
    """The colour, mixed with black or white only as far as the contrast with the paper requires."""
    for step in range(_STEPS + 1):
        mixed = _mix(colour, towards, step / _STEPS)
        if _contrast(mixed, paper) >= contrast_wanted:
            return mixed
    return towards


def _mix(one: Colour, other: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _contrast(one: Colour, other: Colour) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    """Relative luminance, WCAG 2.2."""
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parse(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _format(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
