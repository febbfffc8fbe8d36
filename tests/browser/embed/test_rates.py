"""Prices in the reader's money: as large as the sats, of every amount that stands, and without moving anything."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Locator, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE
from tests.browser.visitor import ANY_ORIGIN, Visitor

SCREENS = {"desk": DESKTOP, "phone": PHONE, "small phone": SMALL_PHONE}
EURO: dict[str, Any] = {"currency": "EUR", "per_bitcoin": 90_000, "at": "2027-01-15T08:00:00Z"}
# Whether a text is seen from its first letter to its last, or not at all.
SEEN = """(element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const text = range.getBoundingClientRect(), box = element.getBoundingClientRect();
  const share = (a, b, c, d) => Math.max(0, Math.min(b, d) - Math.max(a, c)) / (b - a);
  const seen = share(text.left, text.right, box.left, box.right) * share(text.top, text.bottom, box.top, box.bottom);
  return seen > 0.9 ? "whole" : seen < 0.1 ? "hidden" : seen;
}"""
SIZE = "(element) => getComputedStyle(element).fontSize"


async def answer_rate(visitor: Visitor, rate: dict[str, Any] | None) -> None:
    """Every element is told this rate."""
    await visitor.page.route("**/v1/rate", lambda route: route.fulfill(json=rate, headers=ANY_ORIGIN))


async def test_a_card_shows_the_readers_money_as_large_as_the_sats(visitor: Visitor) -> None:
    await answer_rate(visitor, EURO)
    await visitor.open()
    fiat = visitor.paywall.locator(".price .fiat")
    await expect(fiat).to_have_text("≈ €0.09")
    assert await fiat.evaluate(SIZE) == await visitor.paywall.locator(".sum strong").evaluate(SIZE)
    assert await fiat.evaluate(SEEN) == "whole"
    on_button = visitor.paywall.locator("button.pay .fiat")
    assert (await on_button.text_content(), await on_button.evaluate(SEEN)) == ("≈ €0.09", "whole")


async def test_every_amount_of_a_tip_is_told_in_the_readers_money(visitor: Visitor) -> None:
    await answer_rate(visitor, EURO)
    await visitor.open()
    tip = visitor.page.locator("tuppence-tip")
    await expect(tip.locator(".amount small")).to_have_text(["≈ €0.02", "≈ €0.09", "≈ €0.90"])
    await tip.locator("[value='1000']").check()
    await expect(tip.locator("button.pay .fiat")).to_have_text("≈ €0.90")
    await tip.locator("[name=amount][value='']").check()
    await tip.locator("[name=own]").fill("20000")
    await expect(tip.locator(".own .fiat")).to_have_text("≈ €18.00")
    await expect(tip.locator("button.pay .fiat")).to_have_text("≈ €18.00")
    await tip.locator("[name=own]").fill("")
    await expect(tip.locator(".own .fiat")).to_be_empty()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("per_bitcoin", [90_000, 90_000_000_000])
async def test_a_rate_that_comes_late_moves_nothing_and_no_amount_is_cut(
    new_visitor: NewVisitor, screen: str, per_bitcoin: int
) -> None:
    visitor = await new_visitor(**SCREENS[screen])
    told = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await told.wait()
        await route.fulfill(json=EURO | {"per_bitcoin": per_bitcoin}, headers=ANY_ORIGIN)

    await visitor.page.route("**/v1/rate", answer_late)
    await visitor.open()
    await expect(visitor.page.locator("tuppence-tip .amount")).to_have_count(4)
    before = await visitor.paywall.locator("button.pay").bounding_box()
    told.set()
    await expect(visitor.paywall.locator(".price .fiat")).to_contain_text("≈")
    assert await visitor.paywall.locator("button.pay").bounding_box() == before
    assert await visitor.page.evaluate("() => window.shifted") == 0
    for fiat in await visitor.page.locator(".fiat").all():
        assert await is_whole_or_hidden(fiat)


async def is_whole_or_hidden(fiat: Locator) -> bool:
    """A part of an amount would be another amount."""
    return not await fiat.is_visible() or await fiat.evaluate(SEEN) in {"whole", "hidden"}


async def test_the_sheet_says_about_how_much_that_is(visitor: Visitor) -> None:
    await answer_rate(visitor, EURO)
    await visitor.open()
    await visitor.tap()
    fiat = visitor.sheet.locator(".price .fiat")
    await expect(fiat).to_have_text("≈ €0.09")
    assert await fiat.evaluate(SIZE) == await visitor.sheet.locator(".sum strong").evaluate(SIZE)
    await expect(visitor.sheet).not_to_contain_text("sample exchange rate")


async def test_another_currency_than_the_readers_own_is_named_by_its_code(visitor: Visitor) -> None:
    await answer_rate(visitor, {"currency": "USD", "per_bitcoin": 100_000, "fallback": True})
    await visitor.open()
    await expect(visitor.paywall.locator(".price .fiat")).to_have_text("≈ USD\xa00.10")


async def test_without_a_rate_cards_and_sheet_say_sat_alone(visitor: Visitor) -> None:
    await answer_rate(visitor, None)
    await visitor.open()
    await visitor.tap()
    await visitor.is_scannable()
    await expect(visitor.page.get_by_text("≈")).to_have_count(0)


async def test_the_demos_rate_says_that_it_is_a_sample(visitor: Visitor) -> None:
    await visitor.open()
    await expect(visitor.paywall.locator(".price .fiat")).to_have_text("≈ $0.10")
    await expect(visitor.paywall.locator(".price .fiat")).to_have_attribute("title", "At a sample exchange rate")
    await visitor.tap()
    await expect(visitor.sheet.locator(".host")).to_contain_text("At a sample exchange rate")
