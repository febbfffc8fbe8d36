"""An embed of any name, any price and any of our languages fits its place."""

from typing import Any

import pytest
from playwright.async_api import expect

from gateway.web.http.language import LANGUAGES
from tests.browser.appearance.test_page_lengths import EIGHT_DIGITS_MSAT, LINES, NAMES, SCREENS, TWICE, are_one_line
from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.pages.test_layout import fits
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE, Reader
from tests.support.rows import a_creator
from tests.support.site import Site

ALL_SCREENS: dict[str, dict[str, Any]] = {"a desk": DESKTOP, "390 px": PHONE, "320 px": SMALL_PHONE}
STICKS_OUT = """(card) => [...card.querySelectorAll("*")]
  .filter((e) => e.getClientRects().length && !e.closest(".unseen, .name"))
  .filter((e) => e.getBoundingClientRect().right > card.getBoundingClientRect().right + 0.5)
  .map((e) => e.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", NAMES)
async def test_names_and_prices_of_any_length_fit_their_card_and_the_sheet(
    site: Site, new_reader: NewReader, screen: str, name: str
) -> None:
    await site.gateway.catalog.add_creator(a_creator("long", title=NAMES[name]))
    shares = [{"creator": "long", "weight": 1}]
    await site.sell_text(
        "# A text\n\nFree.\n\n<!-- more -->\n\nPaid.",
        creator="long",
        title=NAMES[name],
        shares=shares,
        price_msat=EIGHT_DIGITS_MSAT,
    )
    reader = await new_reader(url=site.url, **SCREENS[screen])
    for what, element in (("welcome", "tuppence-paywall"), ("@long", "tuppence-tip")):
        await reader.open(f"/embed?what={what}")
        button = reader.page.locator(f"{element} button.pay")
        await expect(button).to_be_visible()
        await is_inside(reader, element, ".card")
        async with reader.page.expect_response(lambda response: response.request.method == "POST") as answered:
            await button.click()
        invoice = await (await answered.value).json()
        await is_inside(reader, element, ".inside")
        await site.settle(invoice["payment_hash"])
        await expect(reader.page.locator(f"{element} .kept")).to_be_visible()
        await is_inside(reader, element, ".before")


@pytest.mark.parametrize("screen", ALL_SCREENS)
async def test_labels_of_the_sheet_are_one_line_each_in_every_language(new_visitor: NewVisitor, screen: str) -> None:
    visitor = await new_visitor(**ALL_SCREENS[screen])
    await visitor.open()
    for tag in LANGUAGES:
        await visitor.paywall.evaluate("(element, lang) => element.setAttribute('lang', lang)", tag)
        await visitor.is_in("offered")
        await visitor.tap()
        await visitor.is_scannable()
        await are_one_line(visitor.page, "tuppence-paywall .fold")
        await are_one_line(visitor.page, "tuppence-paywall .way")
        tops = [box["y"] for fold in await visitor.sheet.locator(".fold").all() if (box := await fold.bounding_box())]
        assert len(set(tops)) == len(tops) == 3, tag
        await visitor.sheet.get_by_role("button").first.click()


@pytest.mark.parametrize("screen", ALL_SCREENS)
async def test_ten_thousand_fits_a_box_of_the_amounts_of_an_embed(
    site: Site, new_reader: NewReader, screen: str
) -> None:
    reader = await new_reader(url=site.url, **ALL_SCREENS[screen])
    await reader.open("/embed?what=@alice")
    boxes = reader.page.locator("tuppence-tip .amount span:has-text('sat')")
    await expect(boxes).to_have_count(3)
    await boxes.locator("b").evaluate_all("(all) => all.forEach((one) => { one.textContent = '10,000' })")
    assert set(await boxes.evaluate_all(f"(all) => all.map({LINES})")) == {1}
    room = "(all) => all.map((one) => (one.clientWidth - one.querySelector('b').getBoundingClientRect().width) / 2)"
    assert min(await boxes.evaluate_all(room)) > 20
    await reader.page.evaluate(TWICE)
    await is_inside(reader, "tuppence-tip", ".card")


async def is_inside(reader: Reader, element: str, box: str) -> None:
    """Nothing sticks out of a box of an embed, nor out of the page."""
    assert await reader.page.locator(f"{element} {box}").evaluate(STICKS_OUT) == []
    await fits(reader)
