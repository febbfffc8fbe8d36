"""An embedded tip is never silent: it is refused in the page's language, at the field, and keeps what was typed."""

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor

REFUSED = {
    "en": "Choose an amount, or write one as a number of sat.",
    "de": "Wähle einen Betrag oder gib ihn als Zahl in sat ein.",
}


@pytest.mark.parametrize("lang", REFUSED)
async def test_no_amount_is_refused_in_the_pages_words(visitor: Visitor, lang: str) -> None:
    await visitor.open()
    tip = visitor.page.locator("tuppence-tip")
    await tip.evaluate("(element, lang) => element.setAttribute('lang', lang)", lang)
    await tip.locator(".amount").last.click()
    own, complaint = tip.locator("[name=own]"), tip.get_by_role("alert")
    for typed in ("", "0", "1.5", "-3", "1e3", "100000001", "many"):
        await own.fill(typed)
        await tip.locator("button.pay").click()
        await expect(complaint).to_have_text(REFUSED[lang])
        await expect(own).to_be_focused()
        await expect(own).to_have_value(typed)
    assert visitor.posts == []
    await own.press("Enter")
    await expect(complaint).to_have_text(REFUSED[lang])
    await own.fill("4321")
    await expect(complaint).to_have_text("")
    assert (await visitor.tap("tuppence-tip"))["amount_msat"] == 4_321_000


async def test_an_amount_that_is_hidden_stops_no_other(visitor: Visitor) -> None:
    await visitor.open()
    tip = visitor.page.locator("tuppence-tip")
    await tip.locator(".amount").last.click()
    await tip.locator("[name=own]").fill("1.5")
    await tip.locator(".amount").first.click()
    await expect(tip.locator("[name=own]")).to_be_hidden()
    assert (await visitor.tap("tuppence-tip"))["amount_msat"] == 21_000


async def test_an_empty_code_is_refused_in_the_sheet(visitor: Visitor) -> None:
    visitor.expects("422")
    await visitor.open()
    await visitor.tap()
    await visitor.sheet.get_by_text("Paid before?").click()
    await visitor.sheet.get_by_role("button", name="Open it").click()
    await expect(visitor.sheet.get_by_role("alert")).to_contain_text("twelve letters and digits")
    await expect(visitor.sheet.get_by_label("Recovery code")).to_be_focused()
