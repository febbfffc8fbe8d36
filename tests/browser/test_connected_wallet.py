"""A wallet that a reader connects over Nostr: it pays the invoice that is shown, and is kept only if they say so."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.nostr_wallet import Event, NostrWallet, open_wallet
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor
from tests.clock import until
from tests.scanned import as_scanned

KEPT = "() => localStorage.getItem('tuppence:wallet')"
SPENT = {"error": {"code": "QUOTA_EXCEEDED", "message": "the budget is spent"}}


@pytest_asyncio.fixture(loop_scope="session")
async def wallet(demo: RunningDemo) -> AsyncIterator[NostrWallet]:
    """Pays what it is asked to pay."""

    async def pay(invoice: str) -> Event | None:
        assert await demo.pay(invoice) == 200
        return {"result": {"preimage": "00" * 32}}

    async with open_wallet(pay) as opened:
        yield opened


async def test_a_connected_wallet_pays_the_shown_invoice_and_is_forgotten(
    visitor: Visitor, wallet: NostrWallet
) -> None:
    loaded: list[str] = []
    visitor.page.on("request", lambda request: loaded.append(request.url))
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    assert not any(url.endswith("/connect.js") for url in loaded)
    await visitor.connect(wallet.connection)
    await visitor.is_open()
    assert wallet.asked == [invoice["payment_request"]]
    assert await visitor.page.evaluate(KEPT) is None
    assert len(visitor.posts) == 1


async def test_a_connection_that_is_kept_pays_the_next_with_one_tap(visitor: Visitor, wallet: NostrWallet) -> None:
    await visitor.open()
    await visitor.tap()
    await visitor.connect(wallet.connection, keep=True)
    await visitor.is_open()
    await visitor.open()
    await visitor.tap("tuppence-button")
    await visitor.is_in("open", element="tuppence-button")
    assert len(wallet.asked) == 2
    await visitor.page.evaluate("() => localStorage.removeItem('tuppence:wallet')")
    await visitor.open()
    await visitor.tap("tuppence-tip")
    await visitor.is_scannable()
    assert len(wallet.asked) == 2


async def test_a_wallet_that_refuses_leaves_the_invoice_to_scan_and_can_be_disconnected(
    visitor: Visitor, demo: RunningDemo
) -> None:
    async def refuse(_: str) -> Event | None:
        return SPENT

    visitor.expects("Failed to request pay_invoice")
    await visitor.open()
    invoice = await visitor.tap()
    async with open_wallet(refuse) as wallet:
        await visitor.connect(wallet.connection, keep=True)
        await expect(visitor.status).to_have_text("Your wallet did not pay. Scan the code, or ask it again.")
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    await visitor.sheet.get_by_text("Connect a wallet").click()
    await visitor.sheet.get_by_role("button", name="Disconnect").click()
    assert await visitor.page.evaluate(KEPT) is None
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    assert len(visitor.posts) == 1


async def test_a_wallet_that_never_answers_may_still_be_paying_the_same_invoice(visitor: Visitor) -> None:
    async def never(_: str) -> Event | None:
        return None

    visitor.expects("Failed to request pay_invoice")
    await visitor.page.clock.install()
    await visitor.open()
    invoice = await visitor.tap()
    async with open_wallet(never) as wallet:
        await visitor.connect(wallet.connection)
        await expect(visitor.status).to_have_text("Confirm the payment in your wallet.")
        await until(lambda: len(wallet.asked) == 1)
        await visitor.page.clock.run_for(8_100)
        await expect(visitor.status).to_contain_text("Your wallet may still be paying. This code is the same invoice")
        await visitor.is_scannable()
        assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
        await visitor.page.clock.run_for(600_000)
        await expect(visitor.status).to_have_text("This code expired. If your wallet is still paying it, it counts.")
    assert len(visitor.posts) == 1


async def test_a_wallet_out_of_reach_is_told_of(visitor: Visitor, wallet: NostrWallet) -> None:
    visitor.expects("WebSocket", "failed to connect to any relay")
    nowhere = wallet.connection.replace(wallet.url.partition("//")[2], "127.0.0.1:9/")
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.connect(nowhere)
    await expect(visitor.status).to_have_text("Your wallet cannot be reached. Scan the code, or ask it again.")
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]


async def test_what_is_no_connection_is_told_of_beside_its_field(visitor: Visitor) -> None:
    await visitor.open()
    await visitor.tap()
    await visitor.connect("nostr+walletconnect://abc?relay=wss://relay.example")
    await expect(visitor.sheet.get_by_role("alert")).to_contain_text("This is no whole connection.")
    await expect(visitor.sheet.get_by_label("Connection")).to_be_focused()
    assert await visitor.page.evaluate(KEPT) is None
