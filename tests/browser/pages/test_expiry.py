"""An invoice ends, and the page has the next one ready; whoever paid the old one has paid."""

import re
import time

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import ESSAY, Reader
from tests.support.rows import EXPIRY_SECONDS
from tests.support.site import Site

RENEWED = "This code expired; here is a fresh one. If you already paid the old one, it still counts."


@pytest_asyncio.fixture(loop_scope="session")
async def reader(site: Site, new_reader: NewReader) -> Reader:
    """Somebody at a gateway whose clock and whose browser's clock a test can move."""
    await site.sell_text(ESSAY)
    reader = await new_reader(url=site.url)
    site.clock.now = time.time()
    await reader.page.clock.install()
    await reader.open("/i/welcome")
    return reader


async def test_seconds_are_counted_in_the_last_minute_only(reader: Reader, site: Site) -> None:
    await reader.press_pay()
    left = reader.sheet.locator(".left")
    await pass_time(reader, site, EXPIRY_SECONDS - 100)
    await expect(left).to_have_text("")
    await pass_time(reader, site, 50)
    await expect(left).to_have_text(re.compile(r"^[1-5]?\d s$"))
    await expect(reader.status).to_have_text("Waiting for your payment")


async def test_an_expired_code_is_replaced_by_one_that_can_be_paid(reader: Reader, site: Site) -> None:
    old = await reader.press_pay()
    await pass_time(reader, site, EXPIRY_SECONDS + 1)
    fresh = await renewed(reader, old["payment_request"])
    await expect(reader.sheet.locator("[part=wallet]")).to_have_attribute("href", f"lightning:{fresh}")
    await expect(reader.sheet.locator("svg.code")).to_be_visible()
    [row] = [row for row in site.core.invoices if row.payment_request == fresh]
    site.core.pay(row.payment_hash)
    await reader.is_open()


async def test_a_late_payment_of_the_old_code_opens(reader: Reader, site: Site) -> None:
    """Paid in its last second, and seen by the page when the next code is already shown."""
    old = await reader.press_pay()
    site.clock.advance(EXPIRY_SECONDS - 1)
    await reader.page.clock.fast_forward(1000 * (EXPIRY_SECONDS + 1))
    await renewed(reader, old["payment_request"])
    site.pay(old["payment_hash"])
    await reader.is_open()


async def test_a_payment_of_the_old_code_opens_after_a_reload_too(reader: Reader, site: Site) -> None:
    old = await reader.press_pay()
    site.clock.advance(EXPIRY_SECONDS - 1)
    await reader.page.clock.fast_forward(1000 * (EXPIRY_SECONDS + 1))
    await renewed(reader, old["payment_request"])
    await reader.close_tab()
    await site.settle(old["payment_hash"])
    await reader.open_tab("/i/welcome")
    await reader.is_open()


async def test_a_page_that_nobody_looks_at_asks_for_nothing(reader: Reader, site: Site) -> None:
    await reader.press_pay()
    await set_hidden(reader, hidden=True)
    await pass_time(reader, site, 10 * EXPIRY_SECONDS)
    await reader.is_in("waiting")
    assert reader.posts() == ["/v1/items/welcome/invoices"]
    await set_hidden(reader, hidden=False)
    await reader.page.clock.run_for(1000)
    await expect(reader.status).to_have_text(RENEWED)
    assert reader.posts() == ["/v1/items/welcome/invoices"] * 2


async def test_after_the_expiry_a_reload_and_a_press_give_a_fresh_code(reader: Reader, site: Site) -> None:
    old = await reader.press_pay()
    await set_hidden(reader, hidden=True)
    await pass_time(reader, site, EXPIRY_SECONDS + 1)
    await reader.page.reload()
    fresh = await reader.press_pay()
    assert fresh["payment_hash"] != old["payment_hash"]
    await expect(reader.status).to_have_text("Waiting for your payment")


async def renewed(reader: Reader, old: str) -> str:
    """Wait for another code than the old one."""
    await expect(reader.status).to_have_text(RENEWED)
    await expect(reader.sheet.locator(".request")).not_to_have_value(old)
    return await reader.sheet.locator(".request").input_value()


async def pass_time(reader: Reader, site: Site, seconds: int) -> None:
    """Let it pass for both."""
    site.clock.advance(seconds)
    await reader.page.clock.fast_forward(1000 * seconds)


async def set_hidden(reader: Reader, *, hidden: bool) -> None:
    """What a browser tells a page in the background."""
    await reader.page.evaluate(
        "(value) => Object.defineProperty(Document.prototype, 'hidden', { value, configurable: true })", hidden
    )
    await reader.come_back()
