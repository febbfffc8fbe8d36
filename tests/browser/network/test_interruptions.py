"""Tabs close, tunnels come, phones put pages to sleep: what was paid opens all the same, and nobody pays twice."""

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import NewReader
from tests.browser.delayed_requests import DelayedRequests
from tests.browser.reader import ESSAY, Reader
from tests.browser.running_demo import RunningDemo
from tests.support.site import Site
from tests.support.tcp_proxy import tcp_proxy

TICK_MILLISECONDS = 450
EVENTS = "**/v1/invoices/*/events"
# The page waits for answers, but not for as long.
IMPATIENT = "const { timeout } = AbortSignal; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 10);"
LOST = "No connection. Nothing was charged; try again when it is back."


async def test_a_payment_while_offline_opens_when_the_network_is_back(reader: Reader, demo: RunningDemo) -> None:
    reader.expects("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED")
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    await reader.context.set_offline(True)
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.come_back()
    await expect(reader.status).to_have_text("No connection. This goes on by itself when it is back.")
    await reader.is_in("waiting", "settled")
    await reader.context.set_offline(False)
    await reader.is_open()


async def test_a_payment_while_no_byte_comes_through_opens_on_the_return(new_reader: NewReader, site: Site) -> None:
    """A tunnel: connections stay up, and nothing passes, until the network forgets them."""
    await site.sell_text(ESSAY)
    async with tcp_proxy(site.url.removeprefix("http://")) as proxy:
        reader = await new_reader(url=f"http://{proxy.target}")
        reader.expects("net::ERR_")
        await reader.open("/i/welcome")
        invoice = await reader.press_pay()
        proxy.swallow()
        await site.settle(invoice["payment_hash"])
        await reader.come_back()
        await reader.is_in("waiting")
        proxy.pass_on()
        await reader.come_back()
        await reader.is_open()


@pytest.mark.parametrize("event", ["visibilitychange", "pageshow", "online"])
async def test_a_page_that_slept_through_the_payment_opens_when_looked_at(
    reader: Reader, demo: RunningDemo, event: str
) -> None:
    """The stream of events is cut and the clock stands, so that only the return can tell the page."""
    reader.expects("ERR_FAILED")
    await reader.page.clock.install()
    await reader.page.route(EVENTS, lambda route: route.abort())
    await reader.open("/i/welcome")
    await reader.page.clock.pause_at(await reader.page.evaluate("() => Date.now() / 1000 + 1"))
    invoice = await reader.press_pay()
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_in("waiting")
    await reader.come_back(event)
    await reader.is_in("settled")
    await reader.page.clock.run_for(TICK_MILLISECONDS)
    await reader.is_open()


async def test_a_page_without_a_stream_asks_by_itself(reader: Reader, demo: RunningDemo) -> None:
    reader.expects("ERR_FAILED")
    await reader.page.clock.install()
    await reader.page.route(EVENTS, lambda route: route.abort())
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.page.clock.run_for(5_000)
    await reader.is_open()


async def test_an_answer_that_does_not_come_holds_up_no_later_one(reader: Reader, demo: RunningDemo) -> None:
    late = DelayedRequests()
    reader.expects("ERR_FAILED")
    await reader.page.add_init_script(IMPATIENT)
    await reader.page.route(EVENTS, lambda route: route.abort())
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.page.route(f"**/v1/invoices/{invoice['payment_hash']}", late.hold, times=1)
    await reader.come_back()
    await reader.is_open()
    late.open()


async def test_a_content_that_is_cut_off_is_asked_for_again(reader: Reader) -> None:
    failures = 1

    async def cut_once(route: Route) -> None:
        nonlocal failures
        failures -= 1
        await (route.abort() if failures >= 0 else route.continue_())

    reader.expects("ERR_FAILED")
    await reader.page.route("**/content", cut_once)
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    assert failures < 0


async def test_a_payment_after_the_tab_was_closed_opens_in_the_next_one(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    assert invoice["access_token"] in await reader.stored(), "the key is kept before the door is paid for"
    await reader.close_tab()
    assert await demo.pay(invoice["payment_request"]) == 200
    balance = await demo.balance_sat()
    await reader.open_tab("/i/welcome")
    await reader.is_open()
    assert await demo.balance_sat() == balance
    await reader.page.reload()
    await reader.is_in("yours")


async def test_pay_after_a_reload_shows_the_same_invoice(reader: Reader) -> None:
    await reader.open("/i/welcome")
    before = await reader.press_pay()
    await reader.page.reload()
    await reader.is_in("offered")
    assert (await reader.press_pay())["payment_request"] == before["payment_request"]


async def test_an_answer_that_was_lost_is_given_again(reader: Reader) -> None:
    """The gateway has made the invoice; the connection broke before the answer reached the page."""
    lost: list[dict[str, str]] = []

    async def lose_once(route: Route) -> None:
        if lost:
            await route.continue_()
        else:
            lost.append(await (await route.fetch()).json())
            await route.abort()

    reader.expects("ERR_FAILED")
    await reader.page.route("**/invoices", lose_once)
    await reader.open("/i/welcome")
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.status).to_have_text(LOST)
    assert (await reader.try_again())["payment_hash"] == lost[0]["payment_hash"]


async def test_two_tabs_open_on_one_payment(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/i/welcome")
    first = reader.page
    await reader.open_tab("/i/welcome")
    invoice = await reader.press_pay()
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_open()
    reader.page = first
    await reader.page.reload()
    await reader.is_in("yours")
