"""No page claims that a link opened a wallet, which nobody knows; the code, which is sure, comes first at a desk."""

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.reader import PHONE, Reader
from tests.browser.visitor import Visitor

ASKED = "Asked your wallet. Nothing opened? Scan the code or copy it."
MAY_BE_PAYING = "Your wallet may be paying; this opens by itself."
WAITING = "Waiting for your payment"
# The link does nothing here, as where no wallet is installed.
NO_WALLET = """
addEventListener("click", (event) => {
  if (event.composedPath().some(({ href }) => String(href).startsWith("lightning:"))) event.preventDefault();
});
"""
LEAVE = "() => dispatchEvent(new Event('blur'))"


@pytest_asyncio.fixture(loop_scope="session")
async def reader(new_reader: NewReader) -> Reader:
    """Somebody on a hosted page, without a wallet."""
    reader = await new_reader()
    await reader.context.add_init_script(NO_WALLET)
    return reader


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(new_visitor: NewVisitor) -> Visitor:
    """Somebody on a page that embeds, without a wallet."""
    return await new_visitor(script=NO_WALLET)


async def test_a_link_that_opened_nothing_is_told_as_that_and_then_as_waiting(reader: Reader) -> None:
    await reader.page.clock.install()
    await reader.open("/i/welcome")
    await reader.press_pay()
    await follow_link(reader.page)
    await expect(reader.status).to_have_text(ASKED)
    await reader.page.clock.run_for(3_100)
    await expect(reader.status).to_have_text(WAITING)


async def test_a_reader_who_left_for_the_wallet_is_told_that_it_may_be_paying(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await follow_link(reader.page)
    await reader.page.evaluate(LEAVE)
    await expect(reader.status).to_have_text(MAY_BE_PAYING)


async def test_the_sheet_of_an_embed_says_the_same(visitor: Visitor) -> None:
    await visitor.page.clock.install()
    await visitor.open()
    await visitor.tap()
    await visitor.is_scannable()
    await follow_link(visitor.page)
    await expect(visitor.status).to_have_text(ASKED)
    await visitor.page.clock.run_for(3_100)
    await expect(visitor.status).to_have_text(WAITING)
    await follow_link(visitor.page)
    await visitor.page.evaluate(LEAVE)
    await expect(visitor.status).to_have_text(MAY_BE_PAYING)


async def test_at_a_desk_the_code_and_copy_come_first_and_on_a_phone_the_wallet(new_reader: NewReader) -> None:
    desk, phone = await new_reader(), await new_reader(**PHONE)
    for reader, order in (
        (desk, ["svg.code", "[part=copy]", "[part=wallet]"]),
        (phone, ["[part=wallet]", "[part=copy]", "svg.code"]),
    ):
        await reader.open("/i/welcome")
        await reader.press_pay()
        boxes = [await reader.sheet.locator(way).bounding_box() for way in order]
        places = [(box["y"], box["x"]) for box in boxes if box is not None]
        assert places == sorted(places)
        assert len(places) == len(order)


async def follow_link(page: Page) -> None:
    """Press the wallet's link."""
    await page.get_by_role("link", name="Open wallet").click()
