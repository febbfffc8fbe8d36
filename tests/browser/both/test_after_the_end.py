"""After the end of a text one quiet line leads to the creator's tips and other works, and copies the page's address."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.pages.test_accessible import barriers
from tests.browser.pages.test_layout import fits
from tests.browser.reader import ESSAY, SMALL_PHONE, Reader
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor
from tests.support.rows import a_creator
from tests.support.site import Site

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
LONG = "W" * 60 + " نورا (2)"


async def test_a_hosted_text_ends_with_the_line(new_reader: NewReader, site: Site) -> None:
    await site.sell_text(ESSAY)
    await site.sell_text(ESSAY, item_id="second", title="The second")
    reader = await new_reader(url=site.url, **CLIPBOARD)
    await reader.open("/i/welcome")
    line = reader.page.locator(".onward")
    await expect(line).to_be_hidden()
    await buy(reader, site)
    for state in ("open", "yours"):
        await reader.is_in(state)
        await expect(line.locator("a, button")).to_have_text(
            ["Tip \u2068Alice\u2069", "More by \u2068Alice\u2069", "Copy the page link"]
        )
        await stands_between(reader.text, line, reader.page.locator(".kept"))
        await line.get_by_role("button").click()
        await expect(line).to_contain_text("Copied")
        assert await copied(reader.page) == f"{site.gateway.config.public_url}/i/welcome"
        await reader.page.reload()
    await reader.page.emulate_media(media="print")
    await expect(line).to_be_hidden()
    await reader.page.emulate_media(media="screen")
    await line.get_by_role("link", name="More by").click()
    await expect(reader.page.locator("#more").get_by_role("link")).to_have_text(["A little", "The second"])


async def test_an_embedded_text_ends_with_the_line(new_visitor: NewVisitor, demo: RunningDemo) -> None:
    visitor = await new_visitor(**CLIPBOARD)
    await visitor.page.route("**/v1/items/welcome", with_more)
    await visitor.open("#part")
    await pay(visitor, demo)
    line = visitor.paywall.locator(".onward")
    await expect(line.locator("a, button")).to_have_text(
        ["Tip \u2068Nora Lindqvist\u2069", "More by \u2068Nora Lindqvist\u2069", "Copy the page link"]
    )
    await stands_between(visitor.page.locator("[slot=content]"), line, visitor.paywall.locator(".kept"))
    links = line.locator("a")
    told = "(all) => all.map((one) => [one.href, one.target, one.rel])"
    assert await links.evaluate_all(told) == [
        [f"{visitor.gateway}/t/nora", "_blank", "noopener noreferrer"],
        [f"{visitor.gateway}/t/nora#more", "_blank", "noopener noreferrer"],
    ]
    await line.get_by_role("button").click()
    await expect(line).to_contain_text("Copied")
    assert await copied(visitor.page) == f"{visitor.press}/demo/press?wallet=none"
    await visitor.page.emulate_media(media="print")
    await expect(line).to_be_hidden()


async def test_a_creator_with_one_work_has_no_more(reader: Reader, visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    await pay(visitor, demo)
    await expect(visitor.paywall.locator(".onward a")).to_have_count(1)
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    await expect(reader.page.locator(".onward a")).to_have_count(1)


async def test_without_script_the_line_has_nothing_that_needs_it(new_reader: NewReader, demo: RunningDemo) -> None:
    reader = await new_reader(java_script_enabled=False)
    await reader.open("/i/welcome")
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.page.locator(".onward")).to_be_hidden()
    assert await demo.pay(await reader.page.locator("#request").input_value()) == 200
    await reader.page.reload()
    await reader.is_open()
    await expect(reader.page.locator("#thanks")).to_have_text(
        "Paid 100 sat. Nora Lindqvist thanks you. Receipt", use_inner_text=True
    )
    await expect(reader.page.locator(".onward :is(a, button)")).to_have_text(["Tip \u2068Nora Lindqvist\u2069"])
    await reader.page.locator(".onward a").click()
    await expect(reader.page.locator("#more a")).to_have_text(["A little goes a long way"])


async def test_who_has_tipped_can_tip_again(reader: Reader) -> None:
    await reader.open("/t/nora")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_in("open")
    await reader.page.get_by_role("link", name="Tip again").click()
    await reader.is_in("offered")


@pytest.mark.node
@pytest.mark.parametrize("tag", ["en", "de", "fr", "ko", "ja"])
async def test_a_long_name_of_two_scripts_fits_on_a_small_phone(
    site: Site, new_reader: NewReader, axe: str, tag: str
) -> None:
    await site.gateway.catalog.add_creator(a_creator("long", title=LONG))
    shares = [{"creator": "long", "weight": 1}]
    for item in ("welcome", "second"):
        await site.sell_text(ESSAY, item_id=item, creator="long", title=LONG, shares=shares)
    reader = await new_reader(url=site.url, **SMALL_PHONE, reduced_motion="reduce")
    await reader.open(f"/i/welcome?lang={tag}")
    await buy(reader, site)
    await fits(reader)
    assert await barriers(reader, axe) == []
    await reader.open(f"/t/long?lang={tag}#more")
    await expect(reader.page.locator("#more a")).to_have_count(2)
    await fits(reader)
    assert await barriers(reader, axe) == []


async def buy(reader: Reader, site: Site) -> None:
    """Buy the item of the page, in any language."""
    invoice = await reader.press_pay()
    await site.settle(invoice["payment_hash"])
    await reader.is_in("open")


async def pay(visitor: Visitor, demo: RunningDemo) -> None:
    """Buy the essay of the page that embeds."""
    assert await demo.pay((await visitor.tap())["payment_request"]) == 200
    await visitor.is_open()
    await expect(visitor.sheet).to_have_count(0)


async def with_more(route: Any) -> None:
    """The item, as if its creator sold something else."""
    answer = await route.fetch()
    item = await answer.json()
    await route.fulfill(response=answer, json=item | {"more_url": re.sub("/i/.*", "/t/nora#more", item["pay_url"])})


async def stands_between(text: Locator, line: Locator, receipt: Locator) -> None:
    """The text, the line and the receipt stand one below the other."""
    boxes = [await part.bounding_box() for part in (text, line, receipt)]
    tops = [box["y"] for box in boxes if box is not None]
    assert len(tops) == len(boxes)
    assert tops == sorted(tops)


async def copied(page: Page) -> str:
    """What the clipboard has."""
    return str(await page.evaluate("() => navigator.clipboard.readText()"))
