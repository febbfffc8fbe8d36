"""Coalesces reads of invoices: requests that arrive during a read share the next one.

Thousands of waiters that wake at once cost a few reads.
"""

import asyncio
from collections.abc import Mapping, Sequence

from gateway.ports.store import Store, Tx
from gateway.rows import Invoice
from gateway.supervise import begin

Rows = Mapping[str, Invoice]


class SharedReads:
    """Reads of invoices by payment hash, one transaction at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading = asyncio.Lock()
        self._wanted: set[str] = set()
        self._next: asyncio.Task[Rows] | None = None

    async def invoice(self, payment_hash: str) -> Invoice | None:
        """The row, read after this call began. Raises `Unavailable`."""
        self._wanted.add(payment_hash)
        if self._next is None:
            self._next = begin(self._read())
        return (await asyncio.shield(self._next)).get(payment_hash)

    async def _read(self) -> Rows:
        async with self._reading:
            # No later call joins this read: the row could change after it was read.
            wanted = sorted(self._wanted)
            self._wanted, self._next = set(), None
            return await self._store.read(lambda tx: _rows(tx, wanted))


def _rows(tx: Tx, wanted: Sequence[str]) -> Rows:
    return {invoice.payment_hash: invoice for invoice in tx.invoices.get_many(wanted)}
