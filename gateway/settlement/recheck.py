"""Asks the node that issued an invoice about it, and cancels it there."""

from collections.abc import Mapping
from functools import partial

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.nodes.pool import Nodes
from gateway.ports.clock import Clock
from gateway.ports.node import NodeInvoiceState
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice, InvoiceState
from gateway.settlement.bounded_map import BoundedMap
from gateway.settlement.settle import Settler

RECHECK_EVERY_SECONDS = 5.0


class Rechecker:
    """Looks single invoices up; an invoice of a node that is no longer configured is returned unchanged."""

    def __init__(self, nodes: Nodes, settlers: Mapping[str, Settler], store: Store, clock: Clock) -> None:
        self._nodes, self._settlers, self._store, self._clock = nodes, settlers, store, clock
        self._asked_at: BoundedMap[float] = BoundedMap()

    async def recheck(self, invoice: Invoice) -> Invoice:
        """Ask the node about an open invoice, at most every 5 s; returns the invoice as it is then.

        LND's SETTLED is final: the invoice is returned as settled even if the database cannot book it within a second.
        Raises `Unavailable`.
        """
        settler = self._settlers.get(invoice.node_id)
        if settler is None or invoice.state is not InvoiceState.OPEN:
            return invoice
        now, payment_hash = self._clock(), invoice.payment_hash
        if now - self._asked_at.get(payment_hash, 0.0) < RECHECK_EVERY_SECONDS:
            return settler.as_reported(invoice)
        self._asked_at.put(payment_hash, now)
        report = settler.unbooked(payment_hash) or await settler.node.lookup(payment_hash)
        if report is None or report.state is not NodeInvoiceState.SETTLED:
            return invoice
        if report.paid_msat <= 0:
            await settler.settle([report])
        elif not await settler.settle_soon(report):
            return settler.as_reported(invoice)
        # Read again: the stream may have reported it, and had it booked, during the look-up.
        return await self._row(invoice)

    async def try_recheck(self, invoice: Invoice) -> Invoice:
        """As `recheck`; returns the invoice unchanged while its node or the database does not answer."""
        try:
            return await self.recheck(invoice)
        except (Unavailable, OutcomeUnknown):
            return invoice

    def as_reported(self, invoice: Invoice) -> Invoice:
        """The invoice of a row; settled, if LND has reported so and the database could not book it yet."""
        settler = self._settlers.get(invoice.node_id)
        return invoice if settler is None else settler.as_reported(invoice)

    async def cancel(self, invoice: Invoice) -> Invoice:
        """Cancel an open invoice at its node; returns it as it is then: settled, if it was paid before.

        It stays open if LND does not report it as canceled; the sweep asks again. Raises `Unavailable` and
        `OutcomeUnknown`.
        """
        settler = self._settlers.get(invoice.node_id)
        if settler is None:
            return invoice
        await self._nodes[invoice.node_id].pinned.confirm()
        await settler.node.cancel(invoice.payment_hash)
        report = await settler.node.lookup(invoice.payment_hash)
        if report is not None and report.state is NodeInvoiceState.SETTLED:
            await settler.settle([report])
        elif report is not None and report.state is NodeInvoiceState.CANCELED:
            await self._store.write(partial(_cancel, invoice=invoice, now=int(self._clock())))
            settler.announcer.canceled(invoice.payment_hash)
        return await self._row(invoice)

    async def may_be_paid(self, invoice: Invoice) -> bool:
        """Whether its node has the invoice in another state than canceled. Raises `Unavailable`."""
        settler = self._settlers.get(invoice.node_id)
        report = None if settler is None else await settler.node.lookup(invoice.payment_hash)
        return report is not None and report.state is not NodeInvoiceState.CANCELED

    async def _row(self, invoice: Invoice) -> Invoice:
        return await self._store.read(lambda tx: tx.invoices.get(invoice.payment_hash)) or invoice


def _cancel(tx: Tx, *, invoice: Invoice, now: int) -> None:
    tx.invoices.cancel(invoice.node_id, [invoice.payment_hash], now=now)
