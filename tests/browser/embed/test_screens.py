"""What readers see of an embed: it moves nothing, fits every screen, speaks their language, and a camera reads it."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect

from tests.browser.chromium import launch
from tests.browser.conftest import NewVisitor
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import KEEP_SHIFTS, Visitor
from tests.support.qr_camera import as_scanned

SCREENS: dict[str, dict[str, Any]] = {
    "a desk": DESKTOP,
    "a desk at night": DESKTOP | {"color_scheme": "dark"},
    "a phone": PHONE,
    "a phone at night": PHONE | {"color_scheme": "dark"},
    "a small phone": SMALL_PHONE,
    "still": DESKTOP | {"reduced_motion": "reduce"},
    "a code of 240 px": {"viewport": {"width": 280, "height": 760}},
}
# Of very different widths and heights; they come with fontconfig and with the packages of the tests.
FONTS = ("truetype/dejavu", "opentype/noto")
WITHOUT_LANGUAGE = """
new MutationObserver(() => document.documentElement?.removeAttribute("lang")).observe(document, { childList: true });
"""
FOCUSED_NAME = """() => {
  const focused = document.querySelector("tuppence-paywall").shadowRoot.activeElement;
  return focused?.ariaLabel ?? focused?.textContent;
}"""
FIRST_FOCUSED = "() => document.querySelector('tuppence-paywall').shadowRoot.activeElement?.className"
WORDS = {
    "de-AT": "100 sat bezahlen",
    "es": "Pagar 100 sat",
    "fr": "Payer 100 sats",
    "ja": "100 sat を支払う",
    "pt-BR": "Pagar 100 sats",
    "zh-CN": "支付 100 sat",
    "ko": "100 sat 결제하기",
    "sv": "Pay 100 sat",
}


@pytest.mark.parametrize("screen", SCREENS)
async def test_the_sheet_fits_and_its_code_is_the_invoice(new_visitor: NewVisitor, screen: str) -> None:
    visitor = await new_visitor(**SCREENS[screen])
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    assert await visitor.sheet.evaluate("(sheet) => sheet.scrollTop") == 0, "it begins below its first line"
    await visitor.sheet.locator(".plate").scroll_into_view_if_needed()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    box = await visitor.sheet.locator(".plate").bounding_box()
    assert box is not None
    assert box["width"] >= 240
    overflow = "(element) => element.scrollWidth - element.clientWidth"
    assert await visitor.sheet.evaluate(overflow) <= 0
    assert await visitor.page.evaluate(f"() => ({overflow})(document.documentElement)") <= 0
    assert await visitor.page.evaluate(FIRST_FOCUSED) == "inside"


@pytest.mark.parametrize("late", ["", "&late"], ids=["script in the head", "script that comes late"])
async def test_nothing_moves_while_the_elements_arrive(new_visitor: NewVisitor, late: str) -> None:
    for screen in (DESKTOP, DESKTOP | {"viewport": {"width": 1280, "height": 1600}}, PHONE):
        visitor = await new_visitor(**screen)
        await visitor.open(late)
        await visitor.is_in("offered", element="tuppence-tip")
        await expect(visitor.page.locator("tuppence-tip .amounts")).to_be_attached()
        assert await visitor.page.evaluate("() => window.shifted") == 0


@pytest.mark.parametrize("fonts", FONTS)
async def test_nothing_moves_while_the_elements_arrive_whatever_the_fonts(demo: RunningDemo, fonts: str) -> None:
    folder = Path("/usr/share/fonts") / fonts
    assert list(folder.rglob("*.tt?")), folder
    async with async_playwright() as playwright, launch(playwright, fonts=folder) as browser:
        for width, height in ((1280, 1600), (768, 2400), (390, 3000)):
            context = await browser.new_context(viewport={"width": width, "height": height})
            await context.add_init_script(KEEP_SHIFTS)
            page = await context.new_page()
            await page.goto(f"{demo.url.replace('127.0.0.1', 'localhost')}/demo/press?wallet=none&late")
            await expect(page.locator("tuppence-tip .amounts")).to_be_visible()
            await expect(page.locator("tuppence-paywall button.pay")).to_be_visible()
            assert await page.evaluate("() => window.shifted") == 0, width
            await context.close()


async def test_nothing_moves_behind_the_sheet(visitor: Visitor) -> None:
    await visitor.open()
    await visitor.tap()
    await visitor.is_scannable()
    assert await visitor.page.evaluate("() => window.shifted") == 0


async def test_a_korean_reader_of_a_page_in_no_language_of_ours_is_spoken_to_in_korean(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor(locale="ko-KR", script=WITHOUT_LANGUAGE)
    await visitor.open()
    await expect(visitor.page.get_by_role("button", name="100 sat 결제하기")).to_be_visible()
    await visitor.tap()
    await expect(visitor.status).to_have_text("결제를 기다리고 있어요")


async def test_an_element_speaks_the_language_that_the_page_names(visitor: Visitor) -> None:
    await visitor.open()
    for lang, words in WORDS.items():
        await visitor.paywall.evaluate("(element, lang) => element.setAttribute('lang', lang)", lang)
        await expect(visitor.page.get_by_role("button", name=words), lang).to_be_visible()


async def test_reduced_motion_has_no_celebration(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    still, lively = await new_visitor(reduced_motion="reduce"), await new_visitor()
    count = """() => {
      window.coins = 0;
      const root = document.querySelector("tuppence-paywall").shadowRoot;
      new MutationObserver((list) => list.forEach(({ addedNodes }) => addedNodes.forEach((node) => {
        if (node.className === "coin") window.coins++;
      }))).observe(root, { childList: true, subtree: true });
    }"""
    for visitor in (still, lively):
        await visitor.open()
        invoice = await visitor.tap()
        await visitor.is_scannable()
        await visitor.page.evaluate(count)
        await demo.pay(invoice["payment_request"])
        await visitor.is_open()
    assert await still.page.evaluate("() => window.coins") == 0
    assert await lively.page.evaluate("() => window.coins") > 0


async def test_the_keyboard_alone_pays(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    await visitor.page.locator("tuppence-paywall button.pay").focus()
    async with visitor.page.expect_response("**/invoices") as answered:
        await visitor.page.keyboard.press("Enter")
    invoice = await (await answered.value).json()
    await visitor.is_scannable()
    names = []
    for _ in range(4):
        await visitor.page.keyboard.press("Tab")
        names.append(await visitor.page.evaluate(FOCUSED_NAME))
    assert names == ["Close", "Copy", "Open wallet", "First time?"]
    await demo.pay(invoice["payment_request"])
    await visitor.is_open()
