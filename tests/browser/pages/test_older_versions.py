"""What the pages of earlier versions have stored in a browser, by the path of each, still opens."""

from typing import Any

from playwright.async_api import Route, expect

from tests.browser.reader import Reader
from tests.browser.running_demo import RunningDemo

PATH = "/i/welcome"
# The attempts of the page, in the place and the form of earlier versions.
AS_BEFORE = """(path) => {
  const [now] = Object.keys(localStorage).filter((key) => key.endsWith(":welcome"));
  const attempts = JSON.parse(localStorage[now]).map(({ paid, asked, ...rest }) => ({ ...rest, ...(paid && { paid: 1 }) }));
  delete localStorage[now];
  localStorage["tuppence:" + path] = JSON.stringify(attempts);
}"""  # noqa: E501
REFUNDED_BEFORE = "([path, token]) => { localStorage['tuppence-refunded:' + path] = JSON.stringify([token]); }"
KEYS = "() => Object.keys(localStorage).filter((key) => /:[/]i[/]/.test(key))"


async def test_what_was_paid_on_an_older_page_is_already_yours(reader: Reader) -> None:
    await buy(reader)
    asked = reader.posts()
    await reader.page.evaluate(AS_BEFORE, PATH)
    for _ in range(2):
        await reader.open(PATH)
        await reader.is_in("yours")
    assert (reader.posts(), await reader.page.evaluate(KEYS)) == (asked, [])


async def test_an_invoice_of_an_older_page_opens_when_it_is_paid(reader: Reader, demo: RunningDemo) -> None:
    await reader.open(PATH)
    invoice = await reader.press_pay()
    await reader.page.evaluate(AS_BEFORE, PATH)
    await reader.open(PATH)
    assert (await reader.press_pay())["payment_hash"] == invoice["payment_hash"]
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_open()


async def test_the_receipt_of_a_refund_on_an_older_page_is_still_linked(reader: Reader) -> None:
    reader.expects("402")
    await reader.open(PATH)
    token = (await reader.press_pay())["access_token"]
    await reader.page.evaluate("() => localStorage.clear()")
    await reader.page.evaluate(REFUNDED_BEFORE, [PATH, token])
    await reader.page.route("**/content", refuse)
    for _ in range(2):
        await reader.open(PATH)
        await expect(reader.page.locator("#refunded a")).to_have_attribute("href", f"{reader.url}/r#{token}")
    assert await reader.page.evaluate(KEYS) == []


async def refuse(route: Route) -> None:
    refunded: dict[str, Any] = {"code": "payment_refunded", "detail": ""}
    await route.fulfill(status=402, json=refunded)


async def buy(reader: Reader) -> None:
    """Pay for the essay, and have it open."""
    await reader.open(PATH)
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
