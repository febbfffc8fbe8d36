"""No barrier that axe can find, on any page and in any state; and what axe cannot see: the keyboard, 320 px, zoom."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewReader
from tests.browser.delayed_requests import DelayedRequests
from tests.browser.reader import DESKTOP, ELSEWHERE, PHONE, SMALL_PHONE, Reader

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
READERS = {
    "a desk": DESKTOP,
    "a Korean phone at night": PHONE | {"locale": "ko-KR", "color_scheme": "dark"},
    "a small German phone": SMALL_PHONE | {"locale": "de-DE"},
    "a small Korean phone": SMALL_PHONE | {"locale": "ko-KR"},
}
pytestmark = pytest.mark.node

Look = Callable[[str], Awaitable[None]]


@pytest.mark.parametrize("who", READERS)
async def test_no_page_has_a_barrier(new_reader: NewReader, axe: str, who: str) -> None:
    # Still pictures: a part that is appearing has no contrast yet.
    reader = await new_reader(**READERS[who], reduced_motion="reduce")
    reader.expects("404", "401", "422")
    found: list[str] = []

    async def look(state: str) -> None:
        found.extend(f"{state}: {barrier}" for barrier in await barriers(reader, axe))

    await look_at_a_purchase(reader, look)
    await look_at_a_tip(reader, look)
    await look_at_the_rest(reader, look)
    assert found == []


async def look_at_a_purchase(reader: Reader, look: Look) -> None:
    """Every state from offer to receipt."""
    gate = DelayedRequests()
    await reader.page.route("**/content", gate.hold)
    await reader.open("/i/welcome")
    await look("offered")
    await reader.page.locator(".help summary").click()
    await reader.page.evaluate("() => scrollTo(0, 0)")
    await look("explained")
    await reader.press_pay()
    await reader.sheet.locator(".fold[part=help]").click()
    await look("waiting")
    await reader.press_wallet()
    await reader.is_in("settled")
    await look("settled")
    gate.open()
    await reader.is_in("open")
    await look("open")
    await reader.page.reload()
    await reader.is_in("yours")
    await look("yours")
    await reader.page.locator("#receipt").click()
    await expect(reader.page.locator("#bill")).to_have_attribute("data-state", "shown")
    await expect(reader.page.locator("#proof")).not_to_be_empty()
    await look("receipt")


async def look_at_a_tip(reader: Reader, look: Look) -> None:
    """The form with all its parts, the invoice, the thanks."""
    await reader.open("/t/nora")
    await reader.page.locator("#other").check()
    await reader.page.locator(".note summary").click()
    await look("tip")
    await reader.press_pay()
    await look("tip waiting")
    await reader.press_wallet()
    await reader.is_in("open")
    await look("tip thanked")


async def look_at_the_rest(reader: Reader, look: Look) -> None:
    """Pages without a payment."""
    for path in ("/i/calendar", "/r", "/r#AgEDbG5k", "/recover", "/i/nothing", "/docs", "/embed", "/embed?what=nope"):
        await reader.page.goto("about:blank")
        await reader.open(path)
        if await reader.page.locator(".choice").is_visible():
            await reader.page.locator(".choice summary").click()
        await look(path)
    await reader.open("/recover")
    await reader.page.locator("#code").fill("what")
    await reader.page.locator(".recovery button").click()
    await expect(reader.page.get_by_role("alert").first).to_be_visible()
    await look("recover refused")


async def test_a_purchase_is_recovered_by_keyboard_alone(new_reader: NewReader) -> None:
    reader = await new_reader(**DESKTOP, **ELSEWHERE)
    reader.expects("404")
    await reader.open("/recover")
    await press_until(reader, "code")
    await reader.page.keyboard.type("0000-0000-0000")
    await reader.page.keyboard.press("Enter")
    await expect(reader.page.get_by_role("alert")).to_be_visible()
    await expect(reader.page.locator("#code")).to_be_focused()


@pytest.mark.parametrize("path", ["/i/welcome", "/t/nora", "/r", "/recover", "/i/nothing"])
async def test_nothing_is_cut_off_at_320_pixels(new_reader: NewReader, path: str) -> None:
    reader = await new_reader(**SMALL_PHONE)
    reader.expects("404")
    for tag in ("en", "ko", "de", "fr", "ja"):
        await reader.open(f"{path}?lang={tag}")
        width = await reader.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 320, tag


async def test_what_is_pressed_is_large_enough(new_reader: NewReader) -> None:
    reader = await new_reader(**SMALL_PHONE)
    for path in ("/i/welcome", "/t/nora", "/recover"):
        await reader.open(path)
        sizes = await reader.page.locator("main :is(button, summary, input:not([type=radio])):visible").evaluate_all(
            "(all) => all.map((one) => [one.outerHTML.slice(0, 60), one.getBoundingClientRect().height])"
        )
        assert [what for what, height in sizes if height < 24] == []


async def barriers(reader: Reader, axe: str) -> list[str]:
    """What axe finds on the page as it is, each rule with the elements that break it."""
    return await barriers_on(reader.page, axe)


async def barriers_on(page: Page, axe: str, *, within: str = "html") -> list[str]:
    """The same on any page, in a part of it."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(axe + "; 0")
    run = "([part, rules]) => axe.run(part, rules).then(({ violations }) => violations)"
    found = await page.evaluate(run, [within, RULES])
    return [f"{rule['id']}: {[node['html'][:90] for node in rule['nodes'][:3]]}" for rule in found]


async def press_until(reader: Reader, element_id: str) -> None:
    """Tab to an element."""
    for _ in range(30):
        await reader.page.keyboard.press("Tab")
        if await reader.page.evaluate("() => document.activeElement.id") == element_id:
            return
    pytest.fail(f"no number of tabs leads to {element_id}")
