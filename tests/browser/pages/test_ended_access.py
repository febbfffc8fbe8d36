"""A token that was paid for is dropped on the gateway's word alone: what stands before it may refuse as it likes."""

from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.reader import Reader
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import ANY_ORIGIN, Visitor
from tests.support.clock import unless_changed

KEPT = "() => Object.values(localStorage).join()"
ENDED: dict[str, Any] = {"json": {"code": "access_ended", "detail": ""}, "status": 402}
REFUNDED: dict[str, Any] = {"json": {"code": "payment_refunded", "detail": ""}, "status": 402, "headers": ANY_ORIGIN}
PROXIES: dict[str, dict[str, Any]] = {
    "a page": {"status": 403, "content_type": "text/html", "body": "<h1>Forbidden</h1>"},
    "a problem of its own": {"status": 402, "json": {"code": "quota", "detail": "Ask your provider."}},
}


@pytest.fixture(params=PROXIES)
def refusal(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a proxy answers in the gateway's place."""
    return PROXIES[request.param] | {"headers": ANY_ORIGIN}


async def test_an_embed_keeps_its_token_when_a_proxy_refuses(
    visitor: Visitor, demo: RunningDemo, refusal: dict[str, Any]
) -> None:
    visitor.expects("403", "402")
    await visitor.open()
    invoice = await visitor.tap()
    await demo.pay(invoice["payment_request"])
    await visitor.is_open()
    await visitor.page.route("**/content", lambda route: route.fulfill(**refusal))
    async with visitor.page.expect_response("**/content"):
        await visitor.open()
    assert invoice["access_token"] in await visitor.page.evaluate(KEPT)
    await visitor.page.unroute("**/content")
    await visitor.is_open()


async def test_an_embed_drops_a_token_whose_time_is_over_and_offers_again(visitor: Visitor, demo: RunningDemo) -> None:
    visitor.expects("402")
    await visitor.open()
    invoice = await visitor.tap()
    await demo.pay(invoice["payment_request"])
    await visitor.is_open()
    await visitor.page.route("**/content", lambda route: route.fulfill(**ENDED, headers=ANY_ORIGIN))
    await visitor.open()
    await visitor.page.wait_for_function("() => !localStorage.length")
    await visitor.is_in("offered")


async def test_a_page_keeps_its_token_when_a_proxy_refuses(reader: Reader, refusal: dict[str, Any]) -> None:
    reader.expects("403", "402")
    await buy(reader)
    kept = await reader.page.evaluate(KEPT)
    await reader.page.route("**/content", lambda route: route.fulfill(**refusal))
    async with reader.page.expect_response("**/content"):
        await reader.open("/i/welcome")
    await expect(reader.line).to_have_text("No connection. This goes on by itself when it is back.")
    assert await reader.page.evaluate(KEPT) == kept
    await reader.page.unroute("**/content")
    await reader.is_in("yours")


async def test_a_page_drops_a_token_whose_time_is_over_and_offers_again(reader: Reader) -> None:
    reader.expects("402")
    await buy(reader)

    async def end(route: Route) -> None:
        await route.fulfill(**ENDED)

    await reader.page.route("**/content", end)
    await reader.open("/i/welcome")
    await reader.page.wait_for_function("() => !localStorage.length")
    await reader.is_in("offered")


async def test_an_embed_asks_once_for_what_was_refunded_before_it_opened(visitor: Visitor, demo: RunningDemo) -> None:
    visitor.expects("402")
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.page.goto("about:blank")
    assert await demo.pay(invoice["payment_request"]) == 200
    asked = await refuse_content(visitor.page)
    await visitor.open()
    await expect(visitor.paywall.locator(".refunds")).to_be_visible()
    await unless_changed(lambda: len(asked) == 1)


async def test_a_page_asks_once_for_what_was_refunded_before_it_opened(reader: Reader, demo: RunningDemo) -> None:
    reader.expects("402")
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    await reader.page.goto("about:blank")
    assert await demo.pay(invoice["payment_request"]) == 200
    asked = await refuse_content(reader.page)
    await reader.open("/i/welcome")
    await expect(reader.page.locator("#refunded a")).to_be_visible()
    await unless_changed(lambda: len(asked) == 1)
    await reader.press_pay()


async def refuse_content(page: Page) -> list[str]:
    """Refuse what was paid for as refunded. Gives the requests for it."""
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(**REFUNDED)

    await page.route("**/content", refuse)
    return asked


async def buy(reader: Reader) -> None:
    """Pay for the essay, and have it open."""
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
