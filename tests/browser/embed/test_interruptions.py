"""Reloads, closed tabs, killed browsers, cut lines: a paid text opens on the page that embeds it, whatever happened."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.delayed_requests import DelayedRequests
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor

EVENTS = "**/v1/invoices/*/events"


async def test_a_reload_finds_the_text_open_and_asks_for_nothing(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    await demo.pay((await visitor.tap())["payment_request"])
    await visitor.is_open()
    await visitor.open()
    await visitor.is_open()
    await expect(visitor.paywall).to_contain_text("Already yours.")
    assert (await visitor.told("unlocked"))[0]["again"] is True
    assert len(visitor.posts) == 1


async def test_a_reload_before_the_payment_keeps_the_invoice(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.open()
    assert (await visitor.tap())["payment_hash"] == invoice["payment_hash"]
    await visitor.open()
    await demo.pay(invoice["payment_request"])
    await visitor.is_open()


async def test_what_was_paid_after_the_tab_was_closed_is_open_in_the_next(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.page.close()
    await demo.pay(invoice["payment_request"])
    await visitor.open_tab()
    await visitor.open()
    await visitor.is_open()


async def test_a_killed_browser_opens_what_was_paid(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    visitor = await new_visitor()
    await visitor.open()
    invoice = await visitor.tap()
    kept = await visitor.context.storage_state()
    await visitor.page.close()
    await demo.pay(invoice["payment_request"])
    later = await new_visitor(storage_state=kept)
    await later.open()
    await later.is_open()


async def test_a_tab_killed_before_the_invoice_arrives_asks_for_the_same_one(visitor: Visitor) -> None:
    gate = DelayedRequests()
    await visitor.page.route("**/invoices", gate.hold)
    await visitor.open()
    async with visitor.page.expect_request("**/invoices") as asked:
        await visitor.page.locator("tuppence-paywall button.pay").click()
    key = (await (await asked.value).all_headers())["idempotency-key"]
    await visitor.page.close()
    gate.open()
    await visitor.open_tab()
    await visitor.open()
    async with visitor.page.expect_request("**/invoices") as again:
        await visitor.tap()
    assert (await (await again.value).all_headers())["idempotency-key"] == key


async def test_a_tab_killed_between_payment_and_text_opens_in_the_next(visitor: Visitor, demo: RunningDemo) -> None:
    gate = DelayedRequests()
    await visitor.page.route("**/content", gate.hold)
    await visitor.open()
    invoice = await visitor.tap()
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_in("paid")
    await visitor.page.close()
    gate.open()
    await visitor.open_tab()
    await visitor.open()
    await visitor.is_open()
    assert len(visitor.posts) == 1


@pytest.mark.parametrize("event", ["visibilitychange", "pageshow", "online"])
async def test_a_page_in_the_background_whose_line_was_cut_opens_on_return(
    visitor: Visitor, demo: RunningDemo, event: str
) -> None:
    visitor.expects("ERR_FAILED")
    await visitor.page.clock.install()
    await visitor.page.route(EVENTS, lambda route: route.abort())
    await visitor.open()
    await visitor.page.clock.pause_at(await visitor.page.evaluate("() => Date.now() / 1000 + 1"))
    invoice = await visitor.tap()
    await visitor.is_scannable()
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_in("offered")
    await visitor.come_back(event)
    await visitor.is_in("open")


async def test_a_page_without_a_stream_asks_by_itself(visitor: Visitor, demo: RunningDemo) -> None:
    visitor.expects("ERR_FAILED")
    await visitor.page.clock.install()
    await visitor.page.route(EVENTS, lambda route: route.abort())
    await visitor.open()
    invoice = await visitor.tap()
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.page.clock.run_for(12_000)
    await visitor.is_in("open")


async def test_a_payment_while_offline_opens_when_the_line_is_back(visitor: Visitor, demo: RunningDemo) -> None:
    visitor.expects("ERR_INTERNET_DISCONNECTED")
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    await visitor.context.set_offline(True)
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.come_back()
    await expect(visitor.status).to_have_text("No connection. This goes on by itself when it is back.")
    await visitor.context.set_offline(False)
    await visitor.is_open()


async def test_a_tap_without_a_line_is_tried_again_by_the_reader(visitor: Visitor) -> None:
    visitor.expects("ERR_INTERNET_DISCONNECTED")
    await visitor.open()
    await visitor.page.locator("tuppence-paywall button.pay").hover()
    await visitor.page.wait_for_load_state("networkidle")
    await visitor.context.set_offline(True)
    await visitor.page.locator("tuppence-paywall button.pay").click()
    await expect(visitor.status).to_have_text("No connection. Nothing was charged; try again when it is back.")
    await visitor.context.set_offline(False)
    await visitor.sheet.get_by_role("button", name="Try again").click()
    await visitor.is_scannable()
    assert len(visitor.posts) == 2


async def test_a_tap_whose_sheet_does_not_arrive_says_so_and_can_be_repeated(visitor: Visitor) -> None:
    visitor.expects("ERR_FAILED", "Failed to")
    await visitor.page.route("**/sheet.js", lambda route: route.abort())
    await visitor.open()
    await visitor.page.locator("tuppence-paywall button.pay").click()
    await expect(visitor.paywall.locator(".line")).to_have_text(
        "No connection. Nothing was charged; try again when it is back."
    )
    await visitor.page.unroute("**/sheet.js")
    await visitor.tap()
    await visitor.is_scannable()


async def test_two_tabs_open_together(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    first = visitor.page
    await visitor.open_tab()
    await visitor.open()
    invoice = await visitor.tap()
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    visitor.page = first
    await visitor.is_open()


async def test_a_token_from_a_receipt_opens_the_text_on_another_device(
    new_visitor: NewVisitor, demo: RunningDemo
) -> None:
    buyer, phone = await new_visitor(), await new_visitor()
    await buyer.open()
    await demo.pay((await buyer.tap())["payment_request"])
    await buyer.is_open()
    link = await buyer.page.get_by_role("link", name="Receipt").first.get_attribute("href")
    assert link is not None
    assert link.startswith(f"{buyer.gateway}/r#")
    await phone.open()
    token = link.partition("#")[2]
    assert await phone.page.evaluate("(token) => document.querySelector('tuppence-paywall').unlock(token)", token)
    await phone.is_open()
    assert phone.posts == []
