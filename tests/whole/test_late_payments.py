"""T14 and T15: payments around expiry, of any amount, and of others: LND's word is what is booked, and what opens."""

from pathlib import Path
from secrets import token_bytes

import pytest

from gateway.access.tokens import Credential, mint_token
from gateway.errors import Refused
from gateway.rows import Invoice, InvoiceState
from gateway.settlement.sweep import SECOND_CHECK_AFTER_EXPIRY_SECONDS
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.simulator.refusals import PaymentRefused
from gateway.store.tables.invoices import FIRST_CHECK_AFTER_EXPIRY_SECONDS
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.rows import EXPIRY_SECONDS

pytestmark = pytest.mark.both_databases

HELD_SECONDS = 120


async def opens(domain: Domain, invoice: Invoice) -> bool:
    presented = [("line", Credential(mint_token(domain.keys, invoice), None))]
    try:
        await domain.authorizer.authorize(presented, "welcome")
    except Refused:
        return False
    return True


async def sweep_until_final(domain: Domain, invoice: Invoice) -> None:
    """Only by the sweeps that fall due; the stream tells nothing."""
    for seconds in (FIRST_CHECK_AFTER_EXPIRY_SECONDS, SECOND_CHECK_AFTER_EXPIRY_SECONDS, 300, 600):
        domain.clock.now = max(domain.clock.now, invoice.expires_at + seconds)
        await domain.sweeper.sweep(due_only=True)


@pytest.mark.parametrize("lags", [False, True], ids=["watched", "watcher-lags"])
@pytest.mark.parametrize("seconds", [-1, 0, 1])
async def test_whatever_lnd_takes_around_expiry_is_credited_and_opens(domain: Domain, seconds: int, lags: bool) -> None:
    """LND cancels by a watcher, not by its clock: a payment that comes first settles, however late."""
    domain.core.quirks.watch_expiry = not lags
    invoice = await domain.sell()
    domain.clock.now = invoice.expires_at + seconds
    try:
        domain.pay(invoice)
        is_paid = True
    except PaymentRefused:
        is_paid = False
    assert is_paid is (lags or seconds < 0)
    domain.core.quirks.watch_expiry = True
    await sweep_until_final(domain, invoice)
    assert (await domain.row(invoice)).state is (InvoiceState.SETTLED if is_paid else InvoiceState.CANCELED)
    assert await opens(domain, invoice) is is_paid
    assert (
        await domain.store.read(lambda tx: tx.invoices.unresolved("lnd", due_at=None, after_add_index=0, limit=9)) == []
    )


@pytest.mark.parametrize("forgets", [False, True], ids=["kept", "deleted"])
async def test_parts_that_are_held_and_then_fail_leave_a_canceled_invoice(domain: Domain, forgets: bool) -> None:
    domain.core.quirks.forget_canceled = forgets
    invoice = await domain.sell()
    payment_hash = bytes.fromhex(invoice.payment_hash)
    domain.core.start_payment(payment_hash)
    domain.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    await domain.sweeper.sweep(due_only=True)
    assert (await domain.row(invoice)).state is InvoiceState.OPEN, "a payment is on its way"
    domain.clock.now = invoice.expires_at + HELD_SECONDS
    domain.core.fail_payment(payment_hash)
    await sweep_until_final(domain, invoice)
    assert (await domain.row(invoice)).state is InvoiceState.CANCELED
    assert not await opens(domain, invoice)


@pytest.mark.parametrize("off_by", [-3_600, -60, 60, 3_600])
async def test_a_gateway_whose_clock_is_wrong_neither_cancels_early_nor_forgets(
    tmp_path: Path, database_url: str, clock: FakeClock, off_by: int
) -> None:
    right = FakeClock(clock.now)
    core = Simulator(clock=right, random_bytes=token_bytes)
    clock.advance(off_by)
    async with open_domain(tmp_path, clock, core, database_url=database_url, node=InProcessNode(core)) as domain:
        paid, unpaid = await domain.sell_many(2)

        async def pass_by(seconds: int) -> None:
            for _ in range(seconds // 50):
                right.advance(50)
                clock.advance(50)
                await domain.sweeper.sweep(due_only=True)

        await pass_by(EXPIRY_SECONDS - 50)
        assert await domain.states([paid, unpaid]) == ["open", "open"]
        domain.pay(paid)
        await pass_by(9_000)
        assert await domain.states([paid, unpaid]) == ["settled", "canceled"]
        assert await opens(domain, paid)


@pytest.mark.parametrize("more_msat", [1, 999, 100_000, 99_900_000])
async def test_what_is_booked_is_what_lnd_received_to_the_millisatoshi(domain: Domain, more_msat: int) -> None:
    invoice = await domain.sell()
    domain.pay(invoice, amount_msat=100_000 + more_msat)
    await domain.sweeper.sweep()
    assert (await domain.row(invoice)).paid_msat == 100_000 + more_msat
    assert sum(msat for account, msat in (await domain.balances()).items() if account.startswith("creator:")) == (
        100_000 + more_msat
    )
    assert await opens(domain, invoice)


@pytest.mark.parametrize("amount_msat", [0, 1, 99_999])
async def test_too_little_neither_settles_nor_opens(domain: Domain, amount_msat: int) -> None:
    invoice = await domain.sell()
    with pytest.raises(PaymentRefused):
        domain.pay(invoice, amount_msat=amount_msat)
    await domain.sweeper.sweep()
    assert (await domain.row(invoice)).state is InvoiceState.OPEN
    assert not await opens(domain, invoice)


async def test_a_second_payment_of_an_invoice_is_refused_by_the_node_and_changes_nothing(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    await domain.sweeper.sweep()
    before = domain.dump()
    with pytest.raises(PaymentRefused):
        domain.pay(invoice)
    await domain.sweeper.sweep()
    assert domain.dump() == before


async def test_what_others_receive_at_the_same_node_is_not_booked(domain: Domain) -> None:
    """Keysend, AMP that settles again and again, hold invoices, and the invoices of another application."""
    before = domain.dump()
    told = domain.core.subscribe(add_index=0, settle_index=0, wake=lambda: None)
    domain.core.keysend(5_000)
    amp = domain.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=600, is_amp=True)
    hold = domain.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=600, is_hold=True)
    foreign = domain.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=600)
    for row in (amp, amp, hold, foreign):
        domain.core.pay(row.payment_hash)
    domain.core.settle_held(hold.payment_hash)
    assert isinstance(domain.node, InProcessNode)
    assert await domain.settler.settle([domain.node._translate(row) for row in iter(told.take, None)]) == []
    assert domain.dump() == before
