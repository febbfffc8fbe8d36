"""The demo's wallet never lies over what the page wants to be pressed, scanned or read, in any window and language."""

from collections.abc import Sequence

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.reader import PHONE

BAR_PIXELS = 48
WINDOWS = {"320": (320, 568), "390": (390, 664), "tall phone": (390, 844), "landscape": (844, 390), "200 %": (640, 400)}
LANGUAGES = ["en-US", "de-DE", "ko-KR"]
HOSTED = ("#offer .pay", "#status", ".close", ".status", "svg.code", ".way", "#thanks")
EMBEDDED = (".close", ".status", "svg.code", ".way")
# What of these lies under the wallet.
COVERED = """([wallet, names]) => {
  const inside = (one) => [one, ...(one.shadowRoot?.querySelectorAll("*") ?? [])];
  const all = [...document.querySelectorAll("*")].flatMap(inside);
  const box = document.querySelector(wallet).getBoundingClientRect();
  return names.filter((name) => all.some((one) => {
    if (!one.matches(name) || !one.checkVisibility({ visibilityProperty: true })) return false;
    const { left, right, top, bottom, height } = one.getBoundingClientRect();
    return height && left < box.right && right > box.left && top < box.bottom && bottom > box.top;
  }));
}"""
OVERFLOWS = """(wallet) => [document.documentElement, ...document.querySelectorAll(`${wallet}, ${wallet} *`)]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("window", WINDOWS)
async def test_on_the_hosted_page_it_covers_nothing_at_any_step(
    new_reader: NewReader, window: str, locale: str
) -> None:
    width, height = WINDOWS[window]
    reader = await new_reader(**PHONE | {"viewport": {"width": width, "height": height}, "locale": locale})
    await reader.open("/i/welcome")
    await expect(reader.page.locator("#demo-balance")).to_be_visible()
    await covers_nothing(reader.page, ".phone", HOSTED)
    if height < 700:
        box = await reader.page.locator(".phone").bounding_box()
        assert box is not None
        assert box["height"] <= BAR_PIXELS + 1
    await reader.press_pay()
    await expect(reader.page.locator("#demo-pay")).to_be_enabled()
    await covers_nothing(reader.page, ".phone", HOSTED)
    await reader.press_wallet()
    await reader.is_in("open")
    await expect(reader.page.locator("#demo-went")).to_be_visible()
    await covers_nothing(reader.page, ".phone", HOSTED)


@pytest.mark.parametrize("wallet", ["browser", "phone"])
@pytest.mark.parametrize("window", WINDOWS)
async def test_on_the_page_that_embeds_it_covers_nothing_of_the_sheet(
    new_visitor: NewVisitor, window: str, wallet: str
) -> None:
    width, height = WINDOWS[window]
    visitor = await new_visitor(**PHONE | {"viewport": {"width": width, "height": height}}, reduced_motion="reduce")
    await visitor.page.goto(f"{visitor.press}/demo/press?wallet={wallet}")
    await visitor.is_in("offered")
    await visitor.tap()
    await expect(visitor.page.locator("dialog.wallet .yes")).to_be_visible()
    await covers_nothing(visitor.page, "dialog.wallet", EMBEDDED)
    await visitor.page.locator("dialog.wallet .yes").click()
    await visitor.is_open()


async def covers_nothing(page: Page, wallet: str, names: Sequence[str]) -> None:
    """Neither does it lie over one of these, nor reach beyond the window."""
    assert await page.evaluate(COVERED, [wallet, list(names)]) == []
    assert await page.evaluate(OVERFLOWS, wallet) == []
