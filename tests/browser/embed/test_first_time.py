"""Somebody who has no wallet, on a page that embeds us: a line under the button, and steps when they are asked for."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from gateway.web.http.language import LANGUAGES, words_in
from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.pages.test_accessible import RULES
from tests.browser.pages.test_first_time import AGENT
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE
from tests.browser.visitor import Visitor

ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"
SCREENS: dict[str, dict[str, Any]] = {
    "desk": DESKTOP,
    "iPhone": PHONE | {"user_agent": AGENT},
    "Android": PHONE | {"user_agent": ANDROID},
    "small phone": SMALL_PHONE | {"user_agent": AGENT},
}
CARDS = ["tuppence-paywall", "tuppence-tip"]
# The elements speak a language from the first.
IN_LANGUAGE = """
const cards = () => document.querySelectorAll("tuppence-paywall, tuppence-tip, [data-tuppence]");
const speak = () => cards().forEach((card) => { if (card.lang !== "%s") card.lang = "%s"; });
new MutationObserver(speak).observe(document, { childList: true, subtree: true });
"""


async def open_steps(visitor: Visitor, card: str = "tuppence-paywall") -> Locator:
    """Press the line; gives the steps."""
    await visitor.page.locator(f"{card} .first-time").click()
    steps = visitor.page.locator(f"{card} .steps ol > li")
    await expect(steps).to_have_count(3)
    await expect(steps.last).to_be_visible()
    return steps


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("card", CARDS)
async def test_one_line_before_the_press_opens_three_steps_below_it_and_moves_nothing_else(
    new_visitor: NewVisitor, card: str, screen: str
) -> None:
    visitor = await new_visitor(**SCREENS[screen])
    await visitor.open()
    line = visitor.page.locator(f"{card} .first-time")
    await expect(line).to_have_text("No account. Any Lightning wallet. First time?")
    await line.scroll_into_view_if_needed()
    assert await visitor.page.evaluate("() => window.shifted") == 0
    button = visitor.page.locator(f"{card} button.pay")
    before = await button.bounding_box(), await line.bounding_box()
    steps = await open_steps(visitor, card)
    assert (await button.bounding_box(), await line.bounding_box()) == before
    assert await visitor.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for link in await steps.get_by_role("link").all():
        assert await link.get_attribute("target") == "_blank"
        assert await link.get_attribute("rel") == "noopener noreferrer"
    await expect(steps.get_by_role("link", name="Phoenix")).to_have_count(1)
    await expect(steps.get_by_role("link", name="Alby")).to_have_count(int(screen == "desk"))
    await line.click()
    await expect(steps.first).to_be_hidden()
    assert (await button.bounding_box(), await line.bounding_box()) == before


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_line_has_its_room_in_every_language_on_a_small_phone(new_visitor: NewVisitor, language: str) -> None:
    visitor = await new_visitor(**SMALL_PHONE, script=IN_LANGUAGE % (language, language))
    await visitor.open()
    for card in CARDS:
        await expect(visitor.page.locator(f"{card} .first-time")).to_contain_text(words_in(language).say("First time?"))
    assert await visitor.page.evaluate("() => window.shifted") == 0


async def test_nothing_is_loaded_before_it_is_asked_for_and_nothing_twice(visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    await visitor.open()
    await expect(visitor.paywall.locator(".first-time")).to_be_visible()

    def of_steps() -> list[str]:
        return [url for url in asked if re.search(r"help\.js|/v1/wallets", url)]

    assert of_steps() == []
    await open_steps(visitor)
    await open_steps(visitor, "tuppence-tip")
    assert len([url for url in of_steps() if url.endswith("/v1/wallets")]) == 1


async def test_page_card_and_sheet_say_the_same(new_reader: NewReader, visitor: Visitor) -> None:
    reader = await new_reader()
    await reader.open("/i/welcome")
    await reader.page.locator(".help summary").click()
    on_page = await words(reader.page.locator(".help ol, .help ol ~ p"))
    await visitor.open()
    await open_steps(visitor)
    assert await words(visitor.paywall.locator(".steps :is(ol, ol ~ p)")) == on_page
    await visitor.tap()
    await visitor.sheet.get_by_role("button", name="First time?").click()
    in_sheet = visitor.sheet.locator(".unfolded :is(ol, ol ~ p)")
    await expect(in_sheet).to_have_count(2)
    assert await words(in_sheet) == on_page


async def words(parts: Locator) -> list[str]:
    return [" ".join(text.split()) for text in await parts.all_inner_texts()]


async def test_the_steps_stand_without_names_where_the_list_cannot_be_had(visitor: Visitor) -> None:
    visitor.expects("503")
    await visitor.page.route("**/v1/wallets", lambda route: route.fulfill(status=503))
    await visitor.open()
    steps = await open_steps(visitor)
    await expect(steps.get_by_role("link")).to_have_count(0)


async def test_our_words_run_from_left_to_right_in_a_page_that_does_not(new_visitor: NewVisitor) -> None:
    turned = "document.addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl'; })"
    visitor = await new_visitor(script=turned)
    await visitor.open()
    steps = await open_steps(visitor)
    for part in (visitor.paywall.locator(".first-time"), steps.first):
        await expect(part).to_have_css("direction", "ltr")


async def test_the_line_gives_its_room_to_a_status(visitor: Visitor) -> None:
    await visitor.open()
    line = visitor.paywall.locator(".first-time")
    await expect(line).to_be_visible()
    height = "(card) => card.getBoundingClientRect().height"
    before = await visitor.paywall.locator(".card").evaluate(height)
    visitor.expects("Failed to load resource", "net::ERR")
    await visitor.page.route("**/sheet.js", lambda route: route.abort())
    await visitor.page.route("**/opened.js", lambda route: route.abort())
    await visitor.paywall.locator("button.pay").click()
    await expect(visitor.paywall.locator(".line")).to_contain_text("No connection")
    await expect(line).to_be_hidden()
    assert await visitor.paywall.locator(".card").evaluate(height) == before


@pytest.mark.node
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_open_steps_have_no_barrier(new_visitor: NewVisitor, axe: str, scheme: str) -> None:
    visitor = await new_visitor(**SMALL_PHONE, color_scheme=scheme, reduced_motion="reduce")
    await visitor.open()
    for card in CARDS:
        await open_steps(visitor, card)
    await visitor.page.evaluate(axe + "; 0")
    run = "(rules) => axe.run('tuppence-paywall, tuppence-tip', rules).then(({ violations }) => violations)"
    found = await visitor.page.evaluate(run, RULES)
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
