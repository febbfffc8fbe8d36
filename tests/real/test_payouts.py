"""Payouts and refunds of `tuppence serve` on a real LND: the money arrives once, whoever dies on its way."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lndgrpc.compiled import lightning_pb2

from gateway.regtest.network import Network
from gateway.regtest.node import CALL_SECONDS
from gateway.regtest.payee import serve_payee
from gateway.wire.lnurl.addresses import read_lnurl
from tests.real.payees import EXPIRY_SECONDS, HoldingPayee, open_payee, open_paying_shop, received, sent
from tests.real.shop import Shop
from tests.support.clock import until
from tests.support.databases import change

pytestmark = pytest.mark.regtest

BALANCE_MSAT, AMOUNT_MSAT = 2_000_000, 1_980_000
"""What the creator has, and the most whole sat of it with a fee limit of 1 %."""
PRICE_MSAT = 100_000


@pytest.fixture
async def payee(network: Network, tmp_path: Path) -> AsyncIterator[HoldingPayee]:
    async with open_payee(network, tmp_path) as opened:
        yield opened


@pytest.fixture
async def paying_shop(network: Network, payee: HoldingPayee, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_paying_shop(network, tmp_path, payee.host) as opened:
        yield opened


async def test_a_balance_arrives_at_the_creators_node_and_its_real_fee_is_booked(
    network: Network, tmp_path: Path
) -> None:
    async with serve_payee(network.folder) as host, open_paying_shop(network, tmp_path, host) as shop:
        await arrived_once(shop, network, await ask_for_all(shop, host))
        status, told = await shop.shell.type("audit")
        assert status == 0, told


@pytest.mark.parametrize(("restarts_gateway", "crashes_node"), [(True, False), (False, True), (True, True)])
async def test_what_is_on_its_way_when_gateway_or_node_end_arrives_once(
    paying_shop: Shop, payee: HoldingPayee, network: Network, *, restarts_gateway: bool, crashes_node: bool
) -> None:
    payee.may_answer.set()
    payout_id = await ask_for_all(paying_shop, payee.host)
    await payee.until_held()
    if restarts_gateway:
        await paying_shop.kill()
    if crashes_node:
        await network.restart_node("reader", crash=True)
    await payee.take()
    if restarts_gateway:
        await paying_shop.serve()
    follow_up_now(paying_shop)
    await arrived_once(paying_shop, network, payout_id)


async def test_what_the_books_say_is_sent_and_was_not_is_sent_by_the_next_gateway(
    paying_shop: Shop, payee: HoldingPayee, network: Network
) -> None:
    payout_id = await ask_for_all(paying_shop, payee.host)
    await payee.asked.wait()
    await paying_shop.kill()
    commit_dispatched(paying_shop, payee)
    payee.may_answer.set()
    await paying_shop.serve()
    await payee.until_held()
    await payee.take()
    await arrived_once(paying_shop, network, payout_id)


async def test_a_payer_takes_a_refund_with_a_wallet_that_withdraws(shop: Shop, network: Network) -> None:
    refunded = await refund(shop)
    status, receipt = await shop.call("GET", "/v1/receipt", headers=bearer(refunded))
    assert (status, receipt["refund"]["state"]) == (200, "offered")
    async with shop.session.get(read_lnurl(receipt["refund"]["lnurl"])) as response:
        offer = await response.json()
    assert (offer["minWithdrawable"], offer["maxWithdrawable"]) == (PRICE_MSAT, PRICE_MSAT)
    asked = await ask_reader(network)
    claim = {"k1": offer["k1"], "pr": asked.payment_request}
    async with shop.session.get(offer["callback"], params=claim) as response:
        assert (await response.json())["status"] == "OK"
    await refunded_once(shop, network, refunded, asked)
    async with shop.session.get(offer["callback"], params=claim) as response:
        assert (await response.json())["status"] == "ERROR"


async def test_a_payer_takes_a_refund_with_the_token_of_the_payment(shop: Shop, network: Network) -> None:
    refunded = await refund(shop)
    asked = await ask_reader(network)
    claim = {"destination": asked.payment_request}
    status, told = await shop.call("POST", "/v1/refunds/claim", json=claim, headers=bearer(refunded))
    assert (status, told["state"]) == (202, "claiming")
    await refunded_once(shop, network, refunded, asked)
    status, told = await shop.call("POST", "/v1/refunds/claim", json=claim, headers=bearer(refunded))
    assert (status, told["code"]) == (409, "refund_claimed")


async def ask_for_all(shop: Shop, host: str) -> str:
    """Tip bob, name an address of his, and ask for all he has; the payout's id."""
    tip = await shop.invoice("/v1/creators/bob/tips", json={"amount_msat": BALANCE_MSAT})
    await shop.wallet.pay(tip["payment_request"])

    async def is_credited() -> bool:
        return (await shop.books())[1].get("bob") == BALANCE_MSAT

    await until(is_credited)
    await shop.ask_operator("PUT", "/v1/admin/creators/bob/destination", json={"address": f"bob@{host}"})
    payout = await shop.ask_operator("POST", "/v1/admin/payouts", json={"creator": "bob"})
    assert payout["amount_msat"] == AMOUNT_MSAT
    return str(payout["payout_id"])


async def arrived_once(shop: Shop, network: Network, payout_id: str) -> None:
    """The creator's node has the amount, the paying node sent it once, and the books say the same, to the msat."""
    payout = await ended(shop, payout_id)
    [try_] = payout["tries"]
    assert (payout["state"], try_["state"]) == ("succeeded", "succeeded"), payout
    invoice = await received(await network.node("creator"), try_["payment_hash"])
    assert (invoice.state, invoice.amt_paid_msat) == (lightning_pb2.Invoice.SETTLED, AMOUNT_MSAT)
    [payment] = await sent(await network.node("reader"), try_["payment_hash"])
    assert (payment.value_msat, payment.fee_msat) == (AMOUNT_MSAT, try_["fee_msat"])
    assert try_["fee_msat"] > 0
    assert (await shop.books())[1]["bob"] == BALANCE_MSAT - AMOUNT_MSAT - try_["fee_msat"]
    assert await shop.ask_operator("GET", "/v1/admin/nodes/lnd/payouts") == []


async def ended(shop: Shop, payout_id: str) -> dict[str, Any]:
    """A payout, once nothing more happens to it by itself."""
    found: dict[str, Any] = {}

    async def is_ended() -> bool:
        found.update(await shop.ask_operator("GET", f"/v1/admin/payouts/{payout_id}"))
        return bool(found["state"] != "trying")

    await until(is_ended)
    return found


async def refund(shop: Shop) -> dict[str, Any]:
    """Sell the text twice, and offer the first payment back; its invoice."""
    first, second = await shop.invoice(), await shop.invoice()
    for invoice in (first, second):
        await shop.wallet.pay(invoice["payment_request"])
        await until(partial(shop.opens, invoice))
    offered = await shop.ask_operator("PUT", f"/v1/admin/payments/{first['payment_hash']}/refund", json={})
    assert (offered["state"], offered["amount_msat"]) == ("offered", PRICE_MSAT)
    return first


async def ask_reader(network: Network) -> Any:
    """An invoice of the reader's node over the price."""
    reader = await network.node("reader")
    return await reader.lightning.AddInvoice(lightning_pb2.Invoice(value_msat=PRICE_MSAT), timeout=CALL_SECONDS)


async def refunded_once(shop: Shop, network: Network, refunded: dict[str, Any], asked: Any) -> None:
    """The reader's node has the price back, which its creators paid; what it bought is closed, and nothing else."""

    async def is_claimed() -> bool:
        _, receipt = await shop.call("GET", "/v1/receipt", headers=bearer(refunded))
        return bool(receipt["refund"]["state"] == "claimed")

    await until(is_claimed)
    payment_hash = asked.r_hash.hex()
    invoice = await received(await network.node("reader"), payment_hash)
    assert (invoice.state, invoice.amt_paid_msat) == (lightning_pb2.Invoice.SETTLED, PRICE_MSAT)
    [payment] = await sent(await network.node("merchant"), payment_hash)
    assert sum((await shop.books())[1].values()) == PRICE_MSAT - payment.fee_msat
    assert not await shop.opens(refunded)
    assert await shop.ask_operator("GET", "/v1/admin/nodes/lnd/payouts") == []


def bearer(invoice: dict[str, Any]) -> dict[str, str]:
    """The header of an invoice's token."""
    return {"Authorization": f"Bearer {invoice['access_token']}"}


def follow_up_now(shop: Shop) -> None:
    """Let the time be over after which a payout on its way is followed up."""
    statement = "UPDATE payout_tries SET check_at = 0 WHERE state = 'dispatched'"
    change(f"sqlite:///{shop.database}", lambda connection: connection.exec_driver_sql(statement))


def commit_dispatched(shop: Shop, payee: HoldingPayee) -> None:
    """Leave the books as a gateway does that ends between its commit and the call that pays."""
    now = int(time.time())
    statement = (
        "UPDATE payout_tries SET state = 'dispatched', payment_request = ?, payment_hash = ?, expires_at = ?, "
        "node_id = 'lnd', sender = 'a gateway that is no more', sends = 1, dispatched_at = ?, check_at = ? "
        "WHERE state = 'reserved'"
    )
    values = (payee.payment_request, payee.payment_hash, now + EXPIRY_SECONDS, now, now)
    change(f"sqlite:///{shop.database}", lambda connection: connection.exec_driver_sql(statement, values))
