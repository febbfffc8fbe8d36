"""A preview fades only where it is cut off: what can be read for free is read to its end."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.appearance.pictures import darkest_lines
from tests.browser.conftest import NewReader
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE
from tests.support.site import Site

KOREAN = "정류장에서 집까지는 걸어서 십 분이 걸린다. " * 5
LONG = "The kettle had been on the stove since six, and nobody had thought of it. " * 40
SCREENS: dict[str, dict[str, Any]] = {
    "a desk": DESKTOP,
    "a phone": PHONE,
    "a small phone": SMALL_PHONE,
    "no script": PHONE | {"java_script_enabled": False},
}
SAME = 24
"""How far two lines of the same ink may differ, of 255 levels."""


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("preview", ["One line is free.", KOREAN], ids=["a line", "a paragraph"])
async def test_a_preview_that_fits_is_as_dark_at_its_end(
    site: Site, new_reader: NewReader, screen: str, preview: str
) -> None:
    await site.sell_text(f"# A text\n\n{preview}\n\n<!-- more -->\n\nPaid.")
    reader = await new_reader(url=site.url, **SCREENS[screen])
    await reader.open("/i/welcome")
    first, last = await darkest_lines(reader.text)
    assert abs(first - last) < SAME


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_preview_that_is_cut_off_fades_away(site: Site, new_reader: NewReader, screen: str) -> None:
    await site.sell_text(f"# A text\n\n{LONG}\n\n<!-- more -->\n\nPaid.")
    reader = await new_reader(url=site.url, **SCREENS[screen])
    await reader.open("/i/welcome")
    first, last = await darkest_lines(reader.page.locator(".excerpt"))
    assert last - first > 2 * SAME


async def test_what_is_no_longer_sold_has_its_preview_whole(site: Site, new_reader: NewReader) -> None:
    await site.sell_text(f"# A text\n\n{LONG}\n\nThe end of it.\n\n<!-- more -->\n\nPaid.")
    await site.call("PATCH", "/v1/admin/items/welcome", json={"state": "archived"}, headers=site.operator)
    reader = await new_reader(url=site.url, **PHONE)
    await reader.open("/i/welcome")
    end = reader.text.get_by_text("The end of it.")
    await end.scroll_into_view_if_needed()
    beginning, _ = await darkest_lines(reader.page.locator("h1"))
    _, last = await darkest_lines(end)
    assert abs(beginning - last) < SAME


async def test_a_preview_in_an_embed_is_as_dark_at_its_end(site: Site, new_reader: NewReader) -> None:
    await site.sell_text(f"# A text\n\n{KOREAN}\n\n<!-- more -->\n\nPaid.")
    reader = await new_reader(url=site.url, **PHONE)
    await reader.open("/embed?what=welcome")
    await expect(reader.page.locator("tuppence-paywall button.pay")).to_be_visible()
    first, last = await darkest_lines(reader.page.locator("[slot=preview] p"))
    assert abs(first - last) < SAME
