"""A receipt says in the reader's money what was paid, is sent to oneself, and is asked about by its number."""

from typing import Any
from urllib.parse import unquote

import pytest
from playwright.async_api import expect

from tests.browser.appearance.pictures import has_edge
from tests.browser.appearance.test_page_lengths import TWICE, are_one_line
from tests.browser.conftest import NewReader
from tests.browser.pages.test_accessible import barriers
from tests.browser.pages.test_layout import fits
from tests.browser.pages.test_rates import SIZE
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE, Reader
from tests.browser.receipts.test_recovery import show_receipt
from tests.browser.running_demo import RunningDemo

ASKED = "Asked your mail program. Nothing opened? Copy the link."
# What the share sheet is given, or why it fails.
SHARES = """
window.shared = [];
navigator.share = async (data) => { shared.push(data); if (window.refusal) throw new DOMException("", refusal); };
"""
# A mail program that is opened would be one of this machine: the link is only noted.
NO_SHARE = "delete Navigator.prototype.share;"
NOTES_MAIL = """
window.mails = [];
addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='mailto:']");
  if (!link || event.defaultPrevented) return;
  mails.push(link.href);
  event.preventDefault();
});
"""
SCREENS: dict[str, dict[str, Any]] = {
    "a desk": DESKTOP,
    "a phone at night": PHONE | {"color_scheme": "dark"},
    "a small Korean phone": SMALL_PHONE | {"locale": "ko-KR"},
    "a small German phone at night": SMALL_PHONE | {"locale": "de-DE", "color_scheme": "dark"},
}


async def test_the_amount_stands_in_the_readers_money_as_large_as_in_sat(new_reader: NewReader) -> None:
    for locale, amount in (("en-US", "≈ $0.10"), ("ko-KR", "≈ ₩140"), ("sv-SE", "≈ USD\xa00.10")):
        reader = await new_reader(locale=locale)
        await show_receipt(reader)
        fiat = reader.page.locator("#fiat")
        await expect(fiat).to_have_text(amount)
        assert await fiat.evaluate(SIZE) == await reader.page.locator("#amount").evaluate(SIZE)
    await expect(reader.page.get_by_text("At a sample exchange rate")).to_have_count(1)


async def test_the_share_sheet_is_given_the_link_the_number_and_the_code(reader: Reader) -> None:
    await reader.page.add_init_script(SHARES + NOTES_MAIL)
    await show_receipt(reader)
    await reader.page.get_by_role("link", name="Send to myself").click()
    [shared] = await reader.page.evaluate("() => shared")
    number = await reader.page.locator("#number").inner_text()
    assert shared["title"] == f"Receipt {number}"
    for part in (number, "100 sat ≈ $0.10", await reader.page.locator("#recovery").inner_text()):
        assert part in shared["text"]
    token = shared["url"].removeprefix(f"{reader.url}/r#")
    assert len(token) > 100
    assert token not in shared["text"]
    assert await reader.page.evaluate("() => mails") == []
    for request in reader.requests:
        assert token not in request.url.partition("#")[0] + (request.post_data or "")


async def test_who_closes_the_share_sheet_is_asked_nothing_more(reader: Reader) -> None:
    await reader.page.add_init_script(SHARES + NOTES_MAIL + "window.refusal = 'AbortError';")
    await show_receipt(reader)
    await reader.page.get_by_role("link", name="Send to myself").click()
    assert len(await reader.page.evaluate("() => shared")) == 1
    await expect(reader.page.locator("#sent")).to_be_empty()


async def test_without_a_share_sheet_a_mail_is_written_and_what_to_do_if_nothing_opens(reader: Reader) -> None:
    await reader.page.add_init_script(NO_SHARE + NOTES_MAIL)
    await show_receipt(reader)
    await reader.page.get_by_role("link", name="Send to myself").click()
    [mail] = await reader.page.evaluate("() => mails")
    link = await reader.page.locator("#link").get_attribute("href")
    assert link is not None
    assert unquote(mail).endswith(link)
    await expect(reader.page.locator("#sent")).to_have_text(ASKED)
    await expect(reader.page.get_by_role("button", name="Copy link")).to_be_visible()
    await expect(reader.page.locator("#link")).to_be_hidden()


async def test_without_script_the_mail_and_the_link_are_links(new_reader: NewReader, demo: RunningDemo) -> None:
    reader = await new_reader(java_script_enabled=False)
    await reader.buy_without_script(demo.pay)
    link = await reader.page.get_by_role("link", name="Receipt link").get_attribute("href")
    mail = await reader.page.get_by_role("link", name="Send to myself").get_attribute("href")
    assert link is not None
    assert mail is not None
    assert unquote(mail).endswith(link)
    await expect(reader.page.locator("#fiat")).to_have_text("≈ $0.10")
    question = await reader.page.get_by_role("link", name="Ask help@pay.example").get_attribute("href")
    number = await reader.page.locator("#number").inner_text()
    assert question == f"mailto:help@pay.example?subject=Receipt%20{number}"


@pytest.mark.node
@pytest.mark.parametrize("who", SCREENS)
async def test_a_receipt_fits_and_has_no_barrier_with_letters_twice_as_large_too(
    new_reader: NewReader, axe: str, who: str
) -> None:
    reader = await new_reader(**SCREENS[who], reduced_motion="reduce")
    for path in ("/i/welcome", "/t/nora"):
        await show_receipt(reader, path)
        await fits(reader)
        await are_one_line(reader.page, ".elsewhere .way")
        assert await barriers(reader, axe) == []
        await reader.page.evaluate(TWICE)
        await fits(reader)


async def test_what_can_be_pressed_on_a_receipt_has_an_edge_in_a_contrast_theme(new_reader: NewReader) -> None:
    reader = await new_reader(**PHONE, forced_colors="active")
    await show_receipt(reader)
    for way in await reader.page.locator("main :is(.pay, .way):visible").all():
        await way.scroll_into_view_if_needed()
        assert await has_edge(way), await way.inner_text()
