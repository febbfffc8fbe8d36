"""A keyboard alone is enough, and shows where it is."""

import re

from playwright.async_api import Locator, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import Reader

MOST_STEPS = 25
# An outline on the element itself, or on what stands for an invisible control.
OUTLINE_PIXELS = """(control) => Math.max(...[control, control.nextElementSibling].map((e) => {
  const style = e && getComputedStyle(e);
  return !e || style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
}))"""


async def test_tab_and_enter_pay_and_copy_and_open(new_reader: NewReader) -> None:
    reader = await new_reader(permissions=["clipboard-read", "clipboard-write"])
    page = reader.page
    await reader.open("/i/welcome")
    await tab_to(reader, page.get_by_role("button", name="Pay 100 sat"))
    await page.keyboard.press("Enter")
    await reader.is_in("waiting")
    await tab_to(reader, reader.sheet.locator("[part=copy]"))
    await page.keyboard.press("Enter")
    await expect(reader.sheet.locator("[part=copy]")).to_have_text("Copied")
    copied = await page.evaluate("() => navigator.clipboard.readText()")
    assert copied == await reader.sheet.locator(".request").input_value()

    await expect(page.locator("#demo-pay")).to_be_enabled()
    await tab_to(reader, page.locator("#demo-pay"))
    await page.keyboard.press("Enter")
    await reader.is_open()
    await expect(page.locator("#thanks")).to_be_focused()
    await tab_to(reader, page.locator("#thanks").get_by_role("link", name="Receipt"))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{reader.url}/r")


async def test_arrows_choose_a_tip_and_enter_sends_it(reader: Reader) -> None:
    page = reader.page
    await reader.open("/t/nora")
    await tab_to(reader, page.get_by_label(re.compile("^100 sat")))
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_label("1,000 sat")).to_be_checked()
    await page.keyboard.press("ArrowRight")
    own = page.get_by_label("Your amount, in sat")
    await tab_to(reader, own, most_steps=1)
    await own.press("Control+A")
    await page.keyboard.type("77")
    await page.keyboard.press("Enter")
    await reader.is_in("waiting")
    await expect(reader.sheet.locator(".sum strong")).to_have_text("77")


async def test_explanations_and_notes_open_with_the_keyboard(reader: Reader) -> None:
    await reader.open("/t/nora")
    await tab_to(reader, reader.page.locator(".note summary"))
    await reader.page.keyboard.press("Enter")
    await tab_to(reader, reader.page.get_by_label("Your name"), most_steps=1)
    await reader.page.keyboard.type("Ana")
    await tab_to(reader, reader.page.get_by_label("Message"), most_steps=1)
    await expect(reader.page.get_by_label("Your name")).to_have_value("Ana")


async def test_every_stop_on_the_way_shows_its_focus(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await expect(reader.page.locator("#demo-pay")).to_be_enabled()
    unseen = []
    for _ in range(MOST_STEPS):
        await reader.page.keyboard.press("Tab")
        focused = reader.page.locator("body :focus").last
        if await focused.count() and await focused.evaluate(OUTLINE_PIXELS) < 2:
            unseen.append(await focused.evaluate("(e) => e.outerHTML.slice(0, 80)"))
    assert unseen == []


async def tab_to(reader: Reader, control: Locator, *, most_steps: int = MOST_STEPS) -> None:
    """Press Tab until it has the focus, and see that it shows."""
    for _ in range(most_steps):
        await reader.page.keyboard.press("Tab")
        if await control.evaluate("(e) => e === e.getRootNode().activeElement"):
            break
    await expect(control).to_be_focused()
    assert await control.evaluate(OUTLINE_PIXELS) >= 2
