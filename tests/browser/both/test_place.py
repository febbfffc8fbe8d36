"""Who has read on comes back to where they were, by going back and after a reload."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.reader import DESKTOP, PHONE, Reader
from tests.browser.running_demo import RunningDemo

ROUNDED_PIXELS = 1
LOW = {"viewport": {"width": 1280, "height": 500}}
IS_AT = """([top, rounded]) => Math.abs(scrollY - top) <= rounded"""


@pytest.mark.parametrize("screen", [LOW, PHONE], ids=["desk", "phone"])
async def test_the_place_in_a_paid_text_is_kept_over_a_link_followed_and_a_reload(
    new_reader: NewReader, screen: dict[str, Any]
) -> None:
    reader = await new_reader(**DESKTOP | screen)
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    top = await read_on(reader.page)
    await reader.open("/i/calendar")
    await reader.page.go_back()
    await reader.is_in("yours")
    await is_at(reader.page, top)
    await reader.page.reload()
    await reader.is_in("yours")
    await is_at(reader.page, top)


async def test_a_page_that_is_opened_anew_begins_at_its_beginning(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    await read_on(reader.page)
    await reader.open("/i/calendar")
    await reader.open("/i/welcome")
    await reader.is_in("yours")
    await is_at(reader.page, 0)


async def test_the_place_in_an_embedded_text_is_kept_too(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    visitor = await new_visitor(**LOW)
    await visitor.open()
    assert await demo.pay((await visitor.tap())["payment_request"]) == 200
    await visitor.is_open()
    await expect(visitor.sheet).to_have_count(0)
    top = await read_on(visitor.page)
    await visitor.page.goto(f"{visitor.gateway}/i/calendar")
    await visitor.page.go_back()
    await visitor.is_in("open")
    await is_at(visitor.page, top)
    await visitor.page.reload()
    await visitor.is_in("open")
    await is_at(visitor.page, top)


async def read_on(page: Page) -> float:
    """Scroll far into the text; gives where that is."""
    await page.evaluate("() => document.fonts.ready")
    await page.evaluate("() => scrollTo({ top: document.documentElement.scrollHeight - 1.5 * innerHeight })")
    top: float = await page.evaluate("() => scrollY")
    assert top > 2 * await page.evaluate("() => innerHeight")
    return top


async def is_at(page: Page, top: float) -> None:
    """Wait until the window is there."""
    await page.wait_for_function(IS_AT, arg=[top, ROUNDED_PIXELS])
