"""A link to an invoice on the gateway's own page: of a page that embeds us, or of anybody who wants to be paid."""

from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.embed.test_connected_wallet import KEEP, wallet
from tests.browser.nostr_wallet import NostrWallet
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor

__all__ = ["wallet"]

BACK = "Paid. Go back to the page that you came from: it opens there."
ENDED = "2020-01-01T00:00:00Z"
# A loop of requests makes hundreds meanwhile.
WHILE_MILLISECONDS, MOST_REQUESTS = 10_000, 12


async def follow(
    visitor: Visitor, invoice: dict[str, Any], *, kept: str = "", **changed: Any
) -> tuple[Page, list[str]]:
    """Open the link of an invoice, whose fields the gateway gives with `changed`. Gives the requests for it, too."""
    page = await visitor.context.new_page()
    asked: list[str] = []
    if kept:
        await page.goto(f"{visitor.gateway}/r")
        await page.evaluate(KEEP, kept)

    path = f"/v1/invoices/{invoice['payment_hash']}"
    known = await (await visitor.context.request.get(f"{visitor.gateway}{path}")).json()

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(json=known | changed)

    if changed:
        await page.route(f"**{path}", answer)
    await page.clock.install()
    await page.goto(f"{visitor.gateway}/i/welcome#invoice={invoice['payment_hash']}")
    return page, asked


async def test_a_connection_that_is_kept_pays_the_invoice_of_a_link_after_a_press_only(
    visitor: Visitor, wallet: NostrWallet
) -> None:
    await visitor.open()
    invoice = await visitor.tap()
    page, _ = await follow(visitor, invoice, kept=wallet.connection)
    await expect(page.locator("dialog.sheet[open] svg.code")).to_be_visible()
    await expect(page.locator("dialog.sheet .status")).to_have_text("Waiting for your payment")
    assert wallet.asked == []
    await page.get_by_role("button", name="Pay with it").click()
    await visitor.is_open()
    assert wallet.asked == [invoice["payment_request"]]


async def test_who_comes_to_pay_an_invoice_buys_nothing_else_by_the_pages_own_button(visitor: Visitor) -> None:
    await visitor.open()
    invoice = await visitor.tap()
    page, _ = await follow(visitor, invoice)
    sheet = page.locator("dialog.sheet[open]")
    await expect(sheet.locator("svg.code")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator("#offer button.pay").click()
    await expect(sheet.locator(".request")).to_have_value(invoice["payment_request"])
    assert len([path for path in visitor.posts if path.endswith("/invoices")]) == 1


@pytest.mark.parametrize("changed", [{"state": "expired", "expires_at": ENDED}, {"state": "canceled"}])
async def test_the_invoice_of_a_link_that_has_ended_is_told_of_and_not_asked_for_on_and_on(
    visitor: Visitor, changed: dict[str, str]
) -> None:
    await visitor.open()
    page, asked = await follow(visitor, await visitor.tap(), **changed)
    await expect(page.locator("dialog.sheet[open][data-step=stale]")).to_be_visible()
    await page.clock.run_for(WHILE_MILLISECONDS)
    await expect(page.locator("dialog.sheet .status")).to_contain_text("This code expired.")
    assert len(asked) <= MOST_REQUESTS


async def test_the_invoice_of_a_link_that_was_paid_long_ago_leads_back(visitor: Visitor) -> None:
    """Its payment request has been deleted since."""
    await visitor.open()
    page, _ = await follow(visitor, await visitor.tap(), state="settled", payment_request="")
    await expect(page.locator("dialog.sheet[open] .status")).to_have_text(BACK)


async def test_the_invoice_of_a_link_is_waited_for_while_there_is_no_connection(
    visitor: Visitor, demo: RunningDemo
) -> None:
    visitor.expects("ERR_FAILED")
    await visitor.open()
    invoice = await visitor.tap()
    page = await visitor.context.new_page()
    path = f"**/v1/invoices/{invoice['payment_hash']}"
    await page.route(path, lambda route: route.abort())
    await page.goto(f"{visitor.gateway}/i/welcome#invoice={invoice['payment_hash']}")
    await expect(page.locator("#status")).to_have_text("No connection. This goes on by itself when it is back.")
    await page.unroute(path)
    await expect(page.locator("dialog.sheet[open] svg.code")).to_be_visible()
    await expect(page.locator("#status")).to_have_text("")
    assert await demo.pay(invoice["payment_request"]) == 200
    await expect(page.locator("dialog.sheet[open] .status")).to_have_text(BACK)
