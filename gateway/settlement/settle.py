"""Money becomes state here and nowhere else: `follow`, `sweep` and an operator's recheck all end in `settle`."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import structlog

from gateway.books.ledger import transfers_of
from gateway.errors import OutcomeUnknown, Unavailable
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.node import Node, NodeInvoice, NodeInvoiceState
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice, InvoiceState, Settlement
from gateway.supervise import begin

RECHECK_EVERY_SECONDS = 5.0
BOOKED_WITHIN_SECONDS = 1.0
_REMEMBERED = 10_000

log = structlog.get_logger()

V = TypeVar("V")
D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An invoice that this settlement, and no other, settled; and what it was before."""

    invoice: Invoice
    was: InvoiceState


class Settler:
    """Settles the invoices of one node, exactly once however often they are reported."""

    def __init__(self, node: Node, store: Store, clock: Clock, announcer: Announcer) -> None:
        self.node, self.announcer = node, announcer
        self._store, self._clock = store, clock
        self._asked: _Recent[float] = _Recent()
        self._unbooked: _Recent[NodeInvoice] = _Recent()

    async def settle(self, reports: Sequence[NodeInvoice]) -> list[Invoice]:
        """Book the settled ones among `reports` in one commit; gives those that were not booked before."""
        arrived_at = self._clock()
        settled = [report for report in reports if report.state is NodeInvoiceState.SETTLED]
        booked = await self._book([report for report in settled if report.paid_msat > 0], arrived_at)
        for report in settled:
            if report.paid_msat <= 0:
                await self._settle_without_amount(report)
        return booked

    async def recheck(self, invoice: Invoice) -> Invoice:
        """Ask the node about an open invoice, at most every 5 s; gives the invoice as it is then.

        Settled is the node's word, and final: it holds while the database cannot book it, which is tried for a second.
        """
        now = self._clock()
        if invoice.state is not InvoiceState.OPEN:
            return invoice
        if now - self._asked.get(invoice.payment_hash, 0.0) < RECHECK_EVERY_SECONDS:
            return self.as_known(invoice)
        self._asked.put(invoice.payment_hash, now)
        report = self._unbooked.get(invoice.payment_hash, None) or await self.node.lookup(invoice.payment_hash)
        if report is None or report.state is not NodeInvoiceState.SETTLED:
            return invoice
        if report.paid_msat <= 0:
            await self.settle([report])
        elif not await self._book_soon(report):
            return self.as_known(invoice)
        # Read again: the stream may have told it, and booked it, while the node was being asked.
        return await self._store.read(lambda tx: tx.invoices.get(invoice.payment_hash)) or invoice

    def as_known(self, invoice: Invoice) -> Invoice:
        """An invoice of a row; settled, when the node has said so and the database could not book it yet."""
        report = self._unbooked.get(invoice.payment_hash, None)
        if report is None or invoice.state is not InvoiceState.OPEN:
            return invoice
        [settlement] = _settlements([report], now=int(self._clock()))
        return _booked(invoice, settlement).invoice

    async def cancel(self, invoice: Invoice) -> Invoice:
        """Cancel an open invoice at the node; gives it as it is then: settled, when it was paid before.

        It stays open when the node does not say that it is canceled; then the sweep asks again.
        """
        await self.node.cancel(invoice.payment_hash)
        report = await self.node.lookup(invoice.payment_hash)
        if report is not None and report.state is NodeInvoiceState.SETTLED:
            await self.settle([report])
        elif report is not None and report.state is NodeInvoiceState.CANCELED:
            canceled = partial(_cancel, node_id=self.node.node_id, payment_hash=invoice.payment_hash)
            await self._store.write(partial(canceled, now=int(self._clock())))
        return await self._store.read(lambda tx: tx.invoices.get(invoice.payment_hash)) or invoice

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

    async def _book_soon(self, report: NodeInvoice) -> bool:
        """Whether a settlement could be booked; a database that is locked or full keeps its payer from nothing."""
        self._unbooked.put(report.payment_hash, report)
        booking = begin(self.settle([report]))
        await asyncio.wait([booking], timeout=BOOKED_WITHIN_SECONDS)
        if not booking.done():
            return False
        try:
            booking.result()
        except (Unavailable, OutcomeUnknown):
            return False
        self._unbooked.forget(report.payment_hash)
        return True

    async def _settle_without_amount(self, report: NodeInvoice) -> None:
        """LND never settles for nothing: a report without its amount is looked up; none is dropped, and none guessed.

        One that cannot be looked up now is left to the sweep, which asks again.
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

    What was settled before, and what is not ours, changes nothing. The order of the reports is that of the events.
    """
    locked = {row.payment_hash: row for row in tx.invoices.lock([s.payment_hash for s in settlements])}
    unsettled = {hash_: row for hash_, row in locked.items() if _awaits(row, node_id)}
    fresh = [settlement for settlement in settlements if settlement.payment_hash in unsettled]
    tx.invoices.settle(node_id, fresh)
    booked = [_booked(unsettled[settlement.payment_hash], settlement) for settlement in fresh]
    tx.ledger.post([transfer for each in booked for transfer in transfers_of(each.invoice, now=now)])
    tx.events.append([each.invoice.payment_hash for each in booked], now=now)
    return booked


def _cancel(tx: Tx, *, node_id: str, payment_hash: str, now: int) -> None:
    tx.invoices.cancel(node_id, [payment_hash], now=now)


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
    """One fact per invoice, in the order first told; a settlement without its date is one of now."""
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


class _Recent(Generic[V]):
    """Values by payment hash; the oldest are forgotten."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, payment_hash: str, default: D) -> V | D:
        return self._values.get(payment_hash, default)

    def put(self, payment_hash: str, value: V) -> None:
        self._values[payment_hash] = value
        self._values.move_to_end(payment_hash)
        if len(self._values) > _REMEMBERED:
            self._values.popitem(last=False)

    def forget(self, payment_hash: str) -> None:
        self._values.pop(payment_hash, None)
