"""Paid invoices, LND's reports of them, and the comparison of books and node."""

from collections.abc import Sequence

from gateway.books.ledger import NODE_ACCOUNT
from gateway.ports.node import NodeInvoice
from gateway.rows import Invoice
from gateway.settlement.reconcile import Difference, Reconciliation, reconcile
from tests.support.domain import Till

BOTH_CREDITED = {"creator:alice": 70_000, "creator:bob": 30_000, NODE_ACCOUNT: -100_000}


async def reports_of(till: Till, invoices: Sequence[Invoice]) -> list[NodeInvoice]:
    """The node's report of each."""
    found = [await till.node.lookup(invoice.payment_hash) for invoice in invoices]
    return [report for report in found if report is not None]


async def sell_and_pay(till: Till, count: int) -> list[NodeInvoice]:
    """The node's reports of paid invoices that are not booked yet."""
    invoices = await till.sell_many(count)
    for invoice in invoices:
        till.pay(invoice)
    return await reports_of(till, invoices)


async def audited(till: Till) -> Reconciliation:
    """A reconciliation, a minute after the last payment."""
    till.clock.advance(61)
    return await reconcile(till.node, till.store, now=int(till.clock.now))


async def sold_and_paid(till: Till, count: int) -> list[Invoice]:
    """Paid invoices that the sweep has booked."""
    invoices = await till.sell_many(count)
    for invoice in invoices:
        till.pay(invoice)
    await till.sweeper.sweep()
    return invoices


def differences(found: Reconciliation) -> list[tuple[Difference, str]]:
    """Each difference with its payment_hash."""
    return [(each.difference, each.payment_hash) for each in found.discrepancies]
