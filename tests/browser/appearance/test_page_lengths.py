"""Names and prices of any length fit, in every language, with letters twice as large."""

from typing import Any

import pytest
from playwright.async_api import Page

from gateway.web.http.language import LANGUAGES
from tests.browser.conftest import NewReader
from tests.browser.pages.test_layout import fits
from tests.browser.reader import PHONE, SMALL_PHONE, Reader
from tests.support.rows import a_creator
from tests.support.site import Site

NAMES = {
    "a public key": "npub1" + "q7w3e9r2t4y6u8p0a5s3d" * 3,
    "an address": "nora.lindqvist@thethursdaypress.example",
    "a German word": "Landesrundfunkprogrammdirektion",
    "the longest": "W" * 200,
}
SCREENS: dict[str, dict[str, Any]] = {"390 px": PHONE, "320 px": SMALL_PHONE}
EIGHT_DIGITS_MSAT = 44_444_444_000
TWICE = "() => { document.documentElement.style.fontSize = '200%' }"
# How many lines the text of an element has.
LINES = """(e) => {
  const range = document.createRange();
  range.selectNodeContents(e);
  let lines = 0, end = -Infinity;
  for (const { top, bottom } of range.getClientRects()) {
    if ((top + bottom) / 2 > end) lines++;
    end = Math.max(end, bottom);
  }
  return lines;
}"""


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_name_of_any_length_fits_from_price_to_receipt(
    site: Site, new_reader: NewReader, screen: str, name: str
) -> None:
    await site.gateway.catalog.add_creator(a_creator("long", title=NAMES[name]))
    shares = [{"creator": "long", "weight": 70}, {"creator": "bob", "weight": 30}]
    await site.sell_text(
        "# A text\n\nFree.\n\n<!-- more -->\n\nPaid.",
        creator="long",
        title=NAMES[name],
        shares=shares,
        price_msat=EIGHT_DIGITS_MSAT,
    )
    reader = await new_reader(url=site.url, **SCREENS[screen])
    for path in ("/i/welcome", "/t/long"):
        await reader.open(path)
        await fits(reader)
        invoice = await reader.press_pay()
        await fits(reader)
        await site.settle(invoice["payment_hash"])
        await reader.is_in("open")
        await fits(reader)
        await reader.page.locator("#receipt").click()
        await reader.page.locator("#bill[data-state=shown]").wait_for()
        await fits(reader)


@pytest.mark.parametrize("screen", SCREENS)
async def test_letters_twice_as_large_fit_in_every_language(site: Site, new_reader: NewReader, screen: str) -> None:
    await site.sell_text("# A text\n\nFree.\n\n<!-- more -->\n\nPaid.", price_msat=EIGHT_DIGITS_MSAT)
    reader = await new_reader(url=site.url, **SCREENS[screen])
    for tag in LANGUAGES:
        for path in ("/t/alice", "/i/welcome", "/recover", "/r"):
            await reader.open(f"{path}?lang={tag}")
            await reader.page.evaluate(TWICE)
            await fits(reader)
    await reader.open("/i/welcome")
    await reader.page.evaluate(TWICE)
    await reader.press_pay()
    await fits(reader)


@pytest.mark.parametrize("screen", SCREENS)
async def test_ten_thousand_fits_a_box_of_the_amounts(site: Site, new_reader: NewReader, screen: str) -> None:
    reader = await new_reader(url=site.url, **SCREENS[screen])
    await reader.open("/t/alice")
    boxes = reader.page.locator(".amount span:has-text('sat')")
    await boxes.locator("b").evaluate_all("(all) => all.forEach((one) => { one.textContent = '10,000' })")
    assert set(await boxes.evaluate_all(f"(all) => all.map({LINES})")) == {1}
    await fits(reader)


@pytest.mark.parametrize("screen", SCREENS)
async def test_buttons_side_by_side_are_one_line_each(site: Site, new_reader: NewReader, screen: str) -> None:
    await site.sell_text("# A text\n\nFree.\n\n<!-- more -->\n\nPaid.", price_msat=EIGHT_DIGITS_MSAT)
    reader = await new_reader(url=site.url, **SCREENS[screen] | {"has_touch": False, "is_mobile": False})
    for tag in LANGUAGES:
        await reader.open(f"/i/welcome?lang={tag}")
        await reader.press_pay()
        await are_one_line(reader.page, ".sheet .way")
        await fits(reader)


async def test_what_it_buys_stands_at_the_left_when_it_wraps(site: Site, new_reader: NewReader) -> None:
    await site.sell_text(
        "# A text\n\nFree.\n\n<!-- more -->\n\nPaid.", price_msat=EIGHT_DIGITS_MSAT, access_seconds=3 * 86_400 + 3_600
    )
    reader = await new_reader(url=site.url, **SMALL_PHONE)
    await reader.open("/i/welcome")
    price, buys = [await left_of(reader, selector) for selector in (".sum", ".buys")]
    assert price == buys


async def are_one_line(page: Page, selector: str) -> None:
    """There are some, and none has a second line."""
    lines = await page.locator(f"{selector}:visible").evaluate_all(
        f"(all) => all.map((one) => [one.textContent, ({LINES})(one)])"
    )
    assert lines
    assert [text for text, count in lines if count != 1] == []


async def left_of(reader: Reader, selector: str) -> float:
    """Where an element begins."""
    box = await reader.page.locator(f"main {selector}:visible").bounding_box()
    assert box is not None
    return box["x"]
