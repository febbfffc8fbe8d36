"""Every accent colour gives readable text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.web.pages.palette import COPPER, NIGHT, PAPER, contrast, palette

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
def test_text_on_the_accent_and_in_the_accent_has_enough_contrast(accent: str) -> None:
    day, night = variables(palette(accent))
    for colours, paper in ((day, PAPER), (night, NIGHT)):
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
        assert contrast(colours["accent-text"], paper) >= 4.5
    assert contrast(night["accent"], NIGHT) >= 3


@given(COLOURS)
def test_in_light_mode_the_accent_is_unchanged(accent: str) -> None:
    assert variables(palette(accent))[0]["accent"] == accent


@given(st.text())
def test_an_invalid_colour_becomes_copper_and_never_css(words: str) -> None:
    assert palette(words + "}") == palette(COPPER)


def variables(css: str) -> list[dict[str, str]]:
    """The variables by day and by night."""
    return [dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{6})", block)) for block in css.split("@media")]
