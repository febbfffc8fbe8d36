"""Readers of a page that embeds us: on a phone, in Korean, at a keyboard, without motion, on a second device."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.delayed_requests import DelayedRequests
from tests.browser.reader import PHONE
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor
from tests.support.qr_camera import as_scanned

MOST_STEPS = 12
FOCUSED = """(element) => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at === element;
}"""
IN_KOREAN = """
document.addEventListener("DOMContentLoaded", () => { document.querySelector("tuppence-paywall").lang = "ko"; });
"""
RUNNING = """() => [document, document.querySelector("tuppence-paywall").shadowRoot]
  .flatMap((root) => root.getAnimations({ subtree: true })).filter(({ playState }) => playState === "running")
  .map(({ animationName, transitionProperty, effect }) =>
    [animationName, transitionProperty, effect.target.outerHTML.slice(0, 80)])"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone_the_wallet_comes_first_and_the_code_can_be_scanned(
    new_visitor: NewVisitor, demo: RunningDemo, scheme: str
) -> None:
    visitor = await new_visitor(**PHONE, color_scheme=scheme)
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    wallet = await visitor.sheet.get_by_role("link", name="Open wallet").bounding_box()
    code = await visitor.sheet.locator("svg.code").bounding_box()
    assert wallet is not None
    assert code is not None
    assert wallet["y"] < code["y"]
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()


async def test_a_korean_reader_pays_in_korean(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    visitor = await new_visitor(locale="ko-KR", script=IN_KOREAN)
    await visitor.open()
    await expect(visitor.page.locator("tuppence-paywall button.pay")).to_contain_text("100 sat 결제하기")
    invoice = await visitor.tap()
    await expect(visitor.status).to_have_text("결제를 기다리고 있어요")
    await expect(visitor.sheet.get_by_text("처음인가요?", exact=True)).to_be_visible()
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    await expect(visitor.paywall.locator(".held")).to_contain_text("100 sat을 결제했어요.")


async def test_tab_and_enter_pay_and_read(visitor: Visitor, demo: RunningDemo) -> None:
    page = visitor.page
    await visitor.open()
    button = page.locator("tuppence-paywall button.pay")
    await tab_to(visitor, button)
    async with page.expect_response("**/invoices") as answered:
        await page.keyboard.press("Enter")
    invoice = await (await answered.value).json()
    await visitor.is_scannable()
    for name in ("Close", "Copy", "Open wallet"):
        await tab_to(
            visitor, visitor.sheet.get_by_label(name, exact=True).or_(visitor.sheet.get_by_text(name, exact=True))
        )
    await page.keyboard.press("Escape")
    await expect(visitor.sheet).to_have_count(0)
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(visitor, visitor.sheet.get_by_text("Paid before?"))
    await page.keyboard.press("Enter")
    await tab_to(visitor, visitor.sheet.get_by_label("Recovery code"))
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    await expect(page.locator("[slot=content]")).to_be_focused()
    await tab_to(visitor, page.get_by_role("link", name="Receipt").last)


async def test_nothing_moves_for_a_reader_who_wants_no_motion(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    visitor = await new_visitor(reduced_motion="reduce")
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    assert await visitor.page.evaluate(RUNNING) == []
    gate = DelayedRequests()
    await visitor.page.route("**/content", gate.hold)
    assert await demo.pay(invoice["payment_request"]) == 200
    await expect(visitor.status).to_have_text("Paid. Opening…")
    assert await visitor.page.evaluate(RUNNING) == []
    gate.open()
    await visitor.is_open()
    assert await visitor.page.evaluate(RUNNING) == []


async def test_the_code_below_the_open_text_opens_it_on_a_second_device(
    new_visitor: NewVisitor, demo: RunningDemo
) -> None:
    buyer, phone = await new_visitor(), await new_visitor(**PHONE)
    phone.expects("404", "422")
    await buyer.open()
    await demo.pay((await buyer.tap())["payment_request"])
    await buyer.is_open()
    await expect(buyer.paywall.get_by_text("Keep this link to open it elsewhere.")).to_be_visible()
    code = await buyer.paywall.locator(".kept code").inner_text()
    await phone.open()
    await phone.tap()
    await phone.sheet.get_by_text("Paid before?").click()
    for wrong, words in (("7KQ2-M4XD-9TRA", "opens nothing here"), ("7KQ2", "twelve letters and digits")):
        await phone.sheet.get_by_label("Recovery code").fill(wrong)
        await phone.sheet.get_by_role("button", name="Open it").click()
        await expect(phone.sheet.get_by_role("alert")).to_contain_text(words)
    await phone.sheet.get_by_label("Recovery code").fill(code.lower().replace("-", " "))
    await phone.sheet.get_by_role("button", name="Open it").click()
    await phone.is_open()
    await phone.open()
    await phone.is_open()


async def test_the_code_opens_it_without_script_on_the_page_behind_the_tag(
    new_visitor: NewVisitor, new_reader: NewReader, demo: RunningDemo
) -> None:
    buyer, second = await new_visitor(), await new_reader(java_script_enabled=False)
    second.expects(f"a request left for {buyer.press}")
    await buyer.open()
    await demo.pay((await buyer.tap())["payment_request"])
    await buyer.is_open()
    code = await buyer.paywall.locator(".kept code").inner_text()
    page = second.page
    await page.goto(f"{buyer.press}/demo/press")
    await page.get_by_role("link", name="Read the rest for 100 sat").click()
    await page.get_by_role("link", name="Recover a purchase").click()
    await page.get_by_label("Recovery code").fill(code)
    await page.get_by_role("button", name="Open it").click()
    await second.open("/i/welcome")
    await second.is_open()


async def test_a_code_of_something_else_is_told_apart(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    buyer, other = await new_visitor(), await new_visitor()
    await buyer.open()
    await demo.pay((await buyer.tap("tuppence-button"))["payment_request"])
    await buyer.is_in("open", element="tuppence-button")
    code = await buyer.page.locator("tuppence-button .kept code").inner_text()
    await other.open()
    await other.tap()
    await other.sheet.get_by_text("Paid before?").click()
    await other.sheet.get_by_label("Recovery code").fill(code)
    await other.sheet.get_by_role("button", name="Open it").click()
    await expect(other.sheet.get_by_role("alert")).to_contain_text("opens something else")
    await other.is_in("offered")


async def tab_to(visitor: Visitor, target: Locator) -> None:
    """Press Tab until it is there."""
    for _ in range(MOST_STEPS):
        if await target.evaluate(FOCUSED):
            return
        await visitor.page.keyboard.press("Tab")
    assert await target.evaluate(FOCUSED), f"{MOST_STEPS} times Tab did not reach {target}"
