"""A link carries what was paid to another device, and tells nobody on the way."""

from urllib.parse import urldefrag

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import PHONE, Reader

NO_RECEIPT = "This address carries no receipt. "
CUT_SHORT = "This link opens nothing here. It may be cut short; open the whole link that you kept."


async def test_a_receipt_link_opens_what_was_paid_on_another_device(new_reader: NewReader) -> None:
    link = await buy_link(await new_reader(), "/i/welcome")
    phone = await new_reader(**PHONE)
    await phone.open(link)
    await expect(phone.page.get_by_role("heading", name="A little goes a long way")).to_be_visible()
    await expect(phone.page.locator("#proof")).to_have_text("Checked here: the preimage belongs to the payment hash.")
    await phone.page.get_by_role("link", name="Open it").click()
    await phone.is_in("yours")
    await expect(phone.text).to_contain_text("On Sunday I hemmed the kitchen curtains.")
    assert phone.posts() == [], "nothing was asked for"


async def test_a_receipt_link_opens_a_file_on_another_device(new_reader: NewReader) -> None:
    link = await buy_link(await new_reader(), "/i/calendar")
    phone = await new_reader(**PHONE)
    await phone.open(link)
    await phone.page.get_by_role("link", name="Open it").click()
    await phone.is_in("yours")
    await expect(phone.page.get_by_role("link", name="Download")).to_be_visible()


async def test_a_receipt_of_a_tip_says_whom_it_went_to(new_reader: NewReader) -> None:
    link = await buy_link(await new_reader(), "/t/tomas")
    phone = await new_reader(**PHONE)
    await phone.open(link)
    await expect(phone.page.get_by_role("heading", name="A tip for Tomas Reyes")).to_be_visible()
    await expect(phone.page.get_by_role("link", name="Open it")).to_be_hidden()


async def test_the_token_is_in_no_address_and_no_referrer(new_reader: NewReader) -> None:
    buyer, phone = await new_reader(), await new_reader(**PHONE)
    link = await buy_link(buyer, "/i/welcome")
    token = link.removeprefix("/r#")
    await buyer.page.locator("#receipt").click()
    await phone.open(link)
    for reader in (buyer, phone):
        await expect(reader.page.locator("#bill")).to_have_attribute("data-state", "shown")
        await expect(reader.page).to_have_url(f"{reader.url}/r")
        await reader.page.get_by_role("link", name="Open it").click()
        await reader.is_in("yours")
        await reader.page.get_by_role("link", name="The API").click()
        assert token not in await reader.page.evaluate("() => JSON.stringify([location.href, history.state])")
        for request in reader.requests:
            headers = await request.all_headers()
            told = {name: value for name, value in headers.items() if name != "authorization"}
            assert token not in urldefrag(request.url).url + str(told)
            assert token not in (request.post_data or "")


async def test_a_link_that_is_followed_where_a_receipt_is_open_shows_its_own(new_reader: NewReader) -> None:
    buyer, phone = await new_reader(), await new_reader(**PHONE)
    essay, tip = await buy_link(buyer, "/i/welcome"), await buy_link(buyer, "/t/tomas")
    await phone.open("/r")
    for link, title in ((essay, "A little goes a long way"), (tip, "A tip for Tomas Reyes"), (essay, "A little goes")):
        await phone.page.evaluate("(link) => { location.href = link; }", link)
        await expect(phone.page.get_by_role("heading", name=title)).to_be_visible()
        await expect(phone.page).to_have_url(f"{phone.url}/r")


@pytest.mark.parametrize(("fragment", "words"), [("", NO_RECEIPT), ("#", NO_RECEIPT), ("#AgEDbG5k", CUT_SHORT)])
async def test_a_link_without_its_receipt_says_what_to_do(reader: Reader, fragment: str, words: str) -> None:
    reader.expects("401")
    await reader.open(f"/r{fragment}")
    await expect(reader.line).to_contain_text(words)
    await expect(reader.page.locator(".shown")).to_be_hidden()


async def test_a_copied_link_is_the_whole_one(new_reader: NewReader) -> None:
    reader = await new_reader(permissions=["clipboard-read", "clipboard-write"])
    link = await buy_link(reader, "/i/welcome")
    await reader.page.get_by_role("button", name="Copy link").click()
    await expect(reader.page.get_by_role("button", name="Copied")).to_be_visible()
    assert await reader.page.evaluate("() => navigator.clipboard.readText()") == f"{reader.url}{link}"


async def buy_link(reader: Reader, path: str) -> str:
    """Pay, and take the receipt's link."""
    await reader.open(path)
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_in("open")
    link: str = await reader.page.locator("#receipt").evaluate("(link) => link.href.replace(location.origin, '')")
    assert link.startswith("/r#")
    return link
