"""After a payment thanks and receipt stand where the free part ends, and are seen without scrolling."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.reader import DESKTOP, PAID_WORDS, PHONE, SMALL_PHONE, Reader
from tests.browser.running_demo import RunningDemo

SCREENS = {"desk": DESKTOP, "phone": PHONE, "small phone": SMALL_PHONE}
# The last words that are free.
FREE_WORDS = "I thought of the saucer last winter"
IS_SEEN = """(line) => {
  const { left, right, top, bottom } = line.getBoundingClientRect();
  let at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  while (at?.shadowRoot?.elementFromPoint) {
    const inner = at.shadowRoot.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    if (!inner || inner === at) break;
    at = inner;
  }
  return line.contains(at);
}"""


@pytest.mark.parametrize("screen", SCREENS)
async def test_thanks_and_receipt_are_in_sight_where_the_paid_part_begins(new_reader: NewReader, screen: str) -> None:
    reader = await new_reader(**SCREENS[screen])
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    line = reader.page.locator("#thanks")
    await expect(line).to_have_text("Paid 100 sat. Nora Lindqvist thanks you. Receipt", use_inner_text=True)
    await is_seen(line)
    text = await reader.text.inner_text()
    assert text.index(FREE_WORDS) < text.index("thanks you") < text.index(PAID_WORDS[0])
    link = await line.get_by_role("link", name="Receipt").evaluate("(link) => link.href")
    assert link == await reader.page.locator("#receipt").evaluate("(link) => link.href")


async def test_who_comes_back_reads_without_being_thanked_again(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    await reader.page.reload()
    await reader.is_in("yours")
    await expect(reader.page.locator("#thanks")).to_be_hidden()


async def test_a_bought_file_has_them_above_its_download(reader: Reader) -> None:
    await reader.open("/i/calendar")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_in("open")
    line, download = reader.page.locator("#thanks"), reader.page.locator("#file")
    await is_seen(line)
    tops = [await part.evaluate("(part) => part.getBoundingClientRect().top") for part in (line, download)]
    assert tops == sorted(tops)


@pytest.mark.parametrize("screen", SCREENS)
async def test_an_embedded_text_has_them_at_the_same_place(
    new_visitor: NewVisitor, demo: RunningDemo, screen: str
) -> None:
    visitor = await new_visitor(**SCREENS[screen])
    await visitor.open()
    assert await demo.pay((await visitor.tap())["payment_request"]) == 200
    await visitor.is_open()
    await expect(visitor.sheet).to_have_count(0)
    line = visitor.paywall.locator(".held")
    await expect(line).to_have_text("Paid 100 sat. Nora Lindqvist thanks you. Receipt", use_inner_text=True)
    await is_seen(line)
    assert FREE_WORDS in await visitor.page.locator("[slot=free]").inner_text()
    order = [visitor.page.locator("[slot=free]"), line, visitor.page.locator("[slot=content]")]
    tops = [await part.evaluate("(part) => part.getBoundingClientRect().top") for part in order]
    assert tops == sorted(tops)


async def is_seen(line: Locator) -> None:
    """It is whole in the window, and nothing lies over it."""
    await expect(line).to_be_in_viewport(ratio=1)
    await line.page.wait_for_function(IS_SEEN, arg=await line.element_handle())
