"""Whatever colour a creator chooses, everything on the page can be read."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.web.pages.palette import COPPER, NIGHT, PAPER, contrast, palette

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
def test_words_on_the_accent_and_in_the_accent_have_enough_contrast(accent: str) -> None:
    day, night = variables(palette(accent))
    for colours, paper in ((day, PAPER), (night, NIGHT)):
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
        assert contrast(colours["accent-text"], paper) >= 4.5
    assert contrast(night["accent"], NIGHT) >= 3


@given(COLOURS)
def test_by_day_the_accent_is_the_creators_own(accent: str) -> None:
    assert variables(palette(accent))[0]["accent"] == accent


@given(st.text())
def test_what_is_no_colour_becomes_copper_and_never_css(words: str) -> None:
    assert palette(words + "}") == palette(COPPER)


def variables(css: str) -> list[dict[str, str]]:
    """The variables by day and by night."""
    return [dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{6})", block)) for block in css.split("@media")]
