"""Somebody who has no wallet: the page explains itself before the press, in its place, and on any device."""

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE, Reader

AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
SCREENS: dict[str, dict[str, Any]] = {
    "desk": DESKTOP,
    "phone": PHONE | {"user_agent": AGENT},
    "small German phone": SMALL_PHONE | {"user_agent": AGENT, "locale": "de-DE"},
}
PAGES = ["/i/welcome", "/t/nora"]


def steps(reader: Reader) -> Locator:
    return reader.page.locator(".help ol > li")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", PAGES)
async def test_one_line_before_the_press_opens_three_steps_and_moves_nothing_above_it(
    new_reader: NewReader, path: str, screen: str
) -> None:
    reader = await new_reader(**SCREENS[screen])
    await reader.open(path)
    line = reader.page.locator(".help summary")
    button = reader.page.locator("#offer button.pay")
    await line.scroll_into_view_if_needed()
    await expect(steps(reader).first).to_be_hidden()
    before = await button.bounding_box(), await line.bounding_box()
    await line.click()
    await expect(steps(reader)).to_have_count(3)
    await expect(steps(reader).last).to_be_visible()
    assert (await button.bounding_box(), await line.bounding_box()) == before
    width = await reader.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert width <= 0
    links = reader.page.locator(".help ol a")
    assert await links.count() > 1
    for link in await links.all():
        assert await link.get_attribute("target") == "_blank"
        assert await link.get_attribute("rel") == "noopener noreferrer"
    await expect(reader.page.get_by_role("link", name="Alby")).to_have_count(int(screen == "desk"))


async def test_the_steps_stay_where_they_were_while_one_pays(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await expect(reader.page.locator(".help summary")).to_be_visible()
    await reader.press_wallet()
    await reader.is_open()
    await expect(reader.page.locator(".help")).to_be_hidden()


@pytest.mark.parametrize("path", PAGES)
async def test_the_steps_need_no_script_and_outlast_the_page_that_is_loaded_again(
    new_reader: NewReader, path: str
) -> None:
    reader = await new_reader(java_script_enabled=False)
    await reader.open(path)
    await reader.page.locator(".help summary").click()
    await expect(steps(reader).last).to_be_visible()
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.page.get_by_label("Lightning invoice, to copy")).to_be_visible()
    await expect(steps(reader).last).to_be_visible()
