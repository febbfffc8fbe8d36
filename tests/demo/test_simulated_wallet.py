"""The demo's wallet on the simulated node: it pays once, up to its balance, and explains refusals."""

import secrets
import time
from pathlib import Path

import pytest

from gateway.demo.simulated_wallet import SimulatedWallet
from gateway.demo.wallet import AlreadyPaid, InvalidInvoice, InvoiceExpired, NoRoute, OutcomeUnknown, WalletAway
from gateway.ports.node import NodeInvoiceState, NodeState
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.server import serve_simulator
from tests.support.clock import FakeClock


@pytest.fixture
def wallet(core: Simulator) -> SimulatedWallet:
    return SimulatedWallet(core, balance_msat=10_000)


def invoice(core: Simulator, *, amount_msat: int = 1000, is_hold: bool = False) -> SimulatedInvoice:
    return core.add_invoice(
        preimage=b"", amount_msat=amount_msat, memo="creator · host", expiry_seconds=60, is_hold=is_hold
    )


async def test_paying_gives_the_preimage_and_costs_what_was_asked(core: Simulator, wallet: SimulatedWallet) -> None:
    row = invoice(core)
    assert await wallet.pay("lightning:" + row.payment_request.upper()) == row.preimage.hex()
    assert await wallet.balance_msat() == 9000
    assert core.lookup(row.payment_hash).state is NodeInvoiceState.SETTLED


async def test_an_invoice_is_shown_before_it_is_paid(core: Simulator, wallet: SimulatedWallet) -> None:
    row = invoice(core, amount_msat=4321)
    shown = await wallet.decode(row.payment_request)
    assert (shown.payment_hash, shown.amount_msat) == (row.payment_hash.hex(), 4321)
    assert (shown.payee, shown.description) == (core.status().identity_pubkey, "creator · host")
    assert shown.expires_at.timestamp() == row.expires_at


async def test_an_invoice_is_paid_once(core: Simulator, wallet: SimulatedWallet) -> None:
    row = invoice(core)
    await wallet.pay(row.payment_request)
    with pytest.raises(AlreadyPaid):
        await wallet.pay(row.payment_request)
    assert await wallet.balance_msat() == 9000


async def test_more_than_it_has_finds_no_route(core: Simulator, wallet: SimulatedWallet) -> None:
    with pytest.raises(NoRoute):
        await wallet.pay(invoice(core, amount_msat=10_001).payment_request)
    assert await wallet.balance_msat() == 10_000


async def test_another_nodes_invoice_finds_no_route(wallet: SimulatedWallet, clock: FakeClock) -> None:
    other_node = Simulator(clock=clock, random_bytes=secrets.token_bytes)
    with pytest.raises(NoRoute):
        await wallet.pay(invoice(other_node).payment_request)


async def test_an_expired_canceled_or_otherwise_paid_invoice_is_not_taken(
    core: Simulator, wallet: SimulatedWallet, clock: FakeClock
) -> None:
    canceled, paid, expired = invoice(core), invoice(core), invoice(core)
    core.cancel(canceled.payment_hash)
    core.pay(paid.payment_hash, payer="somebody else")
    for row in (canceled, paid):
        with pytest.raises(InvoiceExpired):
            await wallet.pay(row.payment_request)
    clock.advance(60)
    with pytest.raises(InvoiceExpired):
        await wallet.pay(expired.payment_request)
    assert await wallet.balance_msat() == 10_000


@pytest.mark.parametrize("text", ["", "hello", "lnbc25m1pvjluez", "🦊"])
async def test_what_is_no_invoice_is_refused(wallet: SimulatedWallet, text: str) -> None:
    with pytest.raises(InvalidInvoice):
        await wallet.decode(text)
    with pytest.raises(InvalidInvoice):
        await wallet.pay(text)


async def test_an_invoice_without_an_amount_is_refused(core: Simulator, wallet: SimulatedWallet) -> None:
    with pytest.raises(InvalidInvoice):
        await wallet.pay(invoice(core, amount_msat=0).payment_request)


async def test_a_payment_that_the_payee_holds_is_neither_paid_nor_failed(
    core: Simulator, wallet: SimulatedWallet
) -> None:
    row = invoice(core, is_hold=True)
    with pytest.raises(OutcomeUnknown):
        await wallet.pay(row.payment_request)
    with pytest.raises(OutcomeUnknown):
        await wallet.pay(row.payment_request)
    core.settle_held(row.payment_hash)
    with pytest.raises(AlreadyPaid):
        await wallet.pay(row.payment_request)
    assert await wallet.balance_msat() == 9000


async def test_a_wallet_whose_network_is_down_pays_nothing(core: Simulator, wallet: SimulatedWallet) -> None:
    row = invoice(core)
    core.state = NodeState.ABSENT
    with pytest.raises(WalletAway):
        await wallet.pay(row.payment_request)
    core.state = NodeState.READY
    assert await wallet.pay(row.payment_request)


async def test_the_balance_outlives_the_process(tmp_path: Path) -> None:
    for expected in (9_000, 8_000):
        async with serve_simulator(tmp_path, clock=time.time) as simulated:
            wallet = SimulatedWallet(simulated.core, balance_msat=10_000)
            await wallet.pay(invoice(simulated.core).payment_request)
            assert await wallet.balance_msat() == expected
            await wallet.close()
