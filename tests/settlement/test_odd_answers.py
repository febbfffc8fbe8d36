"""One odd answer of a node, or one odd row, costs no other payment."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeInvoice
from gateway.settlement import sweep
from tests.settlement.test_sweep import add_many
from tests.support.domain import Till
from tests.support.observed_node import ObservedNode
from tests.support.rows import EXPIRY_SECONDS
from tests.support.settlements import sell_and_pay


async def test_rows_that_share_an_add_index_are_all_swept_however_they_fall_on_pages(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "ROWS_AT_ONCE", 3)
    invoices = await add_many(till, range(1, 11))
    # So it is at a node that was restored twice and counted anew each time.
    same = [replace(invoice, add_index=1 + invoice.add_index % 2) for invoice in invoices]
    await till.store.write(lambda tx: [tx.invoices.cancel("lnd", [i.payment_hash for i in invoices], now=1)])
    await till.store.write(lambda tx: tx.purges.unpaid(canceled_until=2, limit=99))
    await till.store.write(lambda tx: [tx.invoices.insert(invoice) for invoice in same])
    for invoice in same:
        till.pay(invoice)
    await till.sweeper.sweep()
    assert await till.states(same) == ["settled"] * 10


@pytest.mark.parametrize("count", [3, sweep.SINGLY_UP_TO + 10])
@pytest.mark.parametrize("call", ["lookup", "list_invoices"])
async def test_one_question_that_the_node_refuses_keeps_no_other_payment_from_being_credited(
    till: Till, node: ObservedNode, monkeypatch: pytest.MonkeyPatch, call: str, count: int
) -> None:
    invoices = await add_many(till, range(count))
    for invoice in invoices:
        till.pay(invoice)
    odd, others = invoices[1], invoices[:1] + invoices[2:]
    lookup = node.lookup

    async def refused(payment_hash: str) -> NodeInvoice | None:
        if payment_hash == odd.payment_hash:
            raise Unavailable("node_refused", "LND refused LookupInvoice: it is odd")
        return await lookup(payment_hash)

    node.failing = {"list_invoices": Unavailable("node_refused", "LND refused ListInvoices: one of a page is odd")}
    if call == "lookup":
        monkeypatch.setattr(node, "lookup", refused)
    till.clock.advance(EXPIRY_SECONDS + 10)
    await till.sweeper.sweep()
    assert await till.states(others) == ["settled"] * (count - 1)
    assert await till.states([odd]) == ["open" if call == "lookup" else "settled"]


async def test_a_node_that_refuses_every_question_is_not_asked_for_ever(till: Till, node: ObservedNode) -> None:
    await add_many(till, range(200))
    node.failing = {name: Unavailable("node_refused", "no such permission") for name in ("lookup", "list_invoices")}
    with pytest.raises(Unavailable, match="no such permission"):
        await till.sweeper.sweep()
    assert node.asked("lookup") <= 2 * sweep.MOST_REFUSED


async def test_one_settlement_without_its_amount_keeps_no_other_from_being_booked(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, *others = await sell_and_pay(till, 3)

    async def away(_payment_hash: str) -> None:
        raise Unavailable("node_away", "gone")

    monkeypatch.setattr(till.node, "lookup", away)
    booked = await till.settler.settle([replace(odd, paid_msat=Msat(0)), *others])
    assert [invoice.payment_hash for invoice in booked] == [report.payment_hash for report in others]


async def test_a_settlement_without_its_date_is_one_of_now(till: Till) -> None:
    [report] = await sell_and_pay(till, 1)
    [settled] = await till.settler.settle([replace(report, settled_at=0)])
    assert settled.settled_at == int(till.clock.now)


async def test_a_row_of_a_kind_that_only_a_newer_release_knows_keeps_no_other_from_being_booked(till: Till) -> None:
    invoices = await till.sell_many(3)
    for invoice in invoices:
        till.pay(invoice)
    newer = text("UPDATE invoices SET origin = 'gift' WHERE payment_hash = :hash").bindparams(
        hash=invoices[1].payment_hash
    )
    await till.store.write(lambda tx: tx.invoices._connection.execute(newer).rowcount)  # type: ignore[attr-defined]  # as no code of this release writes
    reports = await till.node.list_invoices(after_add_index=0, limit=10)
    booked = await till.settler.settle(reports)
    assert [each.payment_hash for each in booked] == [invoices[0].payment_hash, invoices[2].payment_hash]
    known = text("UPDATE invoices SET origin = 'checkout'")
    await till.store.write(lambda tx: tx.invoices._connection.execute(known).rowcount)  # type: ignore[attr-defined]  # the newer release is back
    assert len(await till.settler.settle(reports)) == 1
