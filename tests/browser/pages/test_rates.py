"""Prices in the reader's money on the gateway's own pages."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import Reader

SIZE = "(element) => getComputedStyle(element).fontSize"


@pytest.mark.parametrize("path", ["/i/welcome", "/i/calendar"])
async def test_an_items_price_stands_in_the_readers_money_as_large_as_in_sat(reader: Reader, path: str) -> None:
    await reader.open(path)
    fiat = reader.page.locator("#sale .price .fiat")
    amount = {"/i/welcome": "≈ $0.10", "/i/calendar": "≈ $0.25"}[path]
    await expect(fiat).to_have_text(amount)
    assert await fiat.evaluate(SIZE) == await reader.page.locator("#sale .price strong").evaluate(SIZE)
    await expect(reader.page.locator("#offer .pay")).to_contain_text(amount)
    await reader.press_pay()
    await expect(reader.sheet.locator(".fiat")).to_have_text(amount)
    await expect(reader.sheet.get_by_text("At a sample exchange rate")).to_be_visible()


async def test_a_tip_is_not_chosen_blind(reader: Reader) -> None:
    await reader.open("/t/nora")
    await expect(reader.page.locator(".amount small")).to_have_text(["≈ $0.02", "≈ $0.10", "≈ $1.00"])
    await reader.page.locator("#other").check()
    await expect(reader.page.locator("#own-fiat")).to_have_text("≈ $0.50")
    await reader.page.locator("[name=own]").fill("20000")
    await expect(reader.page.locator("#own-fiat")).to_have_text("≈ $20.00")
    await expect(reader.page.locator("#offer .pay")).to_have_text("Send the tip · 20,000 sat ≈ $20.00")
    await reader.press_pay()
    await expect(reader.sheet.locator(".fiat")).to_have_text("≈ $20.00")


@pytest.mark.parametrize(
    ("locale", "amount"), [("ko-KR", "≈ ₩140"), ("de-DE", "≈ 0,09\xa0€"), ("sv-SE", "≈ USD\xa00.10")]
)
async def test_a_reader_gets_their_own_currency_or_dollars_named_by_their_code(
    new_reader: NewReader, locale: str, amount: str
) -> None:
    reader = await new_reader(locale=locale)
    for path, shown in (("/i/welcome", ".price .fiat"), ("/t/nora", ".amount:nth-of-type(2) small")):
        await reader.open(path)
        await expect(reader.page.locator(shown)).to_have_text(amount)


async def test_without_scripts_the_invoice_shows_it_too(new_reader: NewReader) -> None:
    reader = await new_reader(java_script_enabled=False)
    await reader.open("/t/nora")
    await reader.page.get_by_role("button", name="Send the tip").click()
    await expect(reader.page.locator(".price .fiat")).to_have_text("≈ $0.10")
