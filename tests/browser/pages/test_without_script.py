"""A browser without JavaScript pays with any wallet, and a reload opens what was paid."""

import hashlib
import re
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import PAID_WORDS, Reader
from tests.browser.running_demo import RunningDemo


@pytest_asyncio.fixture(loop_scope="session")
async def reader(new_reader: NewReader) -> Reader:
    """Somebody who allows no script."""
    return await new_reader(java_script_enabled=False)


async def test_a_reload_after_the_payment_opens_the_essay(reader: Reader, demo: RunningDemo) -> None:
    await buy(reader, demo, "/i/welcome")
    await reader.page.reload()
    await reader.is_open()
    await expect(reader.sale.locator(".held")).to_have_text("Paid", use_inner_text=True)


async def test_the_essay_opens_by_itself_too(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/i/welcome")
    await reader.page.get_by_role("button", name="Pay 100 sat").click()
    waiting = await reader.page.content()
    assert not any(words in waiting for words in PAID_WORDS)
    assert await demo.pay(await payment_request(reader)) == 200
    await reader.is_open()


async def test_no_part_of_the_page_needs_the_script_that_is_missing(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await expect(reader.page.locator("#demo-pay")).to_be_hidden()
    await reader.page.get_by_role("button", name="Pay 100 sat").click()
    await expect(reader.page.get_by_role("button", name="Copy")).to_have_count(0)
    await expect(reader.page.get_by_label("Lightning invoice, to copy")).to_be_visible()
    panel = reader.page.get_by_label("Demo wallet")
    await expect(panel).to_contain_text("Without JavaScript, pay from a terminal", use_inner_text=True)
    link = await reader.page.get_by_role("link", name="Open wallet").get_attribute("href")
    assert link == f"lightning:{await payment_request(reader)}"


async def test_a_file_is_downloaded_by_its_link(reader: Reader, demo: RunningDemo) -> None:
    await buy(reader, demo, "/i/calendar")
    await reader.page.reload()
    async with reader.page.expect_download() as starting:
        await reader.page.get_by_role("link", name="Download").click()
    download = await starting.value
    assert download.suggested_filename.endswith(".pdf")
    assert Path(await download.path()).read_bytes().startswith(b"%PDF-")


async def test_a_tip_is_thanked_for_once(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/t/nora")
    await reader.page.get_by_label(re.compile("^21 sat")).check()
    await reader.page.get_by_text("Add a note").click()
    await reader.page.get_by_label("Message").fill("Without a script")
    await reader.page.get_by_role("button", name="Send the tip").click()
    await expect(reader.page.locator("#sale .price strong")).to_have_text("21")
    assert await demo.pay(await payment_request(reader)) == 200
    await reader.page.reload()
    await expect(reader.page.get_by_role("heading", name="Thank you.")).to_be_visible()
    await reader.page.reload()
    await expect(reader.page.get_by_role("heading", name="Leave a tip")).to_be_visible()
    payments = await demo.as_operator("GET", "/v1/admin/payments?limit=500")
    assert [(p["paid_msat"], p["tip_to"]) for p in payments if p["message"] == "Without a script"] == [(21_000, "nora")]


async def test_a_tip_of_no_amount_is_refused_in_words(reader: Reader) -> None:
    reader.expects("422")
    await reader.open("/t/nora")
    await reader.page.get_by_label("Other").check()
    own = reader.page.get_by_label("Your amount, in sat")
    for typed in ("", "0", "1.5", "many"):
        await own.fill(typed)
        await reader.page.get_by_role("button", name="Send the tip").click()
        await expect(reader.page.get_by_role("alert")).to_have_text(
            "Choose an amount, or write one as a number of sat."
        )
        await expect(own).to_be_focused()
        await expect(own).to_have_value(typed)


async def test_an_amount_that_is_hidden_stops_no_other(reader: Reader) -> None:
    await reader.open("/t/nora")
    await reader.page.get_by_label("Other").check()
    await reader.page.get_by_label("Your amount, in sat").fill("1.5")
    await reader.page.get_by_label(re.compile("^21 sat")).check()
    await reader.page.get_by_role("button", name="Send the tip").click()
    await expect(reader.page.locator("#sale .price strong")).to_have_text("21")


async def test_an_empty_code_is_refused_in_the_pages_words(reader: Reader) -> None:
    reader.expects("422")
    await reader.open("/recover?lang=de")
    await reader.page.locator(".recovery button").click()
    await expect(reader.page.get_by_role("alert")).to_contain_text("zwölf Buchstaben und Ziffern")
    await expect(reader.page.locator("#code")).to_be_focused()


async def test_a_receipt_proves_the_payment(reader: Reader, demo: RunningDemo) -> None:
    await buy(reader, demo, "/i/welcome")
    await reader.page.reload()
    await reader.page.locator("#receipt").click()
    await expect(reader.page.get_by_role("heading", name="A little goes a long way")).to_be_visible()
    await expect(reader.page.locator("#shares > div")).to_have_text(["Nora Lindqvist70 sat", "Tomas Reyes30 sat"])
    preimage = await reader.page.locator("#preimage").inner_text()
    payment_hash = await reader.page.locator("#hash").inner_text()
    assert hashlib.sha256(bytes.fromhex(preimage)).hexdigest() == payment_hash
    await reader.page.get_by_role("link", name="Open it").click()
    await reader.is_open()


async def buy(reader: Reader, demo: RunningDemo, path: str) -> None:
    """Pay for an item from another wallet."""
    await reader.open(path)
    await reader.page.locator("#offer button.pay").click()
    assert await demo.pay(await payment_request(reader)) == 200


async def payment_request(reader: Reader) -> str:
    """What stands under the code."""
    return await reader.page.get_by_label("Lightning invoice, to copy").input_value()
