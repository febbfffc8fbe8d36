"""A payment that the node reports as settled is credited exactly once, however often it is reported."""

import asyncio
import random
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeInvoiceState
from gateway.rows import Invoice, InvoiceState, Settlement
from gateway.settlement.settle import Settler
from gateway.simulator.refusals import PaymentRefused
from tests.support.announced import Announced
from tests.support.domain import Domain
from tests.support.rows import NODE_ACCOUNT, START, a_report, an_invoice
from tests.support.settlements import BOTH_CREDITED, reports_of, sell_and_pay


async def test_a_settled_invoice_is_credited_to_everyone_it_was_sold_for(domain: Domain) -> None:
    [report] = await sell_and_pay(domain, 1)
    [settled] = await domain.settler.settle([report])
    assert (settled.state, settled.paid_msat) == (InvoiceState.SETTLED, 100_000)
    assert (settled.settled_at, settled.settle_index) == (report.settled_at, report.settle_index)
    assert await domain.balances() == BOTH_CREDITED
    assert domain.announced == [settled.payment_hash]


async def test_a_replayed_settlement_changes_nothing(domain: Domain) -> None:
    reports = await sell_and_pay(domain, 1)
    await domain.settler.settle(reports)
    before = domain.dump()
    assert await domain.settler.settle(reports) == []
    assert domain.dump() == before
    assert len(domain.announced) == 1


async def test_a_settlement_reported_five_times_at_once_is_credited_once(domain: Domain) -> None:
    [report] = await sell_and_pay(domain, 1)
    assert len(await domain.settler.settle([report] * 5)) == 1
    assert await domain.balances() == BOTH_CREDITED


async def test_shuffled_duplicates_in_any_batches_are_credited_once(domain: Domain) -> None:
    reports = await sell_and_pay(domain, 8) * 5
    random.Random(8).shuffle(reports)
    batches = [reports[start : start + 7] for start in range(0, len(reports), 7)]
    await asyncio.gather(*(domain.settler.settle(batch) for batch in batches))
    assert await domain.balances() == {account: 8 * msat for account, msat in BOTH_CREDITED.items()}
    assert sorted(domain.announced) == sorted({report.payment_hash for report in reports})


async def test_two_settlers_at_once_credit_once(domain: Domain) -> None:
    reports = await sell_and_pay(domain, 20)
    also = Announced()
    other = Settler(domain.node, domain.store, domain.clock, also)
    both = await asyncio.gather(*(settler.settle([r]) for r in reports for settler in (domain.settler, other)))
    assert sum(len(settled) for settled in both) == 20
    assert await domain.balances() == {account: 20 * msat for account, msat in BOTH_CREDITED.items()}
    assert sorted(domain.announced + also.settled_hashes) == sorted(report.payment_hash for report in reports)


async def test_events_are_in_the_order_in_which_the_node_reported_the_settlements(domain: Domain) -> None:
    reports = await sell_and_pay(domain, 6)
    reported = [reports[n] for n in (4, 2, 0, 5, 1, 3)]
    await domain.settler.settle(reported)
    payments = await domain.store.read(lambda tx: tx.events.payments(after_position=0, limit=10, creator=None))
    assert [(p.position, p.invoice.payment_hash) for p in payments] == [
        (n + 1, report.payment_hash) for n, report in enumerate(reported)
    ]


async def test_positions_go_on_where_they_ended(domain: Domain) -> None:
    first, second, third = await sell_and_pay(domain, 3)
    await domain.settler.settle([first, second])
    await domain.settler.settle([first, third])
    payments = await domain.store.read(lambda tx: tx.events.payments(after_position=2, limit=10, creator=None))
    assert [(p.position, p.invoice.payment_hash) for p in payments] == [(3, third.payment_hash)]


@pytest.mark.parametrize(
    "state", [NodeInvoiceState.OPEN, NodeInvoiceState.ACCEPTED, NodeInvoiceState.CANCELED], ids=str
)
async def test_only_settled_is_settled(domain: Domain, state: NodeInvoiceState) -> None:
    invoice = await domain.sell()
    before = domain.dump()
    assert await domain.settler.settle([a_report(invoice, state=state)]) == []
    assert domain.dump() == before


async def test_a_canceled_invoice_that_settles_is_settled_and_raises_an_alarm(domain: Domain) -> None:
    invoice = await domain.sell()
    await domain.store.write(lambda tx: tx.invoices.cancel("lnd", [invoice.payment_hash], now=1))
    with capture_logs() as logs:
        assert len(await domain.settler.settle([a_report(invoice)])) == 1
    assert (await domain.row(invoice)).state is InvoiceState.SETTLED
    assert await domain.balances() == BOTH_CREDITED
    assert [(log["event"], log["log_level"]) for log in logs] == [
        ("settled_after_canceled", "error"),
        ("settled", "info"),
    ]


async def test_the_row_itself_settles_once_whoever_asks(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    await domain.sweeper.sweep()
    settled = await domain.row(invoice)
    again = Settlement(payment_hash=invoice.payment_hash, paid_msat=Msat(999_000), settled_at=START + 9, settle_index=9)
    with pytest.raises(AssertionError, match="not settled"):
        await domain.store.write(lambda tx: tx.invoices.settle("lnd", [again]))
    assert await domain.row(invoice) == settled


async def test_a_settled_invoice_is_never_canceled_again(domain: Domain) -> None:
    reports = await sell_and_pay(domain, 1)
    [settled] = await domain.settler.settle(reports)
    assert await domain.store.write(lambda tx: tx.invoices.cancel("lnd", [settled.payment_hash], now=1)) == 0
    assert await domain.row(settled) == settled


async def test_an_invoice_that_is_not_ours_is_ignored(domain: Domain) -> None:
    foreign = domain.core.add_invoice(preimage=b"f" * 32, amount_msat=5_000, memo="", expiry_seconds=60)
    domain.core.pay(foreign.payment_hash)
    domain.core.keysend(7_000)
    before = domain.dump()
    assert await domain.settler.settle([a_report(an_invoice(99))]) == []
    assert await domain.settler.settle(await domain.node.list_invoices(after_add_index=0, limit=500)) == []
    assert domain.dump() == before


async def test_another_nodes_report_of_our_invoice_settles_nothing(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.node.node_id = "other"
    before = domain.dump()
    assert await domain.settler.settle([a_report(invoice)]) == []
    assert domain.dump() == before


async def test_a_late_settlement_after_expiry_is_settled(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.core.quirks.watch_expiry = False
    domain.clock.advance(3_600)
    domain.pay(invoice)
    [settled] = await domain.settler.settle(await reports_of(domain, [invoice]))
    assert settled.state is InvoiceState.SETTLED
    assert settled.settled_at == invoice.expires_at + 3_000


@pytest.mark.parametrize("more_msat", [1, 999, 50_000, 99_900_000])
async def test_an_overpayment_is_booked_as_received_and_shared_like_the_price(domain: Domain, more_msat: int) -> None:
    invoice = await domain.sell()
    paid_msat = 100_000 + more_msat
    domain.pay(invoice, amount_msat=paid_msat)
    [settled] = await domain.settler.settle(await reports_of(domain, [invoice]))
    assert (settled.amount_msat, settled.paid_msat) == (100_000, paid_msat)
    balances = await domain.balances()
    assert balances[NODE_ACCOUNT] == -paid_msat
    assert balances["creator:alice"] + balances["creator:bob"] == paid_msat
    assert abs(balances["creator:alice"] * 10 - paid_msat * 7) < 10


async def test_an_underpayment_never_settles(domain: Domain) -> None:
    invoice = await domain.sell()
    with pytest.raises(PaymentRefused, match="too low"):
        domain.pay(invoice, amount_msat=99_999)
    assert await domain.settler.settle(await reports_of(domain, [invoice])) == []


async def test_a12_a_settlement_without_its_amount_is_looked_up_and_booked_in_full(domain: Domain) -> None:
    [report] = await sell_and_pay(domain, 1)
    assert await domain.settler.settle([replace(report, paid_msat=Msat(0))]) == []
    assert await domain.balances() == BOTH_CREDITED


async def test_a12_a_settlement_whose_amount_nobody_knows_is_not_guessed_and_not_dropped(domain: Domain) -> None:
    [report] = await sell_and_pay(domain, 1)
    domain.core.quirks.hide_paid_amount = True
    before = domain.dump()
    with capture_logs() as logs:
        assert await domain.settler.settle(await domain.node.list_invoices(after_add_index=0, limit=1)) == []
    assert domain.dump() == before
    assert [log["event"] for log in logs] == ["settlement_without_amount"]
    domain.core.quirks.hide_paid_amount = False
    domain.clock.advance(605)
    await domain.sweeper.sweep(due_only=True)
    assert await domain.balances() == BOTH_CREDITED
    assert domain.announced == [report.payment_hash]


async def test_nothing_is_announced_before_it_is_committed(domain: Domain) -> None:
    [report] = await sell_and_pay(domain, 1)
    await domain.store.close()
    with pytest.raises(Unavailable):
        await domain.settler.settle([report])
    assert domain.announced == []


async def keep(domain: Domain, invoice: Invoice) -> Invoice:
    """Insert an invoice that no node has."""
    assert await domain.store.write(lambda tx: tx.invoices.insert(invoice))
    return invoice
