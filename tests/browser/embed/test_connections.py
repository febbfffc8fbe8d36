"""Over HTTP/1.1 a browser has six connections here for all of its tabs: however many wait, the next page loads."""

import pytest
from playwright.async_api import BrowserContext, Request, expect

from tests.browser.embed.test_hostile_pages import Page, page
from tests.browser.reader import Reader
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor
from tests.support.clock import until

__all__ = ["page"]
MANY = 8
# An invoice that the stream does not follow is asked for at least so often.
LONGEST_PAUSE_MILLISECONDS = 10_000 + MANY * 500
HIDE = """(hidden) => {
  Object.defineProperty(Document.prototype, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}"""


def streams_of(context: BrowserContext) -> set[Request]:
    """The streams that are open now."""
    live: set[Request] = set()

    def end(request: Request) -> None:
        live.discard(request)

    context.on("request", lambda request: live.add(request) if request.url.endswith("/events") else None)
    context.on("requestfinished", end)
    context.on("requestfailed", end)
    return live


async def test_many_waiting_tabs_of_an_embed_all_load_and_share_one_stream(visitor: Visitor, demo: RunningDemo) -> None:
    live = streams_of(visitor.context)
    for number in range(MANY):
        if number:
            await visitor.open_tab()
        await visitor.open()
        invoice = await visitor.tap()
        await visitor.is_scannable()
    await until(lambda: len(live) == 1)
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()


async def test_many_waiting_tabs_of_the_gateways_page_all_load_and_share_one_stream(reader: Reader) -> None:
    live = streams_of(reader.context)
    for path in ("/i/welcome", "/i/calendar") * (MANY // 2):
        await reader.open_tab(path)
        await reader.page.locator("#offer button.pay").click()
        await reader.is_in("waiting")
        await expect(reader.sheet.locator("svg.code")).to_be_visible()
    await until(lambda: len(live) == 1)
    await reader.press_wallet()
    await reader.is_in("open")


@pytest.mark.parametrize("paid", [0, MANY - 1], ids=["the first", "the last"])
async def test_many_waiting_buttons_of_a_page_share_one_stream(
    visitor: Visitor, demo: RunningDemo, page: Page, paid: int
) -> None:
    live = streams_of(visitor.context)
    await visitor.page.clock.install()
    page.markup = "".join(f'<tuppence-button to="nora" amount="{n}"></tuppence-button>' for n in range(1, MANY + 1))
    await visitor.open()
    invoices = []
    for number in range(1, MANY + 1):
        button = f'tuppence-button[amount="{number}"]'
        await visitor.is_in("offered", element=button)
        invoices.append(await visitor.tap(button))
        await visitor.is_scannable()
        await visitor.page.keyboard.press("Escape")
    await until(lambda: len(live) == 1)
    assert await demo.pay(invoices[paid]["payment_request"]) == 200
    await visitor.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS)
    await visitor.is_in("open", element=f'tuppence-button[amount="{paid + 1}"]')


async def test_a_page_that_nobody_sees_holds_no_stream_and_opens_on_return(visitor: Visitor, demo: RunningDemo) -> None:
    live = streams_of(visitor.context)
    await visitor.open()
    invoice = await visitor.tap()
    await until(lambda: len(live) == 1)
    await visitor.page.evaluate(HIDE, arg=True)
    await until(lambda: not live)
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.page.evaluate(HIDE, arg=False)
    await visitor.is_open()


async def test_an_invoice_that_the_gateway_does_not_know_is_kept(visitor: Visitor, demo: RunningDemo) -> None:
    visitor.expects("404")
    await visitor.page.clock.install()
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    unknown = {"status": 404, "json": {"code": "invoice_not_found", "detail": ""}}
    unknown["headers"] = {"Access-Control-Allow-Origin": "*"}  # as the gateway's
    path = f"**/v1/invoices/{invoice['payment_hash']}"
    await visitor.page.route(path, lambda route: route.fulfill(**unknown))
    await visitor.page.route(f"{path}/events", lambda route: route.fulfill(**unknown))
    await visitor.open()
    async with visitor.page.expect_response(path):
        await visitor.come_back()
    assert invoice["access_token"] in await visitor.page.evaluate("() => Object.values(localStorage).join()")
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.page.unroute(path)
    await visitor.come_back()
    await visitor.is_open()
