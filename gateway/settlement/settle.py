"""Books settlements: `follow`, `sweep` and `recheck` all end in `Settler.settle`, and nothing else credits money."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway.books.ledger import transfers_of
from gateway.errors import OutcomeUnknown, Unavailable
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.node import Node, NodeInvoice, NodeInvoiceState
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice, InvoiceState, Settlement
from gateway.settlement.bounded_map import BoundedMap
from gateway.supervise import begin

BOOKED_WITHIN_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An invoice that was settled by this transaction, and its state before."""

    invoice: Invoice
    was: InvoiceState


class Settler:
    """Settles the invoices of one node, exactly once however often they are reported."""

    def __init__(self, node: Node, store: Store, clock: Clock, announcer: Announcer) -> None:
        self.node, self.announcer = node, announcer
        self._store, self._clock = store, clock
        self._unbooked: BoundedMap[NodeInvoice] = BoundedMap()

    async def settle(self, reports: Sequence[NodeInvoice]) -> list[Invoice]:
        """Book the settled ones of `reports` in one commit; returns those that were not booked before.

        Raises `Unavailable` and `OutcomeUnknown`.
        """
        arrived_at = self._clock()
        settled = [report for report in reports if report.state is NodeInvoiceState.SETTLED]
        booked = await self._book([report for report in settled if report.paid_msat > 0], arrived_at)
        for report in settled:
            if report.paid_msat <= 0:
                await self._settle_without_amount(report)
        return booked

    async def settle_soon(self, report: NodeInvoice) -> bool:
        """Book a settlement, which its payer waits for; False if it is not booked within a second."""
        self._unbooked.put(report.payment_hash, report)
        booking = begin(self.settle([report]))
        await asyncio.wait([booking], timeout=BOOKED_WITHIN_SECONDS)
        if not booking.done():
            return False
        try:
            booking.result()
        except (Unavailable, OutcomeUnknown):
            return False
        self._unbooked.drop(report.payment_hash)
        return True

    def unbooked(self, payment_hash: str) -> NodeInvoice | None:
        """LND's report of a settlement that the database could not book yet."""
        return self._unbooked.get(payment_hash, None)

    def as_reported(self, invoice: Invoice) -> Invoice:
        """The invoice of a row; settled, if LND has reported so and the database could not book it yet."""
        report = self.unbooked(invoice.payment_hash)
        if report is None or invoice.state is not InvoiceState.OPEN:
            return invoice
        [settlement] = _settlements([report], now=int(self._clock()))
        return _booked(invoice, settlement).invoice

    async def _book(self, reports: Sequence[NodeInvoice], arrived_at: float) -> list[Invoice]:
        if not reports:
            return []
        settlements = _settlements(reports, now=int(arrived_at))
        work = partial(book, node_id=self.node.node_id, settlements=settlements, now=int(arrived_at))
        try:
            booked = await self._store.write(work)
        except (Unavailable, OutcomeUnknown):
            for report in reports:
                self._unbooked.put(report.payment_hash, report)
            raise
        return self._announce(booked, arrived_at) if booked else []

    async def _settle_without_amount(self, report: NodeInvoice) -> None:
        """Look a settlement up that was reported without an amount, as LND settles none for nothing.

        If that fails, the sweep asks again.
        """
        try:
            again = await self.node.lookup(report.payment_hash)
        except Unavailable:
            again = None
        if again is not None and again.state is NodeInvoiceState.SETTLED and again.paid_msat > 0:
            await self._book([again], self._clock())
        else:
            log.error("settlement_without_amount", payment_hash=report.payment_hash[:8])

    def _announce(self, booked: Sequence[Booked], arrived_at: float) -> list[Invoice]:
        invoices = [each.invoice for each in booked]
        for each in booked:
            if each.was is InvoiceState.CANCELED:
                log.error("settled_after_canceled", payment_hash=each.invoice.payment_hash[:8])
        log.info(
            "settled",
            payment_hashes=[invoice.payment_hash[:8] for invoice in invoices],
            paid_msat=sum(invoice.paid_msat or 0 for invoice in invoices),
        )
        self.announcer.settled(invoices, arrived_at=arrived_at)
        return invoices


def book(tx: Tx, *, node_id: str, settlements: Sequence[Settlement], now: int) -> list[Booked]:
    """The settling transaction: lock, guarded update, ledger transfers, events, in that order.

    Invoices that were settled before, or have no row here, are left out. Events follow the order of `settlements`.
    """
    locked = {row.payment_hash: row for row in tx.invoices.lock([s.payment_hash for s in settlements])}
    unsettled = {hash_: row for hash_, row in locked.items() if _awaits(row, node_id)}
    fresh = [settlement for settlement in settlements if settlement.payment_hash in unsettled]
    tx.invoices.settle(node_id, fresh)
    booked = [_booked(unsettled[settlement.payment_hash], settlement) for settlement in fresh]
    tx.ledger.post([transfer for each in booked for transfer in transfers_of(each.invoice, now=now)])
    tx.events.append([each.invoice.payment_hash for each in booked], now=now)
    return booked


def _awaits(invoice: Invoice, node_id: str) -> bool:
    return invoice.node_id == node_id and invoice.state is not InvoiceState.SETTLED


def _booked(invoice: Invoice, settlement: Settlement) -> Booked:
    settled = replace(
        invoice,
        state=InvoiceState.SETTLED,
        paid_msat=settlement.paid_msat,
        settled_at=settlement.settled_at,
        settle_index=settlement.settle_index,
    )
    return Booked(invoice=settled, was=invoice.state)


def _settlements(reports: Sequence[NodeInvoice], *, now: int) -> list[Settlement]:
    """One settlement per invoice, in the order of the first reports; one without a date settled now."""
    unique = {report.payment_hash: report for report in reversed(reports)}
    return [
        Settlement(
            payment_hash=report.payment_hash,
            paid_msat=report.paid_msat,
            settled_at=report.settled_at or now,
            settle_index=report.settle_index,
        )
        for report in reversed(unique.values())
    ]
