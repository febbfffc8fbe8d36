"""One odd answer of a node, or one odd row, costs no other payment."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeInvoice
from gateway.settlement import sweep
from gateway.settlement.sweep import Sweeper
from tests.settlement.test_sweep import add_many
from tests.support.domain import Domain
from tests.support.nodes.observed_node import ObservedNode
from tests.support.rows import EXPIRY_SECONDS
from tests.support.settlements import sell_and_pay


async def test_rows_that_share_an_add_index_are_all_swept_however_they_fall_on_pages(domain: Domain) -> None:
    invoices = await add_many(domain, range(1, 11))
    # So it is at a node that was restored twice and counted anew each time.
    same = [replace(invoice, add_index=1 + invoice.add_index % 2) for invoice in invoices]
    await domain.store.write(lambda tx: [tx.invoices.cancel("lnd", [i.payment_hash for i in invoices], now=1)])
    await domain.store.write(lambda tx: tx.purges.unpaid(canceled_until=2, limit=99))
    await domain.store.write(lambda tx: [tx.invoices.insert(invoice) for invoice in same])
    for invoice in same:
        domain.pay(invoice)
    await Sweeper(domain.pinned, domain.settler, domain.store, domain.clock, rows_at_once=3).sweep()
    assert await domain.states(same) == ["settled"] * 10


@pytest.mark.parametrize("count", [3, sweep.SINGLY_UP_TO + 10])
@pytest.mark.parametrize("call", ["lookup", "list_invoices"])
async def test_one_question_that_the_node_refuses_keeps_no_other_payment_from_being_credited(
    domain: Domain, node: ObservedNode, monkeypatch: pytest.MonkeyPatch, call: str, count: int
) -> None:
    invoices = await add_many(domain, range(count))
    for invoice in invoices:
        domain.pay(invoice)
    odd, others = invoices[1], invoices[:1] + invoices[2:]
    lookup = node.lookup

    async def refused(payment_hash: str) -> NodeInvoice | None:
        if payment_hash == odd.payment_hash:
            raise Unavailable("node_refused", "LND refused LookupInvoice: it is odd")
        return await lookup(payment_hash)

    node.failing = {"list_invoices": Unavailable("node_refused", "LND refused ListInvoices: one of a page is odd")}
    if call == "lookup":
        monkeypatch.setattr(node, "lookup", refused)
    domain.clock.advance(EXPIRY_SECONDS + 10)
    await domain.sweeper.sweep()
    assert await domain.states(others) == ["settled"] * (count - 1)
    assert await domain.states([odd]) == ["open" if call == "lookup" else "settled"]


async def test_a_node_that_refuses_every_question_is_not_asked_for_ever(domain: Domain, node: ObservedNode) -> None:
    await add_many(domain, range(200))
    node.failing = {name: Unavailable("node_refused", "no such permission") for name in ("lookup", "list_invoices")}
    with pytest.raises(Unavailable, match="no such permission"):
        await domain.sweeper.sweep()
    assert node.asked("lookup") <= 2 * sweep.MOST_REFUSED


async def test_one_settlement_without_its_amount_keeps_no_other_from_being_booked(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, *others = await sell_and_pay(domain, 3)

    async def away(_payment_hash: str) -> None:
        raise Unavailable("node_away", "gone")

    monkeypatch.setattr(domain.node, "lookup", away)
    booked = await domain.settler.settle([replace(odd, paid_msat=Msat(0)), *others])
    assert [invoice.payment_hash for invoice in booked] == [report.payment_hash for report in others]


async def test_a_settlement_without_its_date_is_one_of_now(domain: Domain) -> None:
    [report] = await sell_and_pay(domain, 1)
    [settled] = await domain.settler.settle([replace(report, settled_at=0)])
    assert settled.settled_at == int(domain.clock.now)


async def test_a_row_of_a_kind_that_only_a_newer_release_knows_keeps_no_other_from_being_booked(domain: Domain) -> None:
    invoices = await domain.sell_many(3)
    for invoice in invoices:
        domain.pay(invoice)
    newer = text("UPDATE invoices SET origin = 'gift' WHERE payment_hash = :hash").bindparams(
        hash=invoices[1].payment_hash
    )
    await domain.store.write(lambda tx: tx.invoices._connection.execute(newer).rowcount)  # type: ignore[attr-defined]  # as no code of this release writes
    reports = await domain.node.list_invoices(after_add_index=0, limit=10)
    booked = await domain.settler.settle(reports)
    assert [each.payment_hash for each in booked] == [invoices[0].payment_hash, invoices[2].payment_hash]
    known = text("UPDATE invoices SET origin = 'checkout'")
    await domain.store.write(lambda tx: tx.invoices._connection.execute(known).rowcount)  # type: ignore[attr-defined]  # the newer release is back
    assert len(await domain.settler.settle(reports)) == 1
