"""Invoices of the simulated node by add_index and by payment hash, and in the order in which they expire."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from gateway.ports.node import NodeInvoiceState
from gateway.simulator.invoice import SimulatedInvoice

PENDING = (NodeInvoiceState.OPEN, NodeInvoiceState.ACCEPTED)


class Registry:
    """Rows; `record` is called with each that changes. Counters only grow, and deleted rows leave gaps.

    `received_msat` is the sum of all that was paid and settled.
    """

    def __init__(self, record: Callable[[SimulatedInvoice], None]) -> None:
        self.settle_index = self.received_msat = 0
        self._record = record
        self._rows: list[SimulatedInvoice | None] = []
        self._add_indexes: dict[bytes, int] = {}
        self._expiries: list[tuple[int, int]] = []

    @property
    def add_index(self) -> int:
        """The highest add_index so far."""
        return len(self._rows)

    def restore(self, rows: Iterable[SimulatedInvoice]) -> None:
        """Add recorded rows, in the order of recording; the last row of an invoice counts."""
        for row in rows:
            self._rows.extend([None] * (row.add_index - len(self._rows)))
            self._place(row)
            self.settle_index = max(self.settle_index, row.settle_index)
        for row in self:
            self.schedule_expiry(row)

    def __iter__(self) -> Iterator[SimulatedInvoice]:
        """Every row, in add order."""
        return (row for row in self._rows if row is not None)

    def get(self, payment_hash: bytes) -> SimulatedInvoice | None:
        """The row of a payment hash, or None."""
        add_index = self._add_indexes.get(payment_hash)
        return None if add_index is None else self._rows[add_index - 1]

    def page(self, *, index_offset: int, limit: int, is_reversed: bool, pending_only: bool) -> list[SimulatedInvoice]:
        """At most `limit` rows after the offset (reversed: before it, 0 meaning the end), in add order."""
        if is_reversed:
            places = range((index_offset - 1 if index_offset else len(self._rows)) - 1, -1, -1)
        else:
            places = range(index_offset, len(self._rows))
        rows = (row for place in places if (row := self._rows[place]) and (not pending_only or row.state in PENDING))
        page = list(islice(rows, limit))
        return page[::-1] if is_reversed else page

    def add(self, row: SimulatedInvoice) -> SimulatedInvoice:
        """Add a row, whose add_index is the highest plus one."""
        assert row.add_index == self.add_index + 1, "add_index grows by one"
        self._rows.append(None)
        self.schedule_expiry(row)
        return self.change(row)

    def change(self, row: SimulatedInvoice) -> SimulatedInvoice:
        """Replace a row."""
        self._place(row)
        self._record(row)
        return row

    def delete(self, row: SimulatedInvoice) -> None:
        """Delete a row; its add_index is not used again."""
        self._rows[row.add_index - 1] = None
        del self._add_indexes[row.payment_hash]

    def schedule_expiry(self, row: SimulatedInvoice) -> None:
        """Include the row in `expired` once its expiry has passed."""
        if row.state is NodeInvoiceState.OPEN and not row.is_amp:
            heapq.heappush(self._expiries, (row.expires_at, row.add_index))

    def expired(self, now: int) -> Iterator[SimulatedInvoice]:
        """Open rows whose expiry has passed, each returned once."""
        while self._expiries and self._expiries[0][0] <= now:
            _, add_index = heapq.heappop(self._expiries)
            row = self._rows[add_index - 1]
            if row is not None and row.state is NodeInvoiceState.OPEN:
                yield row

    def _place(self, row: SimulatedInvoice) -> None:
        old = self._rows[row.add_index - 1]
        self.received_msat += _received_msat(row) - (_received_msat(old) if old is not None else 0)
        self._rows[row.add_index - 1] = row
        self._add_indexes[row.payment_hash] = row.add_index


def _received_msat(row: SimulatedInvoice) -> int:
    return row.paid_msat if row.settle_index else 0
