"""A file is downloaded as it was sold; a tip arrives with its words."""

import re
from pathlib import Path

from playwright.async_api import expect

from gateway.demo.content import FILE
from tests.browser.reader import Reader
from tests.browser.running_demo import RunningDemo

REFUSED = "Choose an amount, or write one as a number of sat."


async def test_a_paid_file_has_a_link_to_exactly_its_bytes(reader: Reader) -> None:
    await reader.open("/i/calendar")
    download = reader.page.get_by_role("link", name="Download")
    await expect(download).to_be_hidden()
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_in("open")
    assert await download_from(reader) == FILE.read_bytes()
    await reader.page.reload()
    await reader.is_in("yours")
    assert await download_from(reader) == FILE.read_bytes()


async def test_a_tip_carries_its_message_and_its_name(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/t/nora")
    await reader.page.get_by_label("1,000 sat").check()
    await reader.page.get_by_text("Add a note").click()
    await reader.page.get_by_label("Your name").fill("Ana & Jürg")
    await reader.page.get_by_label("Message").fill("For the <b>saucer</b>\n작은 동전 ☕")
    invoice = await reader.press_pay()
    assert invoice["amount_msat"] == 1_000_000
    await expect(reader.sheet.locator(".sum strong")).to_have_text("1,000")
    await reader.press_wallet()
    await expect(reader.page.get_by_role("heading", name="Thank you.")).to_be_visible()
    await expect(reader.text).to_contain_text("Nora Lindqvist has your tip, every sat of it.")
    payments = await demo.as_operator("GET", "/v1/admin/payments?limit=500")
    [tip] = [payment for payment in payments if payment["payment_hash"] == invoice["payment_hash"]]
    assert (tip["name"], tip["message"]) == ("Ana & Jürg", "For the <b>saucer</b>\n작은 동전 ☕")
    assert (tip["paid_msat"], tip["shares"][0]["creator"]) == (1_000_000, "nora")


async def test_a_paid_tip_is_not_returned_for_a_second_one(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/t/tomas")
    first = await reader.press_pay()
    assert await demo.pay(first["payment_request"]) == 200
    await reader.is_in("open")
    await reader.page.reload()
    await reader.is_in("offered")
    assert (await reader.press_pay())["payment_hash"] != first["payment_hash"]


async def test_any_whole_amount_can_be_given(reader: Reader) -> None:
    await reader.open("/t/nora")
    own = reader.page.get_by_label("Your amount, in sat")
    await expect(own).to_be_hidden()
    await reader.page.get_by_label("Other").check()
    await own.fill("4321")
    assert (await reader.press_pay())["amount_msat"] == 4_321_000


async def test_a_tip_of_no_amount_is_refused_in_words(reader: Reader) -> None:
    reader.expects("422", "400")
    await reader.open("/t/nora")
    await reader.page.get_by_label("Other").check()
    own = reader.page.get_by_label("Your amount, in sat")
    for typed in ("", "0", "1.5", "-3", "0x10", "5e2", "100000001", "many"):
        await own.fill(typed)
        await reader.page.get_by_role("button", name="Send the tip").click()
        await expect(reader.page.get_by_role("alert")).to_have_text(REFUSED)
        await expect(own).to_be_focused()
        await expect(own).to_have_value(typed)
    await own.fill("5")
    assert (await reader.press_pay())["amount_msat"] == 5_000


async def test_an_amount_that_is_hidden_stops_no_other(reader: Reader) -> None:
    await reader.open("/t/nora")
    await reader.page.get_by_label("Other").check()
    await reader.page.get_by_label("Your amount, in sat").fill("1.5")
    await reader.page.get_by_label(re.compile("^100 sat")).check()
    assert (await reader.press_pay())["amount_msat"] == 100_000


async def test_a_changed_amount_is_asked_for_anew(reader: Reader) -> None:
    await reader.open("/t/nora")
    small = await reader.press_pay()
    await reader.page.reload()
    await reader.page.get_by_label("1,000 sat").check()
    large = await reader.press_pay()
    assert (small["amount_msat"], large["amount_msat"]) == (100_000, 1_000_000)


async def download_from(reader: Reader) -> bytes:
    """What the link gives."""
    async with reader.page.expect_download() as starting:
        await reader.page.get_by_role("link", name="Download").click()
    download = await starting.value
    assert download.suggested_filename == FILE.name
    return Path(await download.path()).read_bytes()
