"""A reader with a phone is paid back: with script by the link of the receipt, without script by the cookie."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.browser.chromium import launch
from tests.support.site import serve_app
from tests.web.refunds.conftest import Shop
from tests.web.refunds.test_page import refunded_in_a_browser

pytestmark = pytest.mark.browser


@pytest.fixture
async def phone() -> AsyncIterator[BrowserContext]:
    """A browser on a phone."""
    async with async_playwright() as playwright, launch(playwright) as browser:
        yield await browser.new_context(viewport={"width": 390, "height": 844})


async def claim(page: Page, destination: str) -> None:
    """Type where to, and press the button."""
    await page.get_by_label("Or give your Lightning Address").fill(destination)
    await page.get_by_role("button", name="Get 100 sat back").click()


async def test_a_receipt_link_is_enough_to_be_paid_back(shop: Shop, phone: BrowserContext) -> None:
    hash_, headers = await shop.refunded()
    page = await phone.new_page()
    await page.goto(f"{shop.site.url}/r#{headers['Authorization'].removeprefix('Bearer ')}")
    await claim(page, shop.invoice(50_000))
    await expect(page.locator("#claim-refusal")).to_contain_text("exactly 100 sat")
    await expect(page.locator("#destination")).to_be_focused()
    await claim(page, shop.address)
    await expect(page.locator("#refund")).to_be_focused()
    await shop.is_in(hash_, "claimed")
    await expect(page.locator("#refund")).to_contain_text("100 sat were paid back")
    assert shop.received_sat() == 100


async def test_the_items_page_keeps_the_receipt_of_every_refund(shop: Shop, phone: BrowserContext) -> None:
    page, hashes = await phone.new_page(), []
    await page.goto(f"{shop.site.url}/i/welcome")
    receipts = page.locator("#refunded").get_by_role("link")
    for count in (1, 2):
        async with page.expect_response("**/invoices") as asked:
            await page.get_by_role("button", name="Pay 100 sat").click()
        hashes.append((await (await asked.value).json())["payment_hash"])
        await shop.site.settle(hashes[-1])
        await expect(page.locator("#text")).to_contain_text("The paid part.")
        await shop.refund(hashes[-1])
        for _ in range(2):
            await page.reload()
            await expect(receipts).to_have_count(count)
            await expect(page.locator("#text")).not_to_contain_text("The paid part.")
            await expect(page.get_by_role("button", name="Pay 100 sat")).to_be_visible()
    for n, hash_ in enumerate(reversed(hashes)):
        await receipts.nth(n).click()
        await expect(page.locator("#refund")).to_contain_text("Take your 100 sat back")
        await expect(page.locator("#bill")).to_have_attribute("data-hash", hash_)
        await page.go_back()


async def test_a_page_that_embeds_keeps_the_receipt_of_a_refund(shop: Shop, phone: BrowserContext) -> None:
    async def article(_: web.Request) -> web.Response:
        script = f'<script type="module" src="{shop.site.url}/embed/v1.js"></script>'
        body = f'<!doctype html><html lang="en"><title>A blog</title>{script}<tuppence-paywall item="welcome">'
        return web.Response(text=body, content_type="text/html")

    blog = web.Application()
    blog.add_routes([web.get("/", article)])
    page = await phone.new_page()
    async with serve_app(blog) as url:
        await page.goto(url)
        async with page.expect_response("**/invoices") as asked:
            await page.get_by_role("button", name="Pay 100 sat").click()
        hash_ = (await (await asked.value).json())["payment_hash"]
        await shop.site.settle(hash_)
        await expect(page.get_by_text("The paid part.")).to_be_visible()
        await shop.refund(hash_)
        for _ in range(2):
            await page.reload()
            await expect(page.get_by_text("was refunded")).to_be_visible()
            await expect(page.get_by_role("button", name="Pay 100 sat")).to_be_visible()
            await expect(page.get_by_text("The paid part.")).to_have_count(0)
        async with phone.expect_page() as opened:
            await page.get_by_role("link", name="Receipt").click()
        await expect((await opened.value).locator("#refund")).to_contain_text("Take your 100 sat back")


async def test_no_script_is_needed(shop: Shop, phone: BrowserContext) -> None:
    browser, path = await refunded_in_a_browser(shop)
    assert phone.browser is not None
    plain = await phone.browser.new_context(java_script_enabled=False)
    await plain.add_cookies(
        [{"name": name, "value": value, "url": shop.site.url} for name, value in browser.cookies.items()]
    )
    page = await plain.new_page()
    await page.goto(f"{shop.site.url}/i/welcome")
    await page.locator("#refunded").get_by_role("link").click()
    await claim(page, shop.invoice())
    await shop.is_in(path.removeprefix("/r?h="), "claimed")
    await expect(page.locator("#refund")).to_contain_text("100 sat were paid back")
