"""Nobody pays a second time, more than the page names, or for what does not open."""

from playwright.async_api import Route, expect

from tests.browser.delayed_requests import DelayedRequests
from tests.browser.reader import Reader

WALLET = "window.asked = 0; window.webln = { enable: async () => { window.asked++; }, sendPayment: async () => {} };"
SEALED = {'"kind": "text"': '"kind": "sealed"', '"page_url": null': '"page_url": "http://blog.example/essay"'}
PRICE, LOWER_PRICE = '"price_msat": 100000', '"price_msat": 50000'


async def test_a_press_while_the_paid_text_is_still_fetched_asks_for_no_second_payment(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    asked = reader.posts()
    gate = DelayedRequests()
    await reader.page.route("**/content", gate.hold)
    async with reader.page.expect_request("**/content"):
        await reader.open("/i/welcome")
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.line).to_have_text("Paid. Opening…")
    await expect(reader.sheet).to_have_count(0)
    assert reader.posts() == asked
    gate.open()
    await reader.is_in("yours")


async def test_a_press_before_the_page_knows_what_was_paid_asks_for_no_second_payment(reader: Reader) -> None:
    await reader.open("/i/welcome?lang=de")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    asked = reader.posts()
    words, content = DelayedRequests(), DelayedRequests()
    await reader.page.route("**/words-de.json", words.hold)
    await reader.page.route("**/content", content.hold)
    await reader.open("/i/welcome?lang=de")
    await reader.page.locator("#offer button.pay").click()
    async with reader.page.expect_request("**/content"):
        words.open()
    await expect(reader.line).to_have_text("Bezahlt. Wird geöffnet …")
    await expect(reader.sheet).to_have_count(0)
    assert reader.posts() == asked
    content.open()
    await reader.is_in("yours")


async def test_no_wallet_is_asked_for_more_than_the_page_has_named(reader: Reader) -> None:
    """The price was raised while the page was open."""
    await reader.page.add_init_script(WALLET)
    await change_product(reader, {PRICE: LOWER_PRICE})
    await reader.open("/i/welcome")
    await reader.press_pay()
    await expect(reader.status).to_have_text("Waiting for your payment")
    await expect(reader.sheet.locator(".sum strong")).to_have_text("100")
    assert await reader.page.evaluate("window.asked") == 0


async def test_a_sealed_text_whose_page_cannot_open_it_is_not_sold(reader: Reader) -> None:
    """Its page is not sent over TLS."""
    await change_product(reader, SEALED)
    await reader.open("/i/welcome")
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.status).to_have_text("The sealed text cannot be opened in this page. Nothing was charged.")
    assert reader.posts() == []


async def change_product(reader: Reader, changes: dict[str, str]) -> None:
    """Change what the page of the essay knows of it."""

    async def answer(route: Route) -> None:
        page = await (await route.fetch()).text()
        for was, now in changes.items():
            assert was in page
            page = page.replace(was, now)
        await route.fulfill(body=page, content_type="text/html")

    await reader.page.route("**/i/welcome", answer)
