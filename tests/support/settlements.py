"""Paid invoices, LND's reports of them, and the comparison of books and node."""

from collections.abc import Sequence

from gateway.ports.node import NodeInvoice
from gateway.rows import Invoice
from gateway.settlement.reconcile import Difference, Reconciliation, reconcile
from tests.support.domain import Domain
from tests.support.rows import NODE_ACCOUNT

BOTH_CREDITED = {"creator:alice": 70_000, "creator:bob": 30_000, NODE_ACCOUNT: -100_000}


async def reports_of(domain: Domain, invoices: Sequence[Invoice]) -> list[NodeInvoice]:
    """The node's report of each."""
    found = [await domain.node.lookup(invoice.payment_hash) for invoice in invoices]
    return [report for report in found if report is not None]


async def sell_and_pay(domain: Domain, count: int) -> list[NodeInvoice]:
    """The node's reports of paid invoices that are not booked yet."""
    invoices = await domain.sell_many(count)
    for invoice in invoices:
        domain.pay(invoice)
    return await reports_of(domain, invoices)


async def audited(domain: Domain) -> Reconciliation:
    """A reconciliation, a minute after the last payment."""
    domain.clock.advance(61)
    return await reconcile(domain.node, domain.store, now=int(domain.clock.now))


async def sold_and_paid(domain: Domain, count: int) -> list[Invoice]:
    """Paid invoices that the sweep has booked."""
    invoices = await domain.sell_many(count)
    for invoice in invoices:
        domain.pay(invoice)
    await domain.sweeper.sweep()
    return invoices


def differences(found: Reconciliation) -> list[tuple[Difference, str]]:
    """Each difference with its payment_hash."""
    return [(each.difference, each.payment_hash) for each in found.discrepancies]
