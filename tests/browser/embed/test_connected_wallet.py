"""A wallet that a reader connects over Nostr: on the gateway's own pages alone, for the invoice that a page shows."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.nostr_wallet import Event, NostrWallet, open_wallet
from tests.browser.reader import Reader
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor
from tests.support.qr_camera import as_scanned, codes_in

KEPT = "() => localStorage.getItem('tuppence:connection')"
KEEP = "(value) => localStorage.setItem('tuppence:connection', value)"
STORED = "() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])"
# A blank page has no storage.
KEPT_BY_AN_OLDER_VERSION = """
if (location.host) localStorage.setItem("tuppence:wallet", "nostr+walletconnect://old");
"""
SPENT = {"error": {"code": "QUOTA_EXCEEDED", "message": "the budget is spent"}}
# Every field, whichever shadow root it stands in.
FIELDS = """() => {
  const within = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])]);
  return within(document).filter((one) => one.matches("input, textarea")).map(({ name }) => name);
}"""  # noqa: E501


@pytest_asyncio.fixture(loop_scope="session")
async def wallet(demo: RunningDemo) -> AsyncIterator[NostrWallet]:
    """Pays what it is asked to pay."""

    async def pay(invoice: str) -> Event | None:
        assert await demo.pay(invoice) == 200
        return {"result": {"preimage": "00" * 32}}

    async with open_wallet(pay) as opened:
        yield opened


async def connect(page: Page, connection: str, *, keep: bool = False) -> None:
    """Paste a wallet's connection into a page of the gateway, and pay with it."""
    fold = page.locator("dialog.sheet[open] .fold[part=connect]")
    if await fold.get_attribute("aria-expanded") == "false":
        await fold.click()
    await page.get_by_label("Connection").fill(connection)
    if keep:
        await page.get_by_label("Keep it in this browser").check()
    await page.get_by_role("button", name="Pay with it").click()


async def test_a_page_that_embeds_us_has_no_field_for_a_connection_and_keeps_none(
    new_visitor: NewVisitor, wallet: NostrWallet
) -> None:
    visitor = await new_visitor(script=KEPT_BY_AN_OLDER_VERSION)
    await visitor.open()
    for element in ("tuppence-paywall", "tuppence-button", "tuppence-tip"):
        await visitor.tap(element)
        await visitor.is_scannable()
        assert not {"connection", "keep"} & set(await visitor.page.evaluate(FIELDS))
        await visitor.page.keyboard.press("Escape")
    await visitor.page.locator("tuppence-paywall button.pay").click()
    await connect(await visitor.follow_connect(), wallet.connection, keep=True)
    await visitor.is_open()
    stored = await visitor.page.evaluate(STORED)
    assert "tuppence:" in stored
    assert "walletconnect" not in stored


async def test_the_gateways_page_pays_the_invoice_that_the_embedding_page_waits_for(
    visitor: Visitor, wallet: NostrWallet
) -> None:
    loaded: list[str] = []
    visitor.context.on("request", lambda request: loaded.append(request.url))
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    hosted = await visitor.follow_connect()
    assert hosted.url == f"{visitor.gateway}/i/welcome#invoice={invoice['payment_hash']}"
    await expect(hosted.locator("dialog.sheet .sum strong")).to_have_text("100")
    await expect(hosted.locator("dialog.sheet[open] svg.code")).to_be_visible()
    assert wallet.asked == [], "nothing is paid before a press there"
    kept = await hosted.evaluate(KEPT)
    async with hosted.expect_event("close"):
        await connect(hosted, wallet.connection)
    await visitor.is_open()
    assert wallet.asked == [invoice["payment_request"]]
    assert kept is None
    assert len([path for path in visitor.posts if path.endswith("/invoices")]) == 1
    assert not [url for url in loaded if url.endswith("/connect.js") and visitor.gateway not in url]


async def test_a_tip_is_paid_on_its_own_page(visitor: Visitor, wallet: NostrWallet) -> None:
    await visitor.open()
    invoice = await visitor.tap("tuppence-tip")
    hosted = await visitor.follow_connect()
    assert hosted.url.startswith(f"{visitor.gateway}/t/nora#invoice=")
    await connect(hosted, wallet.connection)
    await visitor.is_in("open", element="tuppence-tip")
    assert wallet.asked == [invoice["payment_request"]]


async def test_an_invoice_of_something_else_leads_to_its_own_page(visitor: Visitor, wallet: NostrWallet) -> None:
    await visitor.open()
    invoice = await visitor.tap("tuppence-tip")
    page = await visitor.context.new_page()
    await page.goto(f"{visitor.gateway}/i/welcome#invoice={invoice['payment_hash']}")
    await expect(page).to_have_url(f"{visitor.gateway}/t/nora#invoice={invoice['payment_hash']}")
    await expect(page.locator("[name=connection]")).to_be_visible()
    assert wallet.asked == []


async def test_a_connection_that_is_kept_pays_the_next_with_one_press(reader: Reader, wallet: NostrWallet) -> None:
    await reader.open("/i/welcome")
    first = await reader.press_pay()
    await connect(reader.page, wallet.connection, keep=True)
    await reader.is_open()
    await reader.open("/t/nora")
    async with reader.page.expect_response("**/tips") as answered:
        await reader.page.locator("#offer button.pay").click()
    second = await (await answered.value).json()
    await reader.is_in("open")
    assert wallet.asked == [first["payment_request"], second["payment_request"]]
    await reader.page.evaluate("() => localStorage.removeItem('tuppence:connection')")
    await reader.open("/t/nora")
    await reader.press_pay()
    assert len(wallet.asked) == 2


async def test_a_wallet_that_another_tab_has_disconnected_is_asked_by_none(reader: Reader, wallet: NostrWallet) -> None:
    await reader.open("/i/welcome")
    await reader.page.evaluate(KEEP, wallet.connection)
    await reader.open("/t/nora")
    other = await reader.context.new_page()
    await other.goto(f"{reader.url}/r")
    await other.evaluate("() => localStorage.removeItem('tuppence:connection')")
    await reader.press_pay()
    await expect(reader.status).to_have_text("Waiting for your payment")
    assert wallet.asked == []


async def test_a_wallet_that_refuses_leaves_the_invoice_to_scan_and_can_be_disconnected(
    reader: Reader, demo: RunningDemo
) -> None:
    async def refuse(_: str) -> Event | None:
        return SPENT

    reader.expects("Failed to request pay_invoice")
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    async with open_wallet(refuse) as wallet:
        await connect(reader.page, wallet.connection, keep=True)
        await expect(reader.status).to_have_text("Your wallet did not pay. Scan the code, or ask it again.")
    assert codes_in(await reader.sheet.locator("svg.code").screenshot()) == [as_scanned(invoice["payment_request"])]
    await reader.page.get_by_role("button", name="Disconnect").click()
    assert await reader.page.evaluate(KEPT) is None
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_open()
    assert len([path for path in reader.posts() if path.endswith("/invoices")]) == 1


async def test_a_wallet_out_of_reach_is_told_of(reader: Reader, wallet: NostrWallet) -> None:
    reader.expects("WebSocket", "failed to connect to any relay")
    nowhere = wallet.connection.replace(wallet.url.partition("//")[2], "127.0.0.1:9/")
    await reader.open("/i/welcome")
    await reader.press_pay()
    await connect(reader.page, nowhere)
    await expect(reader.status).to_have_text("Your wallet cannot be reached. Scan the code, or ask it again.")


async def test_what_is_no_connection_is_told_of_beside_its_field(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await connect(reader.page, "nostr+walletconnect://abc?relay=wss://relay.example")
    await expect(reader.page.get_by_role("alert")).to_contain_text("This is no whole connection.")
    await expect(reader.page.get_by_label("Connection")).to_be_focused()
    assert await reader.page.evaluate(KEPT) is None


@pytest.mark.parametrize("path", ["/i/welcome", "/t/nora"])
async def test_without_a_press_no_page_pays(reader: Reader, wallet: NostrWallet, path: str) -> None:
    await reader.open("/i/welcome")
    await reader.page.evaluate(KEEP, wallet.connection)
    await reader.open(path)
    await expect(reader.page.locator("#offer button.pay")).to_be_visible()
    assert json.loads(await reader.page.evaluate(STORED))[0] != {}
    assert wallet.asked == []
