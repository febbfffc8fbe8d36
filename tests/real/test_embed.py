"""The embed on a real LND: in a strict page of another origin a code is scanned, paid, and opens in place, twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import async_playwright, expect

from tests.browser.chromium import launch
from tests.browser.reader import DESKTOP, TOLD_VIOLATIONS
from tests.browser.visitor import KEEP_EVENTS, Visitor
from tests.real.shop import Shop, is_sold_once
from tests.support.site import serve_app

pytestmark = [pytest.mark.regtest, pytest.mark.browser]

PATIENCE_MILLISECONDS = 30_000
POLICY = "default-src 'none'; script-src {gateway}; connect-src {gateway}; base-uri 'none'; form-action 'none'"
HOST_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page of somebody else's</title>
<script type="module" src="{gateway}/embed/v1.js" async></script>
<tuppence-paywall item="a-little"><a href="{gateway}/i/a-little">Read the rest</a></tuppence-paywall></html>"""


@asynccontextmanager
async def open_visitor(gateway: str) -> AsyncIterator[Visitor]:
    """A reader of a page that embeds `a-little`; nothing may go wrong in their browser."""

    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY.format(gateway=gateway)}
        return web.Response(text=HOST_PAGE.format(gateway=gateway), content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", answer)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with serve_app(app) as host, async_playwright() as playwright, launch(playwright) as browser:
        context = await browser.new_context(**DESKTOP)
        for script in (TOLD_VIOLATIONS, KEEP_EVENTS):
            await context.add_init_script(script)
        visitor = Visitor(context, await context.new_page(), host, gateway)
        visitor.expects("favicon")
        await visitor.page.goto(host)
        yield visitor
        assert visitor.complaints == []


async def test_a_scanned_and_paid_code_opens_the_text_in_its_place_and_again_after_a_reload(shop: Shop) -> None:
    async with open_visitor(shop.address) as visitor:
        await visitor.is_in("offered")
        invoice = await visitor.tap()
        await visitor.is_scannable()
        [code] = await visitor.scan()
        await shop.wallet.pay(code.removeprefix("LIGHTNING:").lower())
        await visitor.is_in("open")
        await expect(visitor.page.locator("[slot=content]")).to_contain_text("Paid.")
        await is_sold_once(shop, invoice)
        await visitor.page.reload()
        await visitor.is_in("open")
        await expect(visitor.page.locator("[slot=content]")).to_contain_text("Paid.")
        await expect(visitor.paywall).to_contain_text("Already yours.")
        assert visitor.posts == ["/v1/items/a-little/invoices"]
