"""Every page fits, from the smallest phone to a page at 200 %, and nothing jumps while it is paid."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.delayed_requests import DelayedRequests
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE, Reader
from tests.browser.running_demo import RunningDemo

# A desk's screen at 200 %: half the CSS pixels, each twice as large.
ZOOMED: dict[str, Any] = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
TIGHT = {"320 px": SMALL_PHONE, "200 %": ZOOMED}
MOST_MOTION_MILLISECONDS = 200
ASKS = re.compile("/(invoices|tips)$")
OPENS = re.compile("/(content|links|receipt)$")

SHIFTS = """
window.shifts = [];
const box = ({ x, y, width, height }) => [x, y, width, height].join(" ");
const moved = ({ node, previousRect, currentRect }) =>
  `${node?.outerHTML?.slice(0, 80)}: ${box(previousRect)} → ${box(currentRect)}`;
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries()) shifts.push([value, ...sources.map(moved)]);
}).observe({ type: "layout-shift", buffered: true });
"""
MOTION = """
window.motion = [];
const durations = (e) => e.target.getAnimations({ subtree: true }).map((a) => a.effect.getTiming().duration);
for (const name of ["animationstart", "transitionrun"]) addEventListener(name, (e) => motion.push(...durations(e)));
"""
WIDER_THAN_SCREEN = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .filter((e) => !e.closest(".unseen, pre, table, svg") && getComputedStyle(e).visibility !== "hidden")
  .map((e) => e.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("screen", TIGHT)
@pytest.mark.parametrize("path", ["/i/welcome", "/i/calendar", "/t/nora"])
async def test_nothing_is_wider_than_the_screen_from_price_to_receipt(
    new_reader: NewReader, screen: str, path: str
) -> None:
    reader = await new_reader(**TIGHT[screen])
    await reader.open(path)
    await fits(reader)
    await reader.press_pay()
    await reader.sheet.locator(".fold[part=help]").click()
    await fits(reader)
    await reader.press_wallet()
    await reader.is_in("open")
    await expect(reader.page.locator("#demo-went")).to_be_visible()
    await fits(reader)
    await reader.page.locator("#receipt").click()
    await expect(reader.page.locator("#bill")).to_have_attribute("data-state", "shown")
    await fits(reader)


@pytest.mark.parametrize("screen", TIGHT)
async def test_no_other_page_is_wider_than_the_screen(new_reader: NewReader, screen: str) -> None:
    reader = await new_reader(**TIGHT[screen])
    reader.expects("404")
    for path in ("/docs", "/r", "/i/nothing", "/embed", "/embed?what=nope"):
        await reader.open(path)
        await fits(reader)


@pytest.mark.parametrize("path", ["/i/welcome", "/t/nora"])
async def test_letters_twice_as_large_still_fit(new_reader: NewReader, path: str) -> None:
    reader = await new_reader(viewport={"width": 800, "height": 800})
    await reader.open(path)
    await reader.page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    await reader.press_pay()
    await fits(reader)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", ["/i/welcome", "/i/calendar", "/t/nora"])
async def test_nothing_shifts_from_the_first_sight_to_the_paid_page(
    new_reader: NewReader, demo: RunningDemo, path: str, screen: dict[str, Any]
) -> None:
    """What the press itself moves is the reader's doing; each answer that follows waits for a look, and moves nothing.

    The payment comes from another wallet.
    """
    asking, opening = DelayedRequests(), DelayedRequests()
    reader = await new_reader(**screen)
    await reader.page.add_init_script(SHIFTS)
    await reader.page.route(ASKS, asking.hold)
    await reader.page.route(OPENS, opening.hold)
    await reader.open(path)
    await expect(reader.page.locator("#demo-balance")).to_be_visible()
    assert await shifts(reader) == []
    await reader.page.locator("#offer button.pay").click()
    await reader.is_in("asking")
    await shifts(reader)
    asking.open()
    await expect(reader.page.locator("#demo-pay")).to_be_enabled()
    assert await shifts(reader) == []
    assert await demo.pay(await reader.sheet.locator(".request").input_value()) == 200
    await reader.is_in("settled")
    assert await shifts(reader) == []
    opening.open()
    await reader.is_in("open")
    await expect(reader.page.locator("#demo-went")).to_be_visible()
    assert await shifts(reader) == []


async def test_the_paid_text_begins_where_the_preview_was(new_reader: NewReader) -> None:
    reader = await new_reader(viewport={"width": 1280, "height": 1200})
    top = "() => document.getElementById('text').getBoundingClientRect().top + scrollY"
    await reader.open("/i/welcome")
    before = await reader.page.evaluate(top)
    await reader.press_pay()
    scrolled = await reader.page.evaluate("() => scrollY")
    await reader.press_wallet()
    await reader.is_open()
    assert await reader.page.evaluate(top) == before
    assert await reader.page.evaluate("() => scrollY") == scrolled


@pytest.mark.parametrize("wish", ["no-preference", "reduce"])
async def test_motion_is_short_and_can_be_declined(new_reader: NewReader, wish: str) -> None:
    reader = await new_reader(reduced_motion=wish)
    await reader.page.add_init_script(MOTION)
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    durations = await reader.page.evaluate("() => motion")
    assert bool(durations) == (wish == "no-preference")
    assert max(durations, default=0) <= MOST_MOTION_MILLISECONDS


async def fits(reader: Reader) -> None:
    """Nothing to scroll sideways, and nothing cut off."""
    over = await reader.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert over <= 0
    assert await reader.page.evaluate(WIDER_THAN_SCREEN) == []


async def shifts(reader: Reader) -> list[Any]:
    """What moved since it was asked before, as the browser counts it."""
    # Two frames: what moved in the first is reported after it.
    await reader.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return list(await reader.page.evaluate("() => shifts.splice(0)"))
